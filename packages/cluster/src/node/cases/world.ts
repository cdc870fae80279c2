/** A cluster with one node of a chosen runtime kind, and the steps the cases of every kind are made of. */

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Events, Pods, type Pod } from '@towpath/api';
import { silentLogger, systemClock, systemRandom } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import type { ContainerUsage } from '../../apiserver/pod-streams.ts';
import { startControllers, type Controllers } from '../../controllers/index.ts';
import { startTestCluster, type TestCluster } from '../../testing/index.ts';
import { startNodes, type HostFacts, type RunningNodes, type StartNodesOptions } from '../start-nodes.ts';
import { builtins, images } from './programs.ts';

/** One way to run containers, as the cases see it. */
export interface Kind {
  readonly name: KindName;
  readonly options: Pick<StartNodesOptions, 'level' | 'runtime'>;
  /** Why it cannot be tried on this machine. */
  readonly missing?: string | undefined;
  /** The image of the program that runs what its argument says, e.g. `acme/run:1`; undefined for builtins. */
  readonly image: string | undefined;
}

export type KindName = 'namespaces' | 'network namespaces' | 'plain' | 'container' | 'builtin';

const node = 'towpath-node-1';
/** Machines that do other work besides take their time. */
const waitMs = 45_000;

/** One cluster for all cases of a kind; every case names its own pods. */
export class World {
  readonly kind: Kind;
  readonly client: Client;
  readonly dir: string;
  readonly #host: HostFacts;
  readonly #cluster: TestCluster;
  readonly #controllers: Controllers;
  #nodes: RunningNodes;

  private constructor(parts: {
    kind: Kind;
    host: HostFacts;
    cluster: TestCluster;
    client: Client;
    controllers: Controllers;
    dir: string;
    nodes: RunningNodes;
  }) {
    this.kind = parts.kind;
    this.client = parts.client;
    this.dir = parts.dir;
    this.#host = parts.host;
    this.#cluster = parts.cluster;
    this.#controllers = parts.controllers;
    this.#nodes = parts.nodes;
  }

  static async start(kind: Kind, host: HostFacts): Promise<World> {
    const cluster = await startTestCluster();
    const client = new Client({ transport: cluster.transport() });
    const dir = await mkdtemp(join(tmpdir(), 'tp-'));
    const controllers = startControllers({
      transportFor: () => cluster.transport(),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      rootCa: '',
    });
    const nodes = await nodesOf({ kind, host, cluster, dataDir: dir });
    await controllers.synced();
    return new World({ kind, host, cluster, client, controllers, dir, nodes });
  }

  get nodes(): RunningNodes {
    return this.#nodes;
  }

  async dispose(): Promise<void> {
    await this.#nodes.dispose();
    await this.#controllers.dispose();
    await this.#cluster.dispose();
    await rm(this.dir, { recursive: true, force: true });
  }

  async restartNodes(): Promise<void> {
    await this.#nodes.dispose();
    this.#nodes = await nodesOf({ kind: this.kind, host: this.#host, cluster: this.#cluster, dataDir: this.dir });
  }

  /** A container that runs `code` as a program; `require` and the arguments in `args` are there. */
  program(code: string, ...args: string[]): Record<string, unknown> {
    return { image: this.kind.image, args: [code, ...args] };
  }

