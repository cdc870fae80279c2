/** Layers as uncompressed tar archives with fixed times and owners, so that the same files give the same digest. */

import { open, readFile } from 'node:fs/promises';
import { pack } from 'tar-stream';
import { createDigest } from '../digest.ts';
import { registryError } from '../errors.ts';

/** One entry; `path` is inside the image, without leading slash. */
export type LayerEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'file'; readonly path: string; readonly mode?: number; readonly content: Uint8Array }
  /** Read from disk when its turn comes. */
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode?: number;
      readonly source: string;
      readonly sizeBytes: number;
    };

export interface WrittenLayer {
  readonly file: string;
  /** Of the tar: also the diff id, since it is not compressed. */
  readonly digest: string;
  readonly sizeBytes: number;
}

const empty = Buffer.alloc(0);
const maxLayerBytes = 4 * 1024 * 1024 * 1024;

/** Writes the entries, sorted by path, parents first. */
export async function writeLayer(entries: readonly LayerEntry[], file: string): Promise<WrittenLayer> {
  const archive = pack();
  const digest = createDigest();
  let sizeBytes = 0;
  const filled = fill(archive, entries);
  const handle = await open(file, 'w');
  try {
    for await (const chunk of archive as AsyncIterable<Buffer>) {
      digest.update(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > maxLayerBytes) throw tooLarge();
      await handle.appendFile(chunk);
    }
  } finally {
    await handle.close();
  }
  await filled;
  return { file, digest: digest.digest(), sizeBytes };
}

async function fill(archive: ReturnType<typeof pack>, entries: readonly LayerEntry[]): Promise<void> {
  for (const entry of entries.toSorted((left, right) => compare(left.path, right.path))) await addEntry(archive, entry);
  archive.finalize();
}

async function addEntry(archive: ReturnType<typeof pack>, entry: LayerEntry): Promise<void> {
  const common = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
  const content =
    entry.type === 'file' ? Buffer.from('content' in entry ? entry.content : await readFile(entry.source)) : empty;
  await new Promise<void>((resolve, reject) => {
    const next = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (entry.type === 'directory') {
      archive.entry({ ...common, name: `${entry.path}/`, type: 'directory', mode: entry.mode ?? 0o755 }, next);
    } else if (entry.type === 'symlink') {
      archive.entry({ ...common, name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777 }, next);
    } else {
      archive.entry({ ...common, name: entry.path, type: 'file', mode: entry.mode ?? 0o644 }, content, next);
    }
  });
}

/** Code unit order: independent of the machine's locale. */
function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function tooLarge(): Error {
  return registryError('REGISTRY_LIMIT', `the layer is larger than ${maxLayerBytes} bytes`, {
    next: 'leave files out with .dockerignore',
  });
}
