/** One pod on a node, from its arrival to its last trace: set up, run, kept in status, stopped, removed. */

import { rm } from 'node:fs/promises';
import { isConditionTrue, Pods, type Pod } from '@towpath/api';
import { backoffMs, background, isAbort, jsonEqual, messageOf, toTimestamp, type Timer } from '@towpath/kit';
import { isNotFound } from '@towpath/runtime';
import type { NetworkPod } from '../../network/pods.ts';
import { identityOf, isSidecar, restingReason, specOf, statusOf, type CoreContainer } from '../core.ts';
import type { PodFacts } from '../downward.ts';
import { createTokenSource } from '../service-account-token.ts';
import { PodVolumes } from '../volumes/pod-volumes.ts';
import { hostsFile } from './container-plan.ts';
import { ContainerRunner } from './container-runner.ts';
import type { NodeContext, PodContext } from './node-context.ts';
import { podStatus } from './pod-status.ts';

/** Several changes in a row become one write. */
const statusDelayMs = 20;
const statusRetry = { firstMs: 200, maxMs: 10_000 } as const;
const mountRetry = { firstMs: 500, maxMs: 120_000 } as const;
/** A ready pod's endpoint is taken away before its programs are told to end, so that fewer requests meet a closed door. */
const endpointDrainMs = 100;
/** Sidecars get this long when the others have used up the grace period. */
const minSidecarGraceMs = 1_000;
/** What a pod gets when Towpath itself stops. */
const shutdownGraceMs = 3_000;

export interface PodWorkerOptions {
  readonly context: NodeContext;
  readonly pod: Pod;
  readonly podIP: string;
  readonly facts: Omit<PodFacts, 'podIP'>;
  /** Called once, when nothing of the pod is left. */
  readonly onGone: () => void;
  /** Called once, when the pod needs its address no more. */
  readonly onAddressFree: () => void;
}

