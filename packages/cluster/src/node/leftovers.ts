/** What an earlier Towpath left behind when it was killed: processes are ended, folders of pods that are gone removed. */

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, type Logger } from '@towpath/kit';
import type { NodePaths } from './paths.ts';
import { sendSignal, startTimeOf, treeOf } from './runtimes/proc.ts';

/** Kills recorded processes that still run; a process id that now belongs to another program is left alone. */
export async function endLeftovers(paths: NodePaths, log: Logger): Promise<void> {
  for (const uid of await readdir(paths.pods).catch(() => [])) {
    for (const name of await readdir(paths.pod(uid)).catch(() => [])) {
      if (!name.endsWith('.process.json')) continue;
      const file = join(paths.pod(uid), name);
      const recorded = await readRecord(file);
      if (recorded !== undefined && isAlive(recorded)) {
        log.info('ended a process that an earlier run left behind', { pid: recorded.pid });
        for (const pid of treeOf(recorded.pid)) sendSignal(pid, 'SIGKILL');
      }
      await rm(file, { force: true });
    }
  }
}

/** Removes folders and logs of pods that are not among `uids`. */
export async function removeUnknown(paths: NodePaths, uids: ReadonlySet<string>): Promise<void> {
  for (const uid of await readdir(paths.pods).catch(() => [])) {
    if (!uids.has(uid)) await rm(paths.pod(uid), { recursive: true, force: true });
  }
  for (const name of await readdir(paths.logs).catch(() => [])) {
    const uid = name.slice(name.lastIndexOf('_') + 1);
    if (!uids.has(uid)) await rm(join(paths.logs, name), { recursive: true, force: true });
  }
}

interface Recorded {
  readonly pid: number;
  readonly startTime: string;
}

function isAlive(recorded: Recorded): boolean {
  // Without a start time the process cannot be told from a later one.
  return recorded.startTime !== '' && startTimeOf(recorded.pid) === recorded.startTime;
}

async function readRecord(file: string): Promise<Recorded | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isRecord(value)) return undefined;
    const { pid, startTime } = value;
    return typeof pid === 'number' && typeof startTime === 'string' ? { pid, startTime } : undefined;
  } catch {
    return undefined;
  }
}
