/** After a kill: recorded processes end, others with the same id are left alone, folders without a pod go. */

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@towpath/kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endLeftovers, removeUnknown } from './leftovers.ts';
import { nodePaths, type NodePaths } from './paths.ts';
import { startTimeOf } from './runtimes/proc.ts';

let dir: string;
let paths: NodePaths;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-left-'));
  paths = nodePaths(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function record(uid: string, pid: number, startTime: string): Promise<void> {
  await mkdir(paths.pod(uid), { recursive: true });
  await writeFile(paths.processFile(uid, 'main'), JSON.stringify({ pid, startTime }));
}

test.runIf(process.platform === 'linux')('a process is ended only when it is the recorded one', async () => {
  const left = spawn('sleep', ['60']);
  const other = spawn('sleep', ['60']);
  const ended = new Promise((resolve) => left.on('exit', (_code, signal) => resolve(signal)));
  await record('one', left.pid ?? 0, startTimeOf(left.pid ?? 0));
  await record('two', other.pid ?? 0, '1');

  await endLeftovers(paths, silentLogger);

  expect(await ended).toBe('SIGKILL');
  expect(other.exitCode ?? other.signalCode).toBeNull();
  expect(await readdir(paths.pod('one'))).toEqual([]);
  other.kill('SIGKILL');
});

test('folders and logs of pods that are gone are removed', async () => {
  await mkdir(paths.pod('known'), { recursive: true });
  await mkdir(paths.pod('gone'), { recursive: true });
  await mkdir(paths.podLogs({ namespace: 'shop', name: 'a', uid: 'known' }), { recursive: true });
  await mkdir(paths.podLogs({ namespace: 'shop', name: 'b', uid: 'gone' }), { recursive: true });

  await removeUnknown(paths, new Set(['known']));

  expect(await readdir(paths.pods)).toEqual(['known']);
  expect(await readdir(paths.logs)).toEqual(['shop_a_known']);
});