/** States: setting up → running → ended, and from each of them → stopping → gone. */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #context: NodeContext;
  readonly #facts: PodFacts;
  readonly #startTime: string;
  readonly #setup = new AbortController();
  readonly #runners = new Map<string, ContainerRunner>();
  #pod: Pod;
  #networkPod: NetworkPod | undefined;
  #volumes: PodVolumes | undefined;
  #lease: { release(): void } | undefined;
  #isSetUp = false;
  #failure: { reason: string; message: string } | undefined;
  #deadline: Timer | undefined;
  #writing: Promise<void> | undefined;
  #dirty = false;
  #silent = false;
  #addressIsFree = false;
  #stopping: Promise<void> | undefined;
  #main: Promise<void> = Promise.resolve();

  constructor(options: PodWorkerOptions) {
    this.#options = options;
    this.#context = options.context;
    this.#pod = options.pod;
    this.#facts = { ...options.facts, podIP: options.podIP };
    this.#startTime = options.pod.status?.startTime ?? toTimestamp(options.context.clock.nowMs());
  }

  get pod(): Pod {
    return this.#pod;
  }

  get podIP(): string {
    return this.#facts.podIP;
  }

  runner(container: string): ContainerRunner | undefined {
    return this.#runners.get(container);
  }

  get runners(): readonly ContainerRunner[] {
    return [...this.#runners.values()];
  }

  start(): void {
    if (this.#pod.metadata.deletionTimestamp !== undefined) {
      this.update(this.#pod);
      return;
    }
    this.#main = this.#run();
    background('run pod', this.#main, this.#context.log);
  }

  /** A newer version of the pod: labels for the downward API, or the wish to end it. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp === undefined) {
      this.#volumes?.update(pod);
      return;
    }
    if (this.#stopping !== undefined) return;
    const graceSeconds = pod.metadata.deletionGracePeriodSeconds ?? specOf(pod).terminationGracePeriodSeconds ?? 30;
    this.#stopping = this.#finish(graceSeconds * 1000);
    background('stop pod', this.#stopping, this.#context.log);
  }

  /** The object is gone from the API: everything of the pod ends at once. */
  async remove(): Promise<void> {
    this.#silent = true;
    this.#setup.abort();
    for (const runner of this.#runners.values()) runner.kill();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop(0)));
    await this.#cleanUp();
  }

  /** Towpath stops: programs end quickly, the pod stays in the API and starts again next time. */
  async shutDown(): Promise<void> {
    this.#silent = true;
    this.#setup.abort();
    this.#deadline?.cancel();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop(shutdownGraceMs)));
    await this.#release();
  }

  async #run(): Promise<void> {
    const { phase } = this.#pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') return this.#leave();
    this.#armDeadline();
    try {
      const context = await this.#setUp();
      if (!(await this.#runInits(context))) return;
      const mains = specOf(this.#pod).containers.map((spec) => this.#runnerOf(spec.name));
      const runs: Promise<void>[] = [];
      // One after another, in the order of the spec, as the kubelet launches them.
      for (const runner of mains) {
        if (runner === undefined) continue;
        const run = runner.run();
        runs.push(run);
        await Promise.race([runner.untilLaunched(), run]);
      }
      await Promise.all(runs);
      if (this.#setup.signal.aborted) return;
      await this.#stopSidecars(shutdownGraceMs);
      await this.#writeLast();
      // A pod that is done keeps its logs until it is deleted, and nothing else.
      await this.#leave();
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }

  async #setUp(): Promise<PodContext> {
    const { clock, network, paths, log, client, objects } = this.#context;
    const { uid } = identityOf(this.#pod);
    const spec = specOf(this.#pod);
    const tokens = createTokenSource({ client, clock, pod: this.#pod });
    this.#context.registerTokens(uid, tokens);
    const networkPod = await network.join({
      caller: { namespace: identityOf(this.#pod).namespace, pod: this.#pod.metadata.name, uid },
      ip: this.#facts.podIP,
      expectsSidecar: hasMeshSidecar(spec),
    });
    this.#networkPod = networkPod;
    const volumes = new PodVolumes({
      dir: paths.volumes(uid),
      pod: this.#pod,
      facts: this.#facts,
      objects,
      tokens,
      clock,
      log,
    });
    this.#volumes = volumes;
    const lease = objects.lease(() => {});
    this.#lease = lease;
    const hostname = (spec.hostname ?? this.#pod.metadata.name).slice(0, 63);
    const context: PodContext = {
      ...this.#context,
      pod: () => this.#pod,
      facts: this.#facts,
      networkPod,
      volumes,
      config: lease,
      hostname,
      hosts: hostsFile({ podIP: this.#facts.podIP, hostname, pod: this.#pod }),
    };
    for (const container of spec.initContainers ?? []) this.#addRunner(context, container, true);
    for (const container of spec.containers) this.#addRunner(context, container, false);
    this.#changed();
    await this.#mount(volumes);
    this.#isSetUp = true;
    this.#changed();
    return context;
  }

  async #mount(volumes: PodVolumes): Promise<void> {
    const { clock, event } = this.#context;
    for (let failures = 1; ; failures++) {
      this.#setup.signal.throwIfAborted();
      try {
        await volumes.mount();
        return;
      } catch (error) {
        this.#setup.signal.throwIfAborted();
        event(this.#pod, { type: 'Warning', reason: 'FailedMount', message: messageOf(error) });
        await clock.sleep(backoffMs(failures, mountRetry), this.#setup.signal);
      }
    }
  }

  /** True when the containers may start. */
  async #runInits(context: PodContext): Promise<boolean> {
    for (const spec of specOf(this.#pod).initContainers ?? []) {
      const runner = this.#runnerOf(spec.name);
      if (runner === undefined) continue;
      if (isSidecar(spec)) {
        background('run sidecar', runner.run(), context.log);
        await runner.untilStarted();
      } else {
        await runner.run();
        const { state } = runner.facts;
        if (state.type !== 'terminated' || state.exitCode !== 0) {
          this.#changed();
          return false;
        }
      }
      if (this.#setup.signal.aborted) return false;
    }
    return true;
  }

  #addRunner(context: PodContext, spec: CoreContainer, isInit: boolean): void {
    const runner = new ContainerRunner({
      context,
      spec,
      isInit,
      previous: statusOf(this.#pod, spec.name),
      onChange: () => this.#changed(),
    });
    this.#runners.set(spec.name, runner);
  }

  #runnerOf(name: string): ContainerRunner | undefined {
    return this.#runners.get(name);
  }

  #armDeadline(): void {
    const seconds = specOf(this.#pod).activeDeadlineSeconds;
    if (seconds === undefined) return;
    const { clock } = this.#context;
    const leftMs = Date.parse(this.#startTime) + seconds * 1000 - clock.nowMs();
    this.#deadline = clock.startTimer(Math.max(0, leftMs), () => {
      const message = 'Pod was active on the node longer than the specified deadline';
      this.#context.event(this.#pod, { type: 'Normal', reason: 'DeadlineExceeded', message });
      this.#failure = { reason: 'DeadlineExceeded', message };
      background('deadline', this.#stopContainers(30_000), this.#context.log);
    });
  }

  /** Stops the containers, writes the last status and removes the object. */
  async #finish(graceMs: number): Promise<void> {
    const { client, log } = this.#context;
    this.#deadline?.cancel();
    if (graceMs > 0 && isConditionTrue(this.#pod.status?.conditions, 'Ready')) {
      await this.#context.clock.sleep(endpointDrainMs);
    }
    await this.#stopContainers(graceMs);
    await this.#writeLast();
    const { namespace, name, uid } = identityOf(this.#pod);
    for (let failures = 1; ; failures++) {
      try {
        await client.delete(Pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
        break;
      } catch (error) {
        log.debug('pod not removed yet', { namespace, name, error: messageOf(error) });
        if (failures > 5) break;
        await this.#context.clock.sleep(backoffMs(failures, statusRetry));
      }
    }
    await this.#cleanUp();
  }

  /** The containers together, the sidecars after them in reverse order. */
  async #stopContainers(graceMs: number): Promise<void> {
    this.#setup.abort();
    const startedAtMs = this.#context.clock.monotonicMs();
    const mains = specOf(this.#pod).containers.map(({ name }) => this.#runnerOf(name));
    const inits = (specOf(this.#pod).initContainers ?? []).filter((spec) => !isSidecar(spec));
    const first = [...mains, ...inits.map(({ name }) => this.#runnerOf(name))];
    await Promise.all(first.map(async (runner) => runner?.stop(graceMs)));
    const leftMs = graceMs - (this.#context.clock.monotonicMs() - startedAtMs);
    await this.#stopSidecars(graceMs === 0 ? 0 : Math.max(minSidecarGraceMs, leftMs));
    this.#changed();
  }

  async #stopSidecars(graceMs: number): Promise<void> {
    for (const spec of (specOf(this.#pod).initContainers ?? []).filter(isSidecar).toReversed()) {
      await this.#runnerOf(spec.name)?.stop(graceMs);
    }
  }

  /** Writes the status soon; changes that come meanwhile go with the same write or the next. */
  #changed(): void {
    if (this.#silent) return;
    this.#dirty = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#dirty) this.#changed();
    });
    background('write pod status', this.#writing, this.#context.log);
  }

  /** Resolves when the status is written as it is now. */
  async #writeLast(): Promise<void> {
    this.#changed();
    // A write that was ending when the change came leads to another one.
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    const { client, clock, log } = this.#context;
    const { namespace, name } = identityOf(this.#pod);
    let failures = 0;
    while (this.#dirty && !this.#silent) {
      await clock.sleep(failures === 0 ? statusDelayMs : backoffMs(failures, statusRetry));
      this.#dirty = false;
      const status = this.#status();
      if (sameStatus(this.#pod.status, status)) continue;
      try {
        const body = { metadata: { uid: this.#pod.metadata.uid }, status };
        const written = await client.patch(Pods, { namespace, name }, body, { kind: 'merge', subresource: 'status' });
        if (written.metadata.uid === this.#pod.metadata.uid) this.#pod = { ...this.#pod, status: written.status ?? {} };
        failures = 0;
      } catch (error) {
        if (isNotFound(error)) {
          this.#dirty = false;
          return;
        }
        log.debug('pod status not written', { namespace, name, error: messageOf(error) });
        failures++;
        this.#dirty = true;
      }
    }
  }

  #status(): NonNullable<Pod['status']> {
    const spec = specOf(this.#pod);
    const factsOf = (containers: readonly CoreContainer[]): ReturnType<typeof this.runnerFacts>[] =>
      containers.map((container) => this.runnerFacts(container));
    return podStatus({
      pod: this.#pod,
      nowMs: this.#context.clock.nowMs(),
      startTime: this.#startTime,
      hostIP: this.#facts.hostIP,
      podIP: this.#isSetUp ? this.#facts.podIP : undefined,
      inits: factsOf(spec.initContainers ?? []),
      containers: factsOf(spec.containers),
      failure: this.#failure,
    });
  }

  /** What is known of a container, also before its runner exists. */
  runnerFacts(container: CoreContainer): ContainerRunner['facts'] {
    const waiting = {
      name: container.name,
      image: container.image ?? '',
      imageId: '',
      containerId: '',
      state: { type: 'waiting' as const, reason: restingReason(specOf(this.#pod)) },
      last: undefined,
      restartCount: 0,
      started: false,
      ready: false,
    };
    return this.#runners.get(container.name)?.facts ?? waiting;
  }

  async #release(): Promise<void> {
    this.#context.registerTokens(identityOf(this.#pod).uid, undefined);
    await Promise.all([...this.#runners.values()].map((runner) => runner.dispose()));
    await this.#leave();
    await this.#main.catch(() => {});
  }

  async #leave(): Promise<void> {
    this.#volumes?.dispose();
    this.#lease?.release();
    const networkPod = this.#networkPod;
    this.#networkPod = undefined;
    if (networkPod !== undefined) await this.#context.network.leave(networkPod);
    if (!this.#addressIsFree) this.#options.onAddressFree();
    this.#addressIsFree = true;
  }

  async #cleanUp(): Promise<void> {
    this.#silent = true;
    await this.#release();
    const { paths } = this.#context;
    const identity = identityOf(this.#pod);
    await rm(paths.pod(identity.uid), { recursive: true, force: true });
    await rm(paths.podLogs(identity), { recursive: true, force: true });
    this.#options.onGone();
  }
}

/** A sidecar of the mesh stands beside other containers; a gateway is alone. */
function hasMeshSidecar(spec: ReturnType<typeof specOf>): boolean {
  const all = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  return all.length > 1 && all.some(({ name }) => name === 'istio-proxy');
}

/** True when a write would change nothing. */
function sameStatus(before: Pod['status'], after: NonNullable<Pod['status']>): boolean {
  return Object.entries(after).every(([key, value]) => jsonEqual(before?.[key], value));
}
