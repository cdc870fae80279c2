/** The protobuf wire format: reads one message into its fields. Source: protobuf.dev, "Encoding". */

import { badRequest } from '../http/status.ts';

/** A varint (bigint), a fixed number, or the bytes of a string or message. */
export type ProtoValue = bigint | number | Uint8Array;

/** Reads one message. Throws a 400 on malformed input. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Every field of the message, in order of appearance. */
  fields(): Map<number, ProtoValue[]> {
    const fields = new Map<number, ProtoValue[]>();
    while (this.#at < this.#bytes.length) {
      const tag = Number(this.#varint());
      const value = this.#value(tag & 7);
      const list = fields.get(tag >>> 3);
      if (list === undefined) fields.set(tag >>> 3, [value]);
      else list.push(value);
    }
    return fields;
  }

  /** The whole message as packed varints. */
  varints(): bigint[] {
    const values: bigint[] = [];
    while (this.#at < this.#bytes.length) values.push(this.#varint());
    return values;
  }

  #value(wireType: number): ProtoValue {
    switch (wireType) {
      case 0:
        return this.#varint();
      case 1:
        return new DataView(Uint8Array.from(this.#take(8)).buffer).getFloat64(0, true);
      case 2:
        return this.#take(Number(this.#varint()));
      case 5:
        return new DataView(Uint8Array.from(this.#take(4)).buffer).getFloat32(0, true);
      default:
        throw badRequest(`proto: illegal wireType ${wireType}`);
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (!Number.isSafeInteger(length) || length < 0 || end > this.#bytes.length)
      throw badRequest('proto: unexpected EOF');
    const slice = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }

  #varint(): bigint {
    let result = 0;
    let shift = 0;
    // Numbers below 2^28 are the common case and need no bigint.
    for (; shift < 28; shift += 7) {
      const byte = this.#byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(result);
    }
    let wide = BigInt(result);
    for (let wideShift = 28n; wideShift < 70n; wideShift += 7n) {
      const byte = this.#byte();
      wide |= BigInt(byte & 0x7f) << wideShift;
      if (byte < 0x80) return BigInt.asUintN(64, wide);
    }
    throw badRequest('proto: integer overflow');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw badRequest('proto: unexpected EOF');
    return byte;
  }
}
