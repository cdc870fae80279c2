/** Carries one request body to the server that is being tried, and again to the next one. */

import type { Readable, Writable } from 'node:stream';

/** Bytes kept for a retry; a longer body is sent once. */
const replayLimitBytes = 64 * 1024;

/**
 * States: kept (everything seen so far can be sent again) or streaming (too long, or no retry is wanted any more).
 * Without a sink the source waits, so that nothing is lost between two tries.
 */
export class BodyRelay {
  readonly #source: Readable;
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #bytes = 0;
  #sink: Writable | undefined;
  #taps: Writable[] = [];
  #ended: boolean;
  #started = false;

  constructor(options: { source: Readable; hasBody: boolean }) {
    this.#source = options.source;
    this.#ended = !options.hasBody;
  }

  /** Bytes of the body that came from the client so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True while the whole body can be sent to another server. */
  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  /** Adds a copy's receiver (a mirror); it gets everything from the start and never slows the body down. */
  tap(sink: Writable): void {
    for (const chunk of this.#kept ?? []) sink.write(chunk);
    if (this.#ended) sink.end();
    else this.#taps.push(sink);
  }

  /** Sends the body to `sink` from its start. */
  attach(sink: Writable | undefined): void {
    this.#sink = sink;
    if (sink === undefined) return;
    for (const chunk of this.#kept ?? []) sink.write(chunk);
    if (this.#ended) {
      sink.end();
      return;
    }
    if (!this.#started) this.#start();
    this.#source.resume();
  }

  /** The server that was tried is gone; the source waits for the next. */
  detach(): void {
    this.#sink = undefined;
    if (!this.#ended && this.#started) this.#source.pause();
  }

  /** There will be no other try. */
  stopKeeping(): void {
    this.#kept = undefined;
  }

  /** The exchange is over: what is left of the body is read and dropped. */
  drain(): void {
    this.stopKeeping();
    this.#sink = undefined;
    for (const tap of this.#taps) tap.destroy();
    this.#taps = [];
    if (this.#ended || this.#source.destroyed) return;
    this.#source.removeAllListeners('data');
    this.#source.resume();
  }

  #start(): void {
    this.#started = true;
    this.#source.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#source.on('end', () => {
      this.#ended = true;
      this.#sink?.end();
      for (const tap of this.#taps.splice(0)) tap.end();
    });
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#kept !== undefined) {
      this.#keptBytes += chunk.length;
      if (this.#keptBytes > replayLimitBytes) this.#kept = undefined;
      else this.#kept.push(chunk);
    }
    for (const tap of this.#taps) if (!tap.destroyed) tap.write(chunk);
    const sink = this.#sink;
    if (sink === undefined || sink.destroyed || sink.write(chunk)) return;
    this.#source.pause();
    sink.once('drain', () => {
      if (this.#sink === sink) this.#source.resume();
    });
  }
}
