/** A blob on its way in: appended to a file, hashed as it arrives. */

import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { createDigest, type DigestAlgorithm } from './digest.ts';
import { registryError } from './errors.ts';

export interface Upload {
  readonly file: string;
  /** The last part of the file's name. */
  readonly id: string;
  readonly sizeBytes: number;
  /** Appends a whole stream and returns the new size. Throws `REGISTRY_LIMIT`; what was appended before stays. */
  append(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number>;
  /** Makes the bytes durable and returns their digest. */
  finish(algorithm: DigestAlgorithm): Promise<string>;
  cancel(): Promise<void>;
}

/** Opens the file of an upload; the digest of what is there already is computed when it is needed. */
export async function openUpload(file: string): Promise<Upload> {
  const startBytes = (await stat(file)).size;
  return new FileUpload(file, startBytes);
}

class FileUpload implements Upload {
  readonly file: string;
  readonly id: string;
  sizeBytes: number;
  /** Follows the bytes from the first one; undefined when the upload was begun by another process. */
  readonly #running: ReturnType<typeof createDigest> | undefined;

  constructor(file: string, startBytes: number) {
    this.file = file;
    this.id = file.slice(file.lastIndexOf('/') + 1);
    this.sizeBytes = startBytes;
    this.#running = startBytes === 0 ? createDigest('sha256') : undefined;
  }

  async append(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number> {
    const handle = await open(this.file, 'a');
    try {
      for await (const chunk of chunks) {
        if (this.sizeBytes + chunk.length > maxBytes) {
          throw registryError('REGISTRY_LIMIT', `the blob is larger than ${maxBytes} bytes`, {
            next: 'make the image smaller',
          });
        }
        await handle.appendFile(chunk);
        this.sizeBytes += chunk.length;
        this.#running?.update(chunk);
      }
    } finally {
      await handle.close();
    }
    return this.sizeBytes;
  }

  async finish(algorithm: DigestAlgorithm): Promise<string> {
    const handle = await open(this.file, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (algorithm === 'sha256' && this.#running !== undefined) return this.#running.digest();
    const digest = createDigest(algorithm);
    for await (const chunk of createReadStream(this.file)) digest.update(chunk as Uint8Array);
    return digest.digest();
  }

  cancel(): Promise<void> {
    return rm(this.file, { force: true });
  }
}
