/** CPU and memory of containers, sampled from /proc; memory beyond a container's limit ends it. */

import { background, type Clock, type Logger } from '@towpath/kit';
import { parseQuantity } from '../scheduler/quantity.ts';
import type { ContainerUsage } from '../apiserver/pod-streams.ts';
import type { Kubelets } from './kubelet.ts';
import type { ContainerRunner } from './pod/container-runner.ts';
import type { PodWorker } from './pod/pod-worker.ts';
import type { RunningContainer } from './runtimes/runtime.ts';

export interface UsageSampler {
  /** The last sample of the pod's containers; undefined before the first. */
  of(worker: PodWorker): readonly ContainerUsage[] | undefined;
  dispose(): Promise<void>;
}

const sampleMs = 10_000;
/** Containers with a memory limit, and those that have just started, are looked at more often. */
const closeMs = 1_000;
const closeSamples = 5;

interface Sample {
  readonly atMs: number;
  /** How many there were of this run. */
  readonly count: number;
  readonly cpuMs: number;
  readonly usage: ContainerUsage;
}

export function startUsageSampler(deps: { kubelets: Kubelets; clock: Clock; log: Logger }): UsageSampler {
  const { kubelets, clock } = deps;
  const stop = new AbortController();
  const samples = new WeakMap<RunningContainer, Sample>();

  async function sample(runner: ContainerRunner): Promise<void> {
    const running = runner.running;
    const last = running === undefined ? undefined : samples.get(running);
    const isDue = last === undefined || last.count < closeSamples || clock.monotonicMs() - last.atMs >= sampleMs;
    if (!isDue && runner.spec.resources?.limits?.['memory'] === undefined) return;
    const used = await running?.usage();
    if (running === undefined || used === undefined) return;
    const before = samples.get(running);
    const atMs = clock.monotonicMs();
    const overMs = before === undefined ? 0 : atMs - before.atMs;
    const cpuMs = before === undefined ? 0 : used.cpuMs - before.cpuMs;
    samples.set(running, {
      atMs,
      count: (before?.count ?? 0) + 1,
      cpuMs: used.cpuMs,
      usage: {
        name: runner.spec.name,
        cpuNanocores: overMs > 0 ? Math.max(0, Math.round((cpuMs / overMs) * 1e9)) : 0,
        cpuSeconds: used.cpuMs / 1000,
        memoryBytes: used.memoryBytes,
      },
    });
    const limit = runner.spec.resources?.limits?.['memory'];
    if (limit !== undefined && used.memoryBytes > parseQuantity(limit)) runner.outOfMemory();
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(closeMs, stop.signal);
      for (const worker of kubelets.workers()) for (const runner of worker.runners) await sample(runner);
    }
  }
  const running = run();
  background('sample usage', running, deps.log);
  return {
    of(worker) {
      const found = worker.runners.flatMap((runner) => {
        const sampled = runner.running === undefined ? undefined : samples.get(runner.running);
        return sampled === undefined ? [] : [sampled.usage];
      });
      return found.length === 0 ? undefined : found;
    },
    async dispose() {
      stop.abort();
      await running.catch(() => {});
    },
  };
}
