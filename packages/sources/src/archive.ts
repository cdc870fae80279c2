/** Archives of sources: the same files give the same bytes. */

import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { SourceFailure } from './errors.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);
/** Of an unpacked archive. */
const maxBytes = 512 * 1024 * 1024;

/** A gzipped tar of regular files, by path, without times and owners. */
export async function archiveFiles(files: ReadonlyMap<string, Uint8Array>): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const written = (async () => {
    for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  })();
  const sorted = [...files].toSorted(([left], [right]) => (left < right ? -1 : 1));
  for (const [name, bytes] of sorted) {
    const header = { name, mode: 0o600, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
    archive.entry(header, Buffer.from(bytes));
  }
  archive.finalize();
  await written;
  return zip(Buffer.concat(chunks), { level: 6 });
}

/** Regular files of a tar, gzipped or plain, by their paths; what would lead out of it is left out. */
export async function readArchive(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await unzip(bytes, { maxOutputLength: maxBytes }) : bytes;
  const files = new Map<string, Uint8Array>();
  const reader = extract();
  const done = (async () => {
    for await (const entry of reader) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      const name = entry.header.name.replace(/^(\.?\/)+/, '');
      const isInside = !name.split('/').includes('..') && name !== '';
      if (entry.header.type === 'file' && isInside) files.set(name, Buffer.concat(chunks));
    }
  })();
  reader.end(plain);
  try {
    await done;
  } catch (error) {
    throw new SourceFailure(
      'OCIArtifactLayerOperationFailed',
      `failed to extract layer contents from artifact: ${String(error)}`,
      {
        cause: error,
      },
    );
  }
  return files;
}