  create(name: string, container: Record<string, unknown>, spec: object = {}, labels: object = {}): Promise<Pod> {
    const containers = [{ name: 'main', ...container }];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels },
      spec: { nodeName: node, automountServiceAccountToken: false, containers, ...spec },
    };
    return this.client.create(Pods, pod as Parameters<typeof this.client.create<Pod>>[1]);
  }

  async until(name: string, isSo: (pod: Pick<Pod, 'status'>) => boolean): Promise<Pod> {
    const { resourceVersion } = await this.client.list(Pods, { namespace: 'default' });
    const now = await this.client.get(Pods, { namespace: 'default', name });
    if (now !== undefined && isSo(now)) return now;
    const signal = AbortSignal.timeout(waitMs);
    for await (const { object } of this.client.watch(Pods, { namespace: 'default', resourceVersion, signal })) {
      if (object.metadata.name === name && isSo(object)) return object;
    }
    const { status } = (await this.client.get(Pods, { namespace: 'default', name })) ?? {};
    throw new Error(
      `pod ${name} did not get there: ${JSON.stringify(status)} ${(await this.eventsOf(name)).join('\n')}`,
    );
  }

  ready(name: string): Promise<Pod> {
    return this.until(name, isReady);
  }

  /** Of its only container. */
  async ended(name: string): Promise<Record<string, unknown>> {
    const pod = await this.until(name, ({ status }) => terminated({ status }) !== undefined);
    return terminated(pod) ?? {};
  }

  async delete(name: string, gracePeriodSeconds = 1): Promise<void> {
    const { resourceVersion } = await this.client.list(Pods, { namespace: 'default' });
    await this.client.delete(Pods, { namespace: 'default', name }, { gracePeriodSeconds });
    if ((await this.client.get(Pods, { namespace: 'default', name })) === undefined) return;
    const signal = AbortSignal.timeout(waitMs);
    for await (const { type, object } of this.client.watch(Pods, { namespace: 'default', resourceVersion, signal })) {
      if (type === 'DELETED' && object.metadata.name === name) return;
    }
  }

  async logsOf(name: string, container = 'main', previous = false): Promise<string> {
    const pod = await this.until(name, () => true);
    const options = { container, follow: false, previous, timestamps: false };
    let text = '';
    for await (const part of this.#nodes.podStreams.logs(pod, options, new AbortController().signal)) {
      text += String(part);
    }
    return text;
  }

  /** Waits for the first line of its log. */
  async lineOf(name: string): Promise<string> {
    const pod = await this.until(name, ({ status }) => status?.containerStatuses?.[0]?.containerID !== undefined);
    const options = { container: 'main', follow: true, previous: false, timestamps: false };
    const signal = AbortSignal.timeout(waitMs);
    for await (const part of this.#nodes.podStreams.logs(pod, options, signal)) return String(part).trimEnd();
    return '';
  }

  /** What a program printed as JSON. */
  async said(name: string): Promise<unknown> {
    return JSON.parse(await this.lineOf(name));
  }

  /** The log file as the container runtime writes it, without the times. */
  async logFileOf(pod: Pod): Promise<string[]> {
    const folder = join(this.dir, 'logs', `default_${pod.metadata.name}_${pod.metadata.uid ?? ''}`, 'main');
    const [file = ''] = await readdir(folder);
    const text = await readFile(join(folder, file), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(line.indexOf(' ') + 1));
  }

  async eventsOf(name: string): Promise<string[]> {
    const { items } = await this.client.list(Events, {
      namespace: 'default',
      fieldSelector: `involvedObject.name=${name}`,
    });
    return items.map(({ reason, message }) => `${reason ?? ''}: ${message ?? ''}`);
  }

  async reasonsOf(name: string): Promise<string[]> {
    return (await this.eventsOf(name)).map((text) => text.slice(0, text.indexOf(':'))).toSorted();
  }

  async exec(pod: Pod, command: string[], stdin?: string): Promise<{ text: string; exitCode: number }> {
    let text = '';
    const collect = (chunk: Uint8Array): void => void (text += Buffer.from(chunk).toString());
    const { exitCode } = await this.#nodes.podStreams.exec(
      pod,
      { container: 'main', command },
      {
        tty: false,
        ...(stdin !== undefined && { stdin: lines(stdin) }),
        stdout: collect,
        stderr: collect,
        resizes: lines(),
        signal: new AbortController().signal,
      },
    );
    return { text, exitCode };
  }

  async usage(pod: Pod): Promise<readonly ContainerUsage[]> {
    return (await this.#nodes.podStreams.usage?.(pod)) ?? [];
  }

  /** One HTTP request over a stream of the dialer. */
  async get(pod: Pod, port: number): Promise<string> {
    const stream = await this.#nodes.dialer.dial({ host: pod.status?.podIP ?? '', port });
    stream.write('GET / HTTP/1.0\r\n\r\n');
    const text = await textOf(stream);
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  }

  /** Waits until `isSo` of something that has no watch. */
  async eventually<Value>(read: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> {
    const endMs = systemClock.monotonicMs() + waitMs;
    for (;;) {
      const value = await read();
      if (isSo(value)) return value;
      if (systemClock.monotonicMs() > endMs) throw new Error(`it did not get there: ${JSON.stringify(value)}`);
      await systemClock.sleep(50);
    }
  }
}

function nodesOf(given: { kind: Kind; host: HostFacts; cluster: TestCluster; dataDir: string }): Promise<RunningNodes> {
  const { kind, host, cluster, dataDir } = given;
  return startNodes({
    transport: cluster.transport(),
    transportWithToken: () => cluster.transport(),
    clock: systemClock,
    log: silentLogger,
    dataDir,
    nodes: 1,
    images,
    builtins,
    hostServices: {},
    ...kind.options,
    host,
  });
}

async function* lines(text?: string): AsyncGenerator<never> {
  // What a terminal reads is bytes; a terminal without a window has no sizes.
  if (text !== undefined) yield Buffer.from(text) as never;
}

export async function textOf(stream: Duplex | AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

export function isReady(pod: Pick<Pod, 'status'>): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

export function waitingReason({ status }: Pick<Pod, 'status'>): string {
  const waiting = status?.containerStatuses?.[0]?.state?.['waiting'] as { reason?: string } | undefined;
  return waiting?.reason ?? '';
}

function terminated(pod: { status?: Pod['status'] }): Record<string, unknown> | undefined {
  return pod.status?.containerStatuses?.[0]?.state?.['terminated'] as Record<string, unknown> | undefined;
}
