/** Fetches an artifact of a source and unpacks it: a gzipped tar → files in memory. */

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { TowpathError } from '@towpath/kit';
import { childPath, type FileSet } from './build/files.ts';
import type { Artifact } from './kinds.ts';

/** The bytes at a URL; undefined when the server says 404. */
export type FetchBytes = (url: string, signal: AbortSignal) => Promise<Uint8Array | undefined>;

/** Of an unpacked artifact. */
const maxUnpackedBytes = 256 * 1024 * 1024;
const unzip = promisify(gunzip);

/** Undefined when the file is gone (the source makes a new one). Throws `ARTIFACT_INVALID` for a wrong digest or archive. */
export async function fetchArtifact(
  artifact: Artifact,
  fetchBytes: FetchBytes,
  signal: AbortSignal,
): Promise<FileSet | undefined> {
  const bytes = await fetchBytes(artifact.url, signal);
  if (bytes === undefined) return undefined;
  checkDigest(bytes, artifact.digest);
  return untar(await unzip(bytes, { maxOutputLength: maxUnpackedBytes }));
}

function checkDigest(bytes: Uint8Array, digest: string | undefined): void {
  const [algorithm = '', wanted = ''] = (digest ?? '').split(':');
  if (!['sha256', 'sha384', 'sha512'].includes(algorithm)) {
    throw new TowpathError(
      'ARTIFACT_INVALID',
      `the artifact's digest ${JSON.stringify(digest ?? '')} is not supported`,
      {
        next: 'let the source-controller use sha256 (--artifact-digest-algo)',
      },
    );
  }
  const found = createHash(algorithm).update(bytes).digest('hex');
  if (found === wanted) return;
  const message = `failed to verify artifact: computed digest ${algorithm}:${found} doesn't match advertised ${digest ?? ''}`;
  throw new TowpathError('ARTIFACT_INVALID', message, { next: 'wait for the source to make its artifact again' });
}

const blockBytes = 512;

/** Regular files only: links would lead out of the archive. Throws `ARTIFACT_INVALID`. Source: POSIX pax, ustar. */
export function untar(archive: Uint8Array): FileSet {
  const files = new Map<string, Uint8Array>();
  let [at, longName] = [0, ''];
  while (at + blockBytes <= archive.length) {
    const header = archive.subarray(at, at + blockBytes);
    at += blockBytes;
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(field(header, 124, 12), 8) || 0;
    const type = String.fromCodePoint(header[156] ?? 0);
    if (at + size > archive.length)
      throw new TowpathError('ARTIFACT_INVALID', 'the archive of the artifact is cut off');
    const data = archive.subarray(at, at + size);
    at += Math.ceil(size / blockBytes) * blockBytes;
    if (type === 'x') longName = paxPath(data) ?? longName;
    else if (type === 'L') longName = new TextDecoder().decode(data).replaceAll('\0', '');
    else {
      const prefix = field(header, 345, 155);
      const short = field(header, 0, 100);
      const name = longName !== '' ? longName : prefix === '' ? short : `${prefix}/${short}`;
      longName = '';
      if (type === '0' || type === '\0') files.set(childPath('', name), data);
    }
  }
  return files;
}

function field(header: Uint8Array, from: number, length: number): string {
  const text = new TextDecoder().decode(header.subarray(from, from + length));
  const end = text.indexOf('\0');
  return (end < 0 ? text : text.slice(0, end)).trim();
}

/** Records are `LENGTH key=value\n`, the length counting itself. */
function paxPath(data: Uint8Array): string | undefined {
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(32, at);
    const length = Number(new TextDecoder().decode(data.subarray(at, space)));
    if (space < 0 || !(length > 0)) break;
    const record = new TextDecoder().decode(data.subarray(space + 1, at + length - 1));
    if (record.startsWith('path=')) return record.slice('path='.length);
    at += length;
  }
  return undefined;
}
