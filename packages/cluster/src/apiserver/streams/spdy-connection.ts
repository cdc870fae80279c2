/** The server's end of a SPDY/3.1 connection: streams that the client opens. Source: SPDY protocol draft 3.1, 2. */

import { Duplex } from 'node:stream';
import { HeaderCodec } from './spdy-headers.ts';

const controlBit = 0x80000000;
const idMask = 0x7fffffff;
const finFlag = 1;
const frameType = {
  synStream: 1,
  synReply: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;
const maxFrameBytes = 16 * 1024 * 1024;
const dataBytes = 32 * 1024;

/** A stream of the connection, with the headers the client opened it with. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #connection: SpdyConnection;

  constructor(connection: SpdyConnection, id: number, headers: ReadonlyMap<string, string>) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  override _read(): void {
    this.#connection.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#connection.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.forget(this.id, error !== null);
    done(error);
  }
}

/** Reads frames from a byte stream and deals them to streams; ends with the byte stream. */
export class SpdyConnection {
  readonly #wire: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #codec = new HeaderCodec();
  readonly #streams = new Map<number, SpdyStream>();
  #buffer: Buffer = Buffer.alloc(0);

  constructor(wire: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#wire = wire;
    this.#onStream = onStream;
  }

  /** Runs until the other end is gone. */
  async run(): Promise<void> {
    try {
      for await (const chunk of this.#wire as AsyncIterable<Buffer>) {
        this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
        for (let frame = this.#nextFrame(); frame !== undefined; frame = this.#nextFrame()) await this.#onFrame(frame);
      }
    } finally {
      for (const stream of this.#streams.values()) stream.destroy();
      this.#codec.dispose();
      this.#wire.destroy();
    }
  }

  /** A stream has room again. */
  resume(): void {
    this.#wire.resume();
  }

  /** Sends one chunk; `done` is called when the wire has taken it. */
  sendData(id: number, chunk: Buffer, isLast: boolean, done: (error?: Error | null) => void): void {
    const frames: Buffer[] = [];
    for (let at = 0; at < chunk.length; at += dataBytes)
      frames.push(frameOf(id, 0, chunk.subarray(at, at + dataBytes)));
    if (isLast) frames.push(frameOf(id, finFlag, Buffer.alloc(0)));
    this.#wire.write(Buffer.concat(frames), (error) => done(error));
  }

  /** A stream is over; a broken one is told to the client. */
  forget(id: number, isBroken: boolean): void {
    if (!this.#streams.delete(id) || !isBroken) return;
    const body = Buffer.alloc(8);
    body.writeUInt32BE(id, 0);
    body.writeUInt32BE(6, 4);
    this.#sendControl(frameType.reset, body).catch(() => {});
  }

  #nextFrame(): Buffer | undefined {
    if (this.#buffer.length < 8) return undefined;
    const length = this.#buffer.readUInt32BE(4) & 0xffffff;
    if (length > maxFrameBytes) throw new Error(`a SPDY frame has more than ${maxFrameBytes} bytes`);
    if (this.#buffer.length < 8 + length) return undefined;
    const frame = this.#buffer.subarray(0, 8 + length);
    this.#buffer = this.#buffer.subarray(8 + length);
    return frame;
  }

  async #onFrame(frame: Buffer): Promise<void> {
    const word = frame.readUInt32BE(0);
    const flags = frame.readUInt8(4);
    const body = frame.subarray(8);
    if ((word & controlBit) === 0) {
      this.#onData(word & idMask, body, (flags & finFlag) !== 0);
      return;
    }
    switch (word & 0xffff) {
      case frameType.synStream:
        await this.#onSynStream(body, (flags & finFlag) !== 0);
        break;
      case frameType.reset:
        this.#streams.get(body.readUInt32BE(0) & idMask)?.destroy();
        break;
      case frameType.ping:
        await this.#sendControl(frameType.ping, Buffer.from(body));
        break;
      case frameType.headers:
        // Nothing is said in later headers, but the compression context moves on.
        await this.#codec.decode(body.subarray(4));
        break;
      default:
        break;
    }
  }

  #onData(id: number, body: Buffer, isLast: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (body.length > 0) stream.push(Buffer.from(body));
    if (isLast) stream.push(null);
  }

  async #onSynStream(body: Buffer, isLast: boolean): Promise<void> {
    const id = body.readUInt32BE(0) & idMask;
    const headers = await this.#codec.decode(body.subarray(10));
    const stream = new SpdyStream(this, id, headers);
    stream.on('error', () => {});
    this.#streams.set(id, stream);
    const reply = Buffer.alloc(4);
    reply.writeUInt32BE(id);
    await this.#sendControl(frameType.synReply, Buffer.concat([reply, await this.#codec.encode(new Map())]));
    if (isLast) stream.push(null);
    this.#onStream(stream);
  }

  #sendControl(type: number, body: Buffer): Promise<void> {
    const frame = frameOf((controlBit | (3 << 16) | type) >>> 0, 0, body);
    return new Promise((resolve, reject) => {
      this.#wire.write(frame, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }
}

function frameOf(word: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(word, 0);
  head.writeUInt32BE(body.length, 4);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, body]);
}
