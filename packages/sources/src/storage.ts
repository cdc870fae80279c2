/** Artifacts on disk, and the server they are fetched from. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join, normalize } from 'node:path';
import type { KubeObject } from '@towpath/api';
import { toTimestamp, type Clock } from '@towpath/kit';
import type { Artifact } from './kinds.ts';

export interface StorageOptions {
  readonly dir: string;
  /** Host and port under which others reach the server, e.g. `source-controller.flux-system.svc.cluster.local.`. */
  readonly advertisedAddress: string;
  readonly clock: Clock;
  /** Files of older artifacts that are kept for those who have just read their URL. */
  readonly keptRecords: number;
}

export class Storage {
  readonly #options: StorageOptions;

  constructor(options: StorageOptions) {
    this.#options = options;
  }

  /** Writes the file of an artifact and removes those that nobody needs any more. */
  async put(
    object: KubeObject,
    file: { name: string; bytes: Uint8Array; revision: string; metadata?: Readonly<Record<string, string>> },
  ): Promise<Artifact> {
    const { advertisedAddress, clock, dir } = this.#options;
    const path = `${folderOf(object)}/${file.name}`;
    const target = join(dir, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.new`, file.bytes);
    await rename(`${target}.new`, target);
    await this.#collect(dirname(target), file.name);
    return {
      path,
      url: `http://${advertisedAddress}/${path}`,
      revision: file.revision,
      digest: `sha256:${createHash('sha256').update(file.bytes).digest('hex')}`,
      lastUpdateTime: toTimestamp(clock.nowMs()),
      size: file.bytes.length,
      ...(file.metadata !== undefined && { metadata: file.metadata }),
    };
  }

  /** The URL of the newest artifact of an object with a file name that does not change. */
  urlOf(object: KubeObject, name: string): string {
    return `http://${this.#options.advertisedAddress}/${folderOf(object)}/${name}`;
  }

  has({ path }: Artifact): boolean {
    return existsSync(join(this.#options.dir, path));
  }

  read({ path }: Artifact): Promise<Buffer> {
    return readFile(join(this.#options.dir, path));
  }

  /** True when there was something. */
  async removeAll(object: KubeObject): Promise<boolean> {
    const folder = join(this.#options.dir, folderOf(object));
    const isThere = existsSync(folder);
    await rm(folder, { recursive: true, force: true });
    return isThere;
  }

  /** Serves `GET /KIND/NAMESPACE/NAME/FILE`. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://source').pathname));
    if (path === '/') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
      return;
    }
    try {
      const bytes = await readFile(await this.#fileOf(path));
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    } catch {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
    }
  }

  /** `latest.tar.gz` and `index.yaml` are the newest file of their folder. */
  async #fileOf(path: string): Promise<string> {
    const file = join(this.#options.dir, path);
    if (!/\/(?:latest\.tar\.gz|index\.yaml)$/.test(path)) return file;
    const [newest] = await newestFirst(dirname(file));
    return newest === undefined ? file : join(dirname(file), newest);
  }

  /** Keeps the newest files of a folder, `current` among them. */
  async #collect(folder: string, current: string): Promise<void> {
    const others = (await newestFirst(folder)).filter((name) => name !== current);
    for (const name of others.slice(this.#options.keptRecords - 1)) await rm(join(folder, name), { force: true });
  }
}

async function newestFirst(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => ({ name, atMs: (await stat(join(folder, name))).mtimeMs })),
  );
  return files.toSorted((left, right) => right.atMs - left.atMs).map(({ name }) => name);
}

function folderOf({ kind, metadata }: KubeObject): string {
  return `${(kind ?? '').toLowerCase()}/${metadata.namespace ?? ''}/${metadata.name}`;
}
