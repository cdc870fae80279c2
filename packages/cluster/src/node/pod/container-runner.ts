/** One container from its image to its end: started, probed, restarted with back-off, stopped with grace. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ContainerStatus } from '@towpath/api';
import { backoffMs, background, isAbort, messageOf } from '@towpath/kit';
import { identityOf, isSidecar, restingReason, specOf, type CoreContainer } from '../core.ts';
import { StartError } from '../errors.ts';
import type { LocalImage } from '../images/image-store.ts';
import { LogWriter } from '../logs/log-file.ts';
import { check } from '../probes/check.ts';
import { Prober } from '../probes/prober.ts';
import type { ContainerExit, Output, RunningContainer, StopSignal } from '../runtimes/runtime.ts';
import { planContainer } from './container-plan.ts';
import { fromState, type ContainerFacts, type ContainerState, type Terminated } from './container-state.ts';
import { pullUntilThere } from './image-puller.ts';
import type { PodContext } from './node-context.ts';
import { readMessage } from './termination-message.ts';

/** Source: Kubernetes pkg/kubelet, CrashLoopBackOff 10 s doubling to 5 min, forgotten after 10 min of running. */
const crashBackoff = { firstMs: 10_000, maxMs: 300_000 } as const;
const backoffForgottenMs = 600_000;
/** A missing ConfigMap or a failed start is tried again after this. */
const configRetryMs = 5_000;
/** A start permit is given back when the program is ready, or after this. */
const startPermitMs = 2_000;
/** SIGTERM is sent at least this long before SIGKILL, also when a hook has used up the grace period. */
const minGraceMs = 2_000;
const hookTimeoutMs = 600_000;

