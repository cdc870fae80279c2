/** One process per folder: a lock that the system releases when its holder ends, however it ends. */

import { createHash } from 'node:crypto';
import { realpath, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '@towpath/kit';

export interface FolderLock {
  release(): Promise<void>;
}

/** Takes the lock of an existing folder; undefined when another process has it. */
export async function lockFolder(dir: string): Promise<FolderLock | undefined> {
  const identity = createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
    .slice(0, 24);
  // Linux has socket names outside the file system, which cannot be left behind.
  const isAbstract = process.platform === 'linux';
  const address = isAbstract ? `\u0000towpath-store-${identity}` : join(tmpdir(), `towpath-${identity}.lock`);
  const server = (await listen(address)) ?? (isAbstract ? undefined : await replaceStale(address));
  if (server === undefined) return undefined;
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}

/** A socket file whose process is gone refuses connections. */
async function replaceStale(address: string): Promise<Server | undefined> {
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (isAlive) return undefined;
  await unlink(address).catch(() => {});
  return listen(address);
}
