/** The folder of Unix sockets: short enough for the system's limit, and nobody else's. */

import { createHash } from 'node:crypto';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TowpathError } from '@towpath/kit';

/** Socket paths may have 103 bytes on macOS; the longest below the folder adds 26. */
const maxLength = 75;

/** Makes an empty folder `run` in the data folder, or a private one in `tempDir` when that path is too long. */
export async function makeRunDir(options: { dataDir: string; tempDir: string; userId: number }): Promise<string> {
  const near = join(options.dataDir, 'run');
  const short = createHash('sha256').update(options.dataDir).digest('hex').slice(0, 8);
  const path =
    Buffer.byteLength(near) <= maxLength ? near : join(options.tempDir, `towpath-${options.userId}-${short}`);
  if (Buffer.byteLength(path) > maxLength) {
    throw new TowpathError('RUN_DIR_TOO_LONG', `the folder for sockets has too long a path: ${path}`, {
      next: 'choose a data folder with a shorter path with --data, or set TMPDIR to a shorter one',
    });
  }
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (!found.isDirectory() || found.uid !== options.userId) {
    throw new TowpathError('RUN_DIR_FOREIGN', `the folder for sockets ${path} belongs to somebody else`, {
      next: 'remove it, or choose another data folder with --data',
    });
  }
  for (const part of ['d.sock', 'r.sock', 's', 'r', 'p']) await rm(join(path, part), { recursive: true, force: true });
  return path;
}
