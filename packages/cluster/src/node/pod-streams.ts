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
  return new NodePodStreams(deps);
}

class NodePodStreams implements PodStreams {
  readonly #deps: PodStreamDeps;

  constructor(deps: PodStreamDeps) {
    this.#deps = deps;
  }

  async *logs(pod: Pod, options: PodLogOptions, signal: AbortSignal): AsyncGenerator<string> {
    const { container, previous } = options;
    const identity = identityOf(pod);
    const runner = this.#runnerOf(pod, container);
    const restarts = runner?.facts.restartCount ?? statusOf(pod, container)?.restartCount ?? 0;
    let path = this.#deps.paths.log(identity, container, restarts);
    if (previous) {
      path = this.#deps.paths.log(identity, container, restarts - 1);
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
      if (restarts > 0) path = this.#deps.paths.log(identity, container, restarts - 1);
    }
    const writer = previous ? undefined : runner?.log;
    yield* readLog({ path, writer }, options, { clock: this.#deps.clock, signal });
  }

  async exec(pod: Pod, options: PodExecOptions, terminal: PodTerminal): Promise<ExitStatus> {
    return this.#runningOf(pod, options.container).exec(options.command, terminal);
  }

  async attach(pod: Pod, options: { readonly container: string }, terminal: PodTerminal): Promise<ExitStatus> {
    const runner = this.#runnerOf(pod, options.container);
    const running = this.#runningOf(pod, options.container);
    let leave = (): void => {};
    const left = new Promise<ExitStatus>((resolve) => {
      leave = () => resolve({ exitCode: 0 });
    });
    terminal.signal.addEventListener('abort', leave, { once: true });
    const unsubscribe = runner?.log?.subscribe((record) => {
      if (record === undefined) return;
      terminal[record.stream](Buffer.from(record.text + (record.partial ? '' : '\n')));
    });
    if (terminal.stdin !== undefined) void forward(terminal.stdin, running);
    const exit = await Promise.race([running.exited, left]);
    unsubscribe?.();
    terminal.signal.removeEventListener('abort', leave);
    return { exitCode: exit.exitCode };
  }

  async portForward(pod: Pod, port: number): Promise<Duplex> {
    const worker = this.#deps.kubelets.worker(identityOf(pod).uid);
    if (worker === undefined) {
      throw new TowpathError('POD_NOT_RUNNING', `pod ${identityOf(pod).name} does not run on a node`);
    }
    return this.#deps.dialer.dial({ host: worker.podIP, port, direct: true });
  }

  async usage(pod: Pod): Promise<readonly ContainerUsage[] | undefined> {
    const worker = this.#deps.kubelets.worker(identityOf(pod).uid);
    return worker === undefined ? undefined : this.#deps.usage.of(worker);
  }

  #runnerOf(pod: Pod, container: string): ContainerRunner | undefined {
    return this.#deps.kubelets.worker(identityOf(pod).uid)?.runner(container);
  }

  #runningOf(pod: Pod, container: string): RunningContainer {
    const running = this.#runnerOf(pod, container)?.running;
    if (running !== undefined) return running;
    throw new TowpathError('CONTAINER_NOT_RUNNING', `container not found ("${container}")`, {
      next: 'wait until the container runs, or see kubectl describe pod',
    });
  }
}

async function forward(stdin: AsyncIterable<Uint8Array>, running: RunningContainer): Promise<void> {
  try {
    for await (const chunk of stdin) running.stdin?.write(chunk);
  } catch {
    // The client is gone.
  }
  running.stdin?.end();
}
