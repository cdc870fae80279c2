/** The data folder: its layout version, its one owner, the ports it was given. */

import { createServer } from 'node:net';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, isRecord, messageOf, TowpathError, type Disposable } from '@towpath/kit';

/** Raised when files below the folder change their meaning. */
const layoutVersion = 1;

export interface DataDir extends Disposable {
  readonly path: string;
  /** True when this folder was never used before. */
  readonly isNew: boolean;
  /** A folder below it, created. */
  folder(name: string): Promise<string>;
  /** The stored port of that name, or a free one that is then stored. Throws `PORT_TAKEN`. */
  port(name: string, wanted?: number): Promise<number>;
}

/**
 * Takes the folder for this process.
 * Throws `DATA_LOCKED` (another Towpath runs on it), `DATA_NEWER` (a newer version wrote it) or `DATA_UNUSABLE`.
 */
export async function openDataDir(path: string, options: { version: string }): Promise<DataDir> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new TowpathError('DATA_UNUSABLE', `the data folder ${path} cannot be created: ${messageOf(error)}`, {
      next: 'name another one with --data',
      cause: error,
    });
  }
  await lock(path);
  const isNew = await checkLayout(path, options.version);
  const ports = await readPorts(path);
  return {
    path,
    isNew,
    async folder(name) {
      const folder = join(path, name);
      await mkdir(folder, { recursive: true });
      return folder;
    },
    async port(name, wanted) {
      const stored = ports[name];
      const port = await reservePort({ name, path, port: wanted ?? stored });
      if (port !== stored) {
        ports[name] = port;
        await writeAtomically(join(path, 'ports.json'), `${JSON.stringify(ports, undefined, 2)}\n`);
      }
      return port;
    },
    dispose: () => rm(join(path, 'lock'), { force: true }),
  };
}

/** Replaces a file so that a reader sees the old or the new text, never half of it. */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, file);
}

async function lock(path: string): Promise<void> {
  const file = join(path, 'lock');
  const mine = `${process.pid} ${startTimeOf(process.pid)}\n`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(file, mine, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const [pid = '0', startedAt = ''] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
    if (isRunning(Number(pid)) && startTimeOf(Number(pid)) === startedAt) {
      throw new TowpathError('DATA_LOCKED', `another Towpath (process ${pid}) runs on the data folder ${path}`, {
        next: 'stop it, or name another folder with --data',
      });
    }
    // Its owner was killed: the lock is stale.
    await rm(file, { force: true });
  }
  throw new TowpathError('DATA_LOCKED', `the data folder ${path} is being taken by another Towpath`, {
    next: 'try again',
  });
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Tells a process from a later one with the same id; empty where /proc does not exist. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the command name in parentheses may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

async function checkLayout(path: string, version: string): Promise<boolean> {
  const file = join(path, 'towpath.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await writeAtomically(file, `${JSON.stringify({ layout: layoutVersion, version })}\n`);
    return true;
  }
  const parsed: unknown = parseJson(text);
  const layout = isRecord(parsed) ? parsed['layout'] : undefined;
  if (typeof layout === 'number' && layout <= layoutVersion) return false;
  await rm(join(path, 'lock'), { force: true });
  const writer = isRecord(parsed) ? String(parsed['version']) : 'unknown';
  throw new TowpathError(
    'DATA_NEWER',
    `the data folder ${path} was written by Towpath ${writer}, which is newer than ${version}`,
    {
      next: 'start that version, or name another folder with --data; nothing was changed',
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function readPorts(path: string): Promise<Record<string, number>> {
  const parsed = parseJson(await readFile(join(path, 'ports.json'), 'utf8').catch(() => '{}'));
  const entries = isRecord(parsed) ? Object.entries(parsed) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

async function reservePort(request: { name: string; path: string; port: number | undefined }): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: request.port ?? 0 }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  } catch (error) {
    throw new TowpathError(
      'PORT_TAKEN',
      `port ${request.port} for ${request.name} cannot be used: ${messageOf(error)}`,
      {
        next: `stop what listens there, or remove "${request.name}" from ${join(request.path, 'ports.json')} to get another`,
        cause: error,
      },
    );
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
