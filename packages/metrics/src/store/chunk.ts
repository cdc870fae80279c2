/**
 * A compressed run of samples of one series, written and read as a byte stream of tagged values:
 *
 *   0x00–0x7f  the last value again, tag + 1 times, at the same distance in time
 *   0x80–0xbf  the last value plus (tag - 0x80) + 1: counters that move slowly
 *   0xc0       the last value plus a zigzag varint: whole numbers
 *   0xc1       8 bytes: any float
 *   0xc2       a stale marker; the next value is relative to the one before it
 *   0xc3       one byte `zeros << 4 | bytes`, then the middle bytes of the exclusive-or with the last value
 *   0xc4       a zigzag varint: the next sample's distance in time changes by that many milliseconds
 *
 * Scrapes are aligned in time and most series rarely change, so that a sample costs well under a byte on average.
 */

import type { Samples } from '../promql/environment.ts';
import { staleHighBits, staleLowBits } from '../promql/select.ts';

const tagDelta = 0x80;
const maxSmallDelta = 64;
const tagVarint = 0xc0;
const tagFloat = 0xc1;
const tagStale = 0xc2;
const tagXor = 0xc3;
const tagTime = 0xc4;
const maxRepeat = 0x80;
/** The longest encoding of one sample: a time change and a float. */
const maxSampleBytes = 24;

/** Samples per chunk: few enough that reading one for its last samples is cheap. */
const samplesPerChunk = 480;

/** Samples in ascending time, appended until full. */
export class Chunk {
  readonly startMs: number;
  #bytes = new Uint8Array(48);
  #size = 0;
  #count = 0;
  #lastMs: number;
  #intervalMs = 0;
  #last = 0;
  #repeatAt = -1;

  constructor(startMs: number) {
    this.startMs = startMs;
    this.#lastMs = startMs;
  }

  get count(): number {
    return this.#count;
  }

  get endMs(): number {
    return this.#lastMs;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  get full(): boolean {
    return this.#count >= samplesPerChunk;
  }

  /** Adds a sample later than the last one; `undefined` is a stale marker. */
  append(atMs: number, value: number | undefined): void {
    this.#reserve();
    const intervalMs = atMs - this.#lastMs;
    if (intervalMs !== this.#intervalMs) {
      this.#put(tagTime);
      this.#putVarint(intervalMs - this.#intervalMs);
      this.#intervalMs = intervalMs;
      this.#repeatAt = -1;
    }
    this.#lastMs = atMs;
    this.#count++;
    this.#putValue(value);
  }

  /** Gives back the memory that was kept for growing. */
  seal(): void {
    this.#bytes = this.#bytes.slice(0, this.#size);
  }

  /** Appends the samples with `afterMs < time <= untilMs` to `into`. */
  read(afterMs: number, untilMs: number, into: SampleBuffer): void {
    const reader = new Reader(this.#bytes, this.#size);
    let atMs = this.startMs;
    let intervalMs = 0;
    let last = 0;
    for (let left = this.#count; left > 0;) {
      let tag = reader.byte();
      if (tag === tagTime) {
        intervalMs += reader.varint();
        tag = reader.byte();
      }
      if (tag < tagDelta) {
        for (let repeat = tag; repeat >= 0; repeat--) {
          atMs += intervalMs;
          left--;
          if (atMs > afterMs && atMs <= untilMs) into.push(atMs, last);
        }
        if (atMs > untilMs) return;
        continue;
      }
      atMs += intervalMs;
      left--;
      if (atMs > untilMs) return;
      const wanted = atMs > afterMs;
      if (tag === tagStale) {
        if (wanted) into.pushStale(atMs);
        continue;
      }
      last = reader.value(tag, last);
      if (wanted) into.push(atMs, last);
    }
  }

  #putValue(value: number | undefined): void {
    const previous = this.#last;
    if (value === undefined) {
      this.#put(tagStale);
      this.#repeatAt = -1;
      return;
    }
    if (Object.is(value, previous)) {
      this.#putRepeat();
      return;
    }
    this.#repeatAt = -1;
    this.#last = value;
    const delta = value - previous;
    if (Number.isSafeInteger(value) && Number.isSafeInteger(previous) && Math.abs(delta) < 2 ** 31) {
      if (Object.is(value, -0) || Object.is(previous, -0)) this.#putFloat(value);
      else if (delta > 0 && delta <= maxSmallDelta) this.#put(tagDelta + delta - 1);
      else {
        this.#put(tagVarint);
        this.#putVarint(delta);
      }
      return;
    }
    this.#putXor(value, previous);
  }