/** Waits for its image, runs, and is restarted as its policy says. `facts` is what the pod's status shows. */
export class ContainerRunner {
  readonly spec: CoreContainer;
  readonly #context: PodContext;
  readonly #onChange: () => void;
  readonly #isInit: boolean;
  readonly #stop = new AbortController();
  #state: ContainerState;
  #last: Terminated | undefined;
  #restartCount = 0;
  #imageId = '';
  #containerId = '';
  #started = false;
  #markLaunched: () => void = () => {};
  readonly #launched = new Promise<void>((resolve) => {
    this.#markLaunched = resolve;
  });
  #ready = false;
  #crashes = 0;
  #running: RunningContainer | undefined;
  #prober: Prober | undefined;
  #log: LogWriter | undefined;
  #image: LocalImage | undefined;
  /** From the exit of the last process until the state tells of it. */
  #ending: Promise<ContainerExit> | undefined;
  #stopping: Promise<void> | undefined;
  #isOutOfMemory = false;
  #startedWaiters: (() => void)[] = [];

  constructor(options: {
    context: PodContext;
    spec: CoreContainer;
    isInit: boolean;
    /** What the API last said of it, from before a restart of the node. */
    previous: ContainerStatus | undefined;
    onChange: () => void;
  }) {
    this.#context = options.context;
    this.spec = options.spec;
    this.#isInit = options.isInit;
    this.#state = this.#resting();
    this.#onChange = options.onChange;
    this.#stop.signal.addEventListener('abort', () => this.#markLaunched(), { once: true });
    if (options.previous !== undefined) this.#resume(options.previous);
  }

  get facts(): ContainerFacts {
    return {
      name: this.spec.name,
      image: this.spec.image ?? '',
      imageId: this.#imageId,
      containerId: this.#containerId,
      state: this.#state,
      last: this.#last,
      restartCount: this.#restartCount,
      started: this.#started,
      ready: this.#ready,
    };
  }

  get running(): RunningContainer | undefined {
    return this.#running;
  }

  get log(): LogWriter | undefined {
    return this.#log;
  }

  /** Runs until it is not restarted any more, or stopped. Resolves also when it never started. */
  async run(): Promise<void> {
    const { clock } = this.#context;
    while (!this.#stop.signal.aborted) {
      if (this.#state.type === 'terminated' && !this.#restarts(this.#state.exitCode)) return;
      try {
        if (this.#state.type === 'terminated') await this.#backOff(this.#state);
        const exit = await this.#runOnce();
        if (!this.#restarts(exit.exitCode)) return;
      } catch (error) {
        if (this.#stop.signal.aborted || isAbort(error)) return;
        this.#refuse(error);
        this.#markLaunched();
        await clock.sleep(configRetryMs, this.#stop.signal).catch(() => {});
      }
    }
  }

  /** Resolves when the first attempt to launch it is over, well or not. */
  untilLaunched(): Promise<void> {
    return this.#launched;
  }

  /** Resolves when the container has started (startup probe included), or has ended for good. */
  async untilStarted(): Promise<void> {
    if (this.#started || this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => this.#startedWaiters.push(resolve));
  }

  /** Stops it for good: preStop hook, signal, and SIGKILL when `graceMs` are over. */
  stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    this.#wake();
    this.#stopping ??= this.#shutDown(graceMs);
    return this.#stopping;
  }

  /** Ends it at once. */
  kill(): void {
    this.#stop.abort();
    this.#wake();
    this.#running?.signal('SIGKILL');
  }

  /** It used more memory than its limit: ended as the kernel would have done. */
  outOfMemory(): void {
    this.#isOutOfMemory = true;
    this.#running?.signal('SIGKILL');
  }

  async dispose(): Promise<void> {
    this.#prober?.stop();
    await this.#log?.close();
  }

  #resume(previous: ContainerStatus): void {
    const { clock } = this.#context;
    const state = fromState(previous.state);
    this.#restartCount = previous.restartCount;
    this.#imageId = previous.imageID;
    this.#containerId = previous.containerID ?? '';
    const lastState = fromState(previous.lastState);
    if (state === undefined && lastState !== undefined) this.#state = lastState;
    else this.#last = lastState?.type === 'terminated' ? lastState : undefined;
    if (state?.type === 'terminated') this.#state = state;
    if (state?.type !== 'running') return;
    this.#state = {
      type: 'terminated',
      exitCode: 255,
      reason: 'Unknown',
      startedAtMs: state.startedAtMs,
      finishedAtMs: clock.nowMs(),
      containerId: this.#containerId,
    };
    // The node went away, not the program: it starts again without delay.
    this.#crashes = -1;
  }

  #restarts(exitCode: number): boolean {
    if (this.#stop.signal.aborted) return false;
    if (isSidecar(this.spec) && this.#isInit) return true;
    const policy = specOf(this.#context.pod()).restartPolicy ?? 'Always';
    if (policy === 'Always') return !this.#isInit || exitCode !== 0;
    return policy === 'OnFailure' && exitCode !== 0;
  }

  async #backOff(ended: Terminated): Promise<void> {
    const { clock } = this.#context;
    if (ended.finishedAtMs - ended.startedAtMs > backoffForgottenMs) this.#crashes = 0;
    this.#crashes++;
    this.#last = ended;
    const waitMs = this.#crashes <= 1 ? 0 : backoffMs(this.#crashes - 1, crashBackoff);
    const leftMs = ended.finishedAtMs + waitMs - clock.nowMs();
    if (leftMs > 0) {
      const { namespace, name, uid } = identityOf(this.#context.pod());
      const pod = `${name}_${namespace}(${uid})`;
      this.#event('Warning', 'BackOff', `Back-off restarting failed container ${this.spec.name} in pod ${pod}`);
      const message = `back-off ${goDuration(waitMs)} restarting failed container=${this.spec.name} pod=${pod}`;
      this.#setState({ type: 'waiting', reason: 'CrashLoopBackOff', message });
      await clock.sleep(leftMs, this.#stop.signal);
    }
    this.#restartCount++;
  }

  /** One run, from the image to the exit. Throws `StartError` when it does not come to a start. */
  async #runOnce(): Promise<ContainerExit> {
    const { clock, starts, runtimeFor, random } = this.#context;
    const signal = this.#stop.signal;
    const runtime = runtimeFor(this.spec.image ?? '');
    if (this.#state.type !== 'waiting') this.#setState(this.#resting());
    if (runtime.needsImage) await this.#pull();
    else this.#event('Normal', 'Pulled', `Container image "${this.spec.image ?? ''}" already present on machine`);
    signal.throwIfAborted();
    const release = await starts.acquire();
    try {
      signal.throwIfAborted();
      const id = Buffer.from(random.bytes(32)).toString('hex');
      const plan = await planContainer(this.#context, this.spec, { id, image: this.#image, env: runtime.env });
      this.#event('Normal', 'Created', `Created container: ${this.spec.name}`);
      await this.#log?.close();
      const log = new LogWriter({ path: await this.#logPath(), clock });
      this.#log = log;
      const output: Output = (stream, chunk) => {
        log.write(stream, chunk);
        // V8 says so before it gives up; the limit it met was made from the container's.
        if (stream === 'stderr' && plan.memoryLimitBytes !== undefined && saysOutOfMemory(chunk)) {
          this.#isOutOfMemory = true;
        }
      };
      const running = await runtime.kind.start(plan, output).catch(notStarted);
      this.#containerId = `${runtime.scheme}://${id}`;
      if ('exitCode' in running) {
        release();
        this.#event('Warning', 'Failed', `Error: ${running.message ?? ''}`);
        this.#markLaunched();
        return await this.#end(running, clock.nowMs());
      }
      this.#running = running;
      const startedAtMs = clock.nowMs();
      await this.#recordProcess(running);
      this.#event('Normal', 'Started', `Started container ${this.spec.name}`);
      this.#markLaunched();
      if (running.limitation !== undefined) {
        this.#context.networkPod.hostLoopback = true;
        this.#event('Warning', 'TrafficNotCaptured', running.limitation);
      }
      this.#setState({ type: 'running', startedAtMs });
      const permit = clock.startTimer(startPermitMs, release);
      void running.exited.then(() => {
        permit.cancel();
        release();
      });
      if (signal.aborted) running.signal('SIGKILL');
      background('container start', this.#afterStart(running, release), this.#context.log);
      this.#ending = this.#end(await running.exited, startedAtMs);
      return await this.#ending;
    } catch (error) {
      release();
      throw error;
    }
  }

  async #pull(): Promise<void> {
    const image = await pullUntilThere({
      context: this.#context,
      container: this.spec,
      event: (type, reason, message) => this.#event(type, reason, message),
      waiting: (reason, message) => {
        this.#setState({ type: 'waiting', reason, message });
        // The other containers of the pod do not wait for an image that cannot be had.
        this.#markLaunched();
      },
      signal: this.#stop.signal,
    });
    this.#image = image;
    this.#imageId = image.imageId;
    const resting = this.#resting();
    if (this.#state.type === 'waiting' && this.#state.reason !== resting.reason) this.#setState(resting);
  }

  #resting(): Extract<ContainerState, { type: 'waiting' }> {
    return { type: 'waiting', reason: restingReason(specOf(this.#context.pod())) };
  }

  async #afterStart(running: RunningContainer, release: () => void): Promise<void> {
    const { clock, log, networkPod, network } = this.#context;
    const target = {
      podIP: networkPod.ip,
      container: this.spec,
      running,
      dialer: network.dialer,
      clock,
    };
    const postStart = this.spec.lifecycle?.postStart;
    if (postStart !== undefined) {
      const result = await check(postStart, target, hookTimeoutMs);
      if (this.#running !== running) return;
      if (!result.ok) {
        this.#event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`);
        this.#event('Normal', 'Killing', 'FailedPostStartHook');
        running.signal('SIGKILL');
        return;
      }
    }
    this.#prober = new Prober({
      container: this.spec,
      target,
      clock,
      log,
      events: {
        started: () => {
          this.#started = true;
          this.#wake();
          this.#onChange();
        },
        ready: (isReady) => {
          if (isReady) release();
          if (this.#ready === isReady) return;
          this.#ready = isReady;
          this.#onChange();
        },
        failed: (kind, message) => this.#event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`),
        unhealthy: (kind, probe) => {
          const name = kind.toLowerCase();
          this.#event('Normal', 'Killing', `Container ${this.spec.name} failed ${name} probe, will be restarted`);
          const grace =
            probe.terminationGracePeriodSeconds ?? specOf(this.#context.pod()).terminationGracePeriodSeconds;
          background('restart', this.#terminate(running, (grace ?? 30) * 1000), log);
        },
      },
    });
    // A container that ended meanwhile leaves no prober behind.
    if (this.#running !== running) this.#prober.stop();
  }

  async #end(exit: ContainerExit, startedAtMs: number): Promise<ContainerExit> {
    const { clock, paths } = this.#context;
    this.#prober?.stop();
    this.#prober = undefined;
    this.#running = undefined;
    this.#ready = false;
    this.#started = false;
    await this.#log?.close();
    const outOfMemory = this.#isOutOfMemory || exit.reason === 'OOMKilled';
    this.#isOutOfMemory = false;
    const pod = identityOf(this.#context.pod());
    const { uid } = pod;
    const { exitCode } = exit;
    const dir = paths.container(uid, this.spec.name);
    const logPath = paths.log(pod, this.spec.name, this.#restartCount);
    const message = exit.message ?? (await readMessage(this.spec, { dir, logPath, exitCode }));
    await rm(paths.processFile(uid, this.spec.name), { force: true });
    this.#setState({
      type: 'terminated',
      exitCode: outOfMemory ? 137 : exit.exitCode,
      ...(exit.signal !== undefined && { signal: exit.signal }),
      reason: outOfMemory ? 'OOMKilled' : (exit.reason ?? (exit.exitCode === 0 ? 'Completed' : 'Error')),
      ...(message !== undefined && { message }),
      startedAtMs,
      finishedAtMs: clock.nowMs(),
      containerId: this.#containerId,
    });
    if (!this.#restarts(exit.exitCode)) {
      this.#wake();
      // What it wrote outside its volumes goes with it, as a container's own layer does.
      background('remove container', rm(dir, { recursive: true, force: true }), this.#context.log);
    }
    return exit;
  }

  #refuse(error: unknown): void {
    const reason = error instanceof StartError ? error.reason : 'CreateContainerError';
    this.#event('Warning', 'Failed', `Error: ${messageOf(error)}`);
    this.#setState({ type: 'waiting', reason, message: messageOf(error) });
  }

  async #shutDown(graceMs: number): Promise<void> {
    const running = this.#running;
    if (running !== undefined) {
      this.#event('Normal', 'Killing', `Stopping container ${this.spec.name}`);
      await this.#terminate(running, graceMs);
    }
    // How it ended is known a moment after its exit; the pod's last status must say it.
    await this.#ending?.catch(() => {});
  }

  async #terminate(running: RunningContainer, graceMs: number): Promise<void> {
    const { clock, networkPod, network } = this.#context;
    const startedAtMs = clock.monotonicMs();
    const preStop = this.spec.lifecycle?.preStop;
    if (preStop !== undefined && graceMs > 0) {
      const target = { podIP: networkPod.ip, container: this.spec, running, dialer: network.dialer, clock };
      const result = await check(preStop, target, graceMs);
      if (!result.ok) this.#event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`);
    }
    running.signal(stopSignalOf(this.#image));
    const usedMs = clock.monotonicMs() - startedAtMs;
    const leftMs = graceMs === 0 ? 0 : Math.max(preStop === undefined ? 0 : minGraceMs, graceMs - usedMs);
    const timer = clock.startTimer(leftMs, () => running.signal('SIGKILL'));
    await running.exited;
    timer.cancel();
  }

  async #recordProcess(running: RunningContainer): Promise<void> {
    if (running.process === undefined) return;
    const path = this.#context.paths.processFile(identityOf(this.#context.pod()).uid, this.spec.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, JSON.stringify(running.process));
  }

  /** The log of this run; the one before is kept for `--previous`, older ones go. */
  async #logPath(): Promise<string> {
    const { paths } = this.#context;
    const pod = identityOf(this.#context.pod());
    if (this.#restartCount >= 2) {
      const old = paths.log(pod, this.spec.name, this.#restartCount - 2);
      await Promise.all([rm(old, { force: true }), rm(`${old}.1`, { force: true })]);
    }
    return paths.log(pod, this.spec.name, this.#restartCount);
  }

  #setState(state: ContainerState): void {
    this.#state = state;
    this.#onChange();
  }

  #wake(): void {
    for (const wake of this.#startedWaiters.splice(0)) wake();
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const fieldPath = `spec.${this.#isInit ? 'initContainers' : 'containers'}{${this.spec.name}}`;
    this.#context.event(this.#context.pod(), { type, reason, message, fieldPath });
  }
}

/** A program that cannot be started is a container that has ended, as container runtimes have it. */
function notStarted(error: unknown): ContainerExit {
  if (!(error instanceof StartError) || error.reason !== 'StartError') throw error;
  return { exitCode: 128, reason: 'StartError', message: error.message };
}

const stopSignals: readonly string[] = ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

function stopSignalOf(image: LocalImage | undefined): StopSignal {
  const wanted = image?.config.StopSignal ?? 'SIGTERM';
  return stopSignals.includes(wanted) ? (wanted as StopSignal) : 'SIGTERM';
}

function saysOutOfMemory(chunk: Uint8Array): boolean {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).includes('JavaScript heap out of memory');
}

/** A duration as Go prints it: `10s`, `1m20s`, `5m0s`. */
function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
