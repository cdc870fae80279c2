/** Name/value blocks of SPDY/3.1, compressed with one context per direction. Source: SPDY protocol draft 3.1, 2.6.10. */

import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';

const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin';
const tail =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

/** The dictionary both ends know: words with their length, and a text. */
function dictionary(): Buffer {
  const parts = words.split(' ').map((word) => withLength(word.replace('_', ' ')));
  return Buffer.concat([...parts, Buffer.from(tail)]);
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Largest block, in bytes, after decompression. */
const maxBlockBytes = 64 * 1024;

/** Reads and writes the blocks of one connection, in the order of their frames. */
export class HeaderCodec {
  readonly #inflate: Inflate;
  readonly #deflate: Deflate;

  constructor() {
    const shared = dictionary();
    this.#inflate = createInflate({ dictionary: shared });
    this.#deflate = createDeflate({ dictionary: shared });
    // A broken block rejects the read that met it.
    this.#inflate.on('error', () => {});
    this.#deflate.on('error', () => {});
  }

  async decode(block: Buffer): Promise<Map<string, string>> {
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      this.#inflate.once('error', reject);
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject);
        resolve((this.#inflate.read() as Buffer | null) ?? Buffer.alloc(0));
      });
    });
    if (bytes.length > maxBlockBytes) throw new Error(`a SPDY header block has more than ${maxBlockBytes} bytes`);
    return parse(bytes);
  }

  encode(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(headers.size);
    const pairs = [...headers].flatMap(([name, value]) => [withLength(name), withLength(value)]);
    return new Promise((resolve) => {
      this.#deflate.write(Buffer.concat([count, ...pairs]));
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () =>
        resolve((this.#deflate.read() as Buffer | null) ?? Buffer.alloc(0)),
      );
    });
  }

  dispose(): void {
    this.#inflate.close();
    this.#deflate.close();
  }
}

function parse(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  const text = (): string => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    return bytes.subarray(at - length, at).toString('utf8');
  };
  const count = bytes.readUInt32BE(0);
  at = 4;
  for (let index = 0; index < count; index++) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  return headers;
}