  #putRepeat(): void {
    const tag = this.#repeatAt < 0 ? maxRepeat : (this.#bytes[this.#repeatAt] ?? maxRepeat);
    if (tag < maxRepeat - 1) {
      this.#bytes[this.#repeatAt] = tag + 1;
      return;
    }
    this.#repeatAt = this.#size;
    this.#put(0);
  }

  #putXor(value: number, previous: number): void {
    const left = floatBytes(value);
    const right = floatBytes(previous);
    const differing = left.map((byte, index) => byte ^ (right[index] ?? 0));
    const first = differing.findIndex((byte) => byte !== 0);
    const last = differing.findLastIndex((byte) => byte !== 0);
    const length = last - first + 1;
    if (first < 0 || length > 6) {
      this.#putFloat(value);
      return;
    }
    this.#put(tagXor);
    this.#put((first << 4) | length);
    for (const byte of differing.subarray(first, last + 1)) this.#put(byte);
  }

  #putFloat(value: number): void {
    this.#put(tagFloat);
    for (const byte of floatBytes(value)) this.#put(byte);
  }

  #putVarint(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest >= 0x80) {
      this.#put((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#put(rest);
  }

  #put(byte: number): void {
    this.#bytes[this.#size++] = byte;
  }

  #reserve(): void {
    if (this.#size + maxSampleBytes <= this.#bytes.length) return;
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Big-endian bytes of a float. */
function floatBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array, size: number) {
    this.#bytes = bytes.subarray(0, size);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  value(tag: number, last: number): number {
    if (tag < tagVarint) return last + (tag - tagDelta + 1);
    if (tag === tagVarint) return last + this.varint();
    if (tag === tagFloat) {
      const value = this.#view.getFloat64(this.#at);
      this.#at += 8;
      return value;
    }
    return this.#xor(last);
  }

  #xor(last: number): number {
    const shape = this.byte();
    const bytes = floatBytes(last);
    const first = shape >> 4;
    for (let index = first; index < first + (shape & 0x0f); index++) bytes[index] = (bytes[index] ?? 0) ^ this.byte();
    return new DataView(bytes.buffer).getFloat64(0);
  }
}

/** Collects samples for the engine; grows as needed. */
export class SampleBuffer implements Samples {
  times: Float64Array;
  values: Float64Array;
  bits: Uint32Array;
  length = 0;

  constructor(capacity: number) {
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.bits = new Uint32Array(this.values.buffer);
  }

  push(atMs: number, value: number): void {
    if (this.length >= this.times.length) this.#grow();
    this.times[this.length] = atMs;
    this.values[this.length] = value;
    this.length++;
  }

  pushStale(atMs: number): void {
    this.push(atMs, NaN);
    this.bits[2 * this.length - 2] = staleLowBits;
    this.bits[2 * this.length - 1] = staleHighBits;
  }

  #grow(): void {
    const capacity = Math.max(16, this.times.length * 2);
    const times = new Float64Array(capacity);
    times.set(this.times);
    const bits = new Uint32Array(2 * capacity);
    bits.set(this.bits);
    this.times = times;
    this.bits = bits;
    this.values = new Float64Array(bits.buffer);
  }
}
