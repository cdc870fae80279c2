/** Replicas of a controller as processes: which of them leads, and the end of one in the middle of its work. */

import { spawn } from 'node:child_process';
import { expect } from '../walk.mjs';

const leads = /became the leader/;

/** Starts `towpath run` with these flags; its output is kept. */
export function startController(walk, args) {
  const child = spawn(process.execPath, [walk.program, 'run', '--kubeconfig', walk.ready.kubeconfig, ...args], {
    env: walk.env,
    cwd: walk.work,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    output: () => output,
    isLeader: () => child.exitCode === null && child.signalCode === null && leads.test(output),
    /** As a machine that loses its power: no lease is given back. */
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async dispose() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** Two replicas of one controller; `leader` and `standby` are known when one of them leads. */
export async function startReplicas(walk, args) {
  const both = [startController(walk, args), startController(walk, args)];
  const leader = await walk.eventually(() => {
    const found = both.find((one) => one.isLeader());
    expect(found !== undefined, 'one replica becomes the leader', both.map((one) => one.output()).join('\n---\n'));
    return found;
  });
  const standby = both.find((one) => one !== leader);
  expect(!standby.isLeader(), 'only one replica leads', standby.output());
  return { leader, standby, dispose: () => Promise.all(both.map((one) => one.dispose())) };
}
