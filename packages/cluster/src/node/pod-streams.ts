/** Logs, exec, attach, port-forward and usage of pods, for the API server. */

import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Dialer, Pod } from '@towpath/api';
import { TowpathError, type Clock } from '@towpath/kit';
import type {
  ContainerUsage,
  ExitStatus,
  PodExecOptions,
  PodLogOptions,
  PodStreams,
  PodTerminal,
} from '../apiserver/pod-streams.ts';
import { identityOf, statusOf } from './core.ts';
import type { Kubelets } from './kubelet.ts';
import { readLog } from './logs/read-log.ts';
import type { NodePaths } from './paths.ts';
import type { ContainerRunner } from './pod/container-runner.ts';
import type { RunningContainer } from './runtimes/runtime.ts';
import type { UsageSampler } from './usage.ts';

export interface PodStreamDeps {
  readonly kubelets: Kubelets;
  readonly paths: NodePaths;
  readonly dialer: Dialer;
  readonly usage: UsageSampler;
  readonly clock: Clock;
}

export function createPodStreams(deps: PodStreamDeps): PodStreams {
  const { kubelets, paths, clock } = deps;

  function runnerOf(pod: Pod, container: string): ContainerRunner | undefined {
    return kubelets.worker(identityOf(pod).uid)?.runner(container);
  }

  function runningOf(pod: Pod, container: string): RunningContainer {
    const running = runnerOf(pod, container)?.running;
    if (running !== undefined) return running;
    throw new TowpathError('CONTAINER_NOT_RUNNING', `container not found ("${container}")`, {
      next: 'wait until the container runs, or see kubectl describe pod',
    });
  }

  async function* logs(pod: Pod, options: PodLogOptions, signal: AbortSignal): AsyncGenerator<string> {
    const { container, previous } = options;
    const identity = identityOf(pod);
    const runner = runnerOf(pod, container);
    const restarts = runner?.facts.restartCount ?? statusOf(pod, container)?.restartCount ?? 0;
    let path = paths.log(identity, container, restarts);
    if (previous) {
      path = paths.log(identity, container, restarts - 1);
      if (!existsSync(path)) {
        const message = `previous terminated container "${container}" in pod "${identity.name}" not found`;
        throw new TowpathError('CONTAINER_UNKNOWN', message);
      }
    } else if (!existsSync(path)) {
      const facts = runner?.facts;
      if (facts?.state.type === 'waiting' && facts.last === undefined) {
        const { reason } = facts.state;
        const because =
          reason.includes('Image') && reason !== 'PodInitializing' ? `trying and failing to pull image` : reason;
        throw new TowpathError(
          'CONTAINER_WAITING',
          `container "${container}" in pod "${identity.name}" is waiting to start: ${because}`,
        );
      }
      // In back-off: the log of the run before is what there is.
      if (restarts > 0) path = paths.log(identity, container, restarts - 1);
    }
    const writer = previous ? undefined : runner?.log;
    yield* readLog({ path, writer }, options, { clock, signal });
  }

  return {
    logs,
    exec: (pod: Pod, options: PodExecOptions, terminal: PodTerminal): Promise<ExitStatus> =>
      Promise.resolve().then(() => runningOf(pod, options.container).exec(options.command, terminal)),
    async attach(pod, options, terminal) {
      const runner = runnerOf(pod, options.container);
      const running = runningOf(pod, options.container);
      const ends: (() => void)[] = [];
      const left = new Promise<ExitStatus>((resolve) => {
        const leave = (): void => resolve({ exitCode: 0 });
        terminal.signal.addEventListener('abort', leave, { once: true });
        ends.push(() => terminal.signal.removeEventListener('abort', leave));
      });
      const unsubscribe = runner?.log?.subscribe((record) => {
        if (record === undefined) return;
        terminal[record.stream](Buffer.from(record.text + (record.partial ? '' : '\n')));
      });
      if (terminal.stdin !== undefined) void forward(terminal.stdin, running);
      const exit = await Promise.race([running.exited, left]);
      unsubscribe?.();
      for (const end of ends) end();
      return { exitCode: exit.exitCode };
    },
    portForward: (pod: Pod, port: number): Promise<Duplex> => {
      const worker = kubelets.worker(identityOf(pod).uid);
      if (worker === undefined) {
        throw new TowpathError('POD_NOT_RUNNING', `pod ${identityOf(pod).name} does not run on a node`);
      }
      return deps.dialer.dial({ host: worker.podIP, port, direct: true });
    },
    usage: async (pod: Pod): Promise<readonly ContainerUsage[] | undefined> => {
      const worker = kubelets.worker(identityOf(pod).uid);
      return worker === undefined ? undefined : deps.usage.of(worker);
    },
  };
}

async function forward(stdin: AsyncIterable<Uint8Array>, running: RunningContainer): Promise<void> {
  try {
    for await (const chunk of stdin) running.stdin?.write(chunk);
  } catch {
    // The client is gone.
  }
  running.stdin?.end();
}
