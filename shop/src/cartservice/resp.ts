/** RESP2, the wire format of Redis: enough to talk to a store and to be one. Source: redis.io, "RESP protocol". */

/** A reply or a request. Bulk strings are bytes; errors are values here and thrown by the client. */
export type RespValue = Buffer | string | number | null | Error | RespValue[];

/** Requests larger than this end the connection. */
const maxBufferedBytes = 16 * 1024 * 1024;

/** Cuts values out of a stream of chunks. */
export class RespParser {
  #buffer: Buffer = Buffer.alloc(0);

  /** The values completed by this chunk. Throws on malformed or oversized input. */
  push(chunk: Buffer): RespValue[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    if (this.#buffer.length > maxBufferedBytes) throw new Error('the message is too large');
    const values: RespValue[] = [];
    for (;;) {
      const parsed = parse(this.#buffer, 0);
      if (parsed === undefined) return values;
      values.push(parsed.value);
      this.#buffer = this.#buffer.subarray(parsed.end);
    }
  }
}

interface Parsed {
  readonly value: RespValue;
  readonly end: number;
}

/** Undefined when the value is not complete yet. */
function parse(buffer: Buffer, from: number): Parsed | undefined {
  const lineEnd = buffer.indexOf('\r\n', from);
  if (lineEnd < 0) return undefined;
  const text = buffer.toString('utf8', from + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(buffer[from] ?? 0)) {
    case '+':
      return { value: text, end: next };
    case '-':
      return { value: new Error(text), end: next };
    case ':':
      return { value: Number(text), end: next };
    case '$':
      return parseBulk(buffer, next, Number(text));
    case '*':
      return parseArray(buffer, next, Number(text));
    default:
      throw new Error('the peer does not speak RESP');
  }
}

function parseBulk(buffer: Buffer, from: number, length: number): Parsed | undefined {
  if (length < 0) return { value: null, end: from };
  if (buffer.length < from + length + 2) return undefined;
  return { value: Buffer.from(buffer.subarray(from, from + length)), end: from + length + 2 };
}

function parseArray(buffer: Buffer, from: number, count: number): Parsed | undefined {
  const values: RespValue[] = [];
  let end = from;
  for (let index = 0; index < count; index++) {
    const item = parse(buffer, end);
    if (item === undefined) return undefined;
    values.push(item.value);
    end = item.end;
  }
  return { value: values, end };
}

/** Writes a value; strings are simple strings, buffers bulk strings. */
export function encode(value: RespValue): Buffer {
  if (value === null) return Buffer.from('$-1\r\n');
  if (typeof value === 'string') return Buffer.from(`+${value}\r\n`);
  if (typeof value === 'number') return Buffer.from(`:${value}\r\n`);
  if (value instanceof Error) return Buffer.from(`-ERR ${value.message}\r\n`);
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${value.length}\r\n`), ...value.map(encode)]);
}
