/** What small controllers of Flux 2 are made of: flags, probes, informers and queues that end together. */

import { createServer, type Server } from 'node:http';
import {
  keyOf,
  reconcileRequestAnnotation,
  type BuiltinContext,
  type Key,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { Disposer, parseGoDuration, TowpathError, type Clock } from '@towpath/kit';
import { Client } from './client.ts';
import { createController, type Controller, type Result } from './controller.ts';
import { createInformer, type Informer, type InformerEvent } from './informer.ts';
import { createRecorder, type Recorder } from './recorder.ts';

/** Between tries that fail: doubled each time. Source: fluxcd/pkg, runtime/controller, rate limiter flags. */
const retryBackoff = { firstMs: 750, maxMs: 15 * 60_000 } as const;

export interface ToolkitDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly recorder: Recorder;
}

export interface ToolkitFlags {
  readonly concurrent: number;
  readonly watchAllNamespaces: boolean;
  readonly watchLabelSelector: string | undefined;
  readonly noCrossNamespaceRefs: boolean;
  readonly requeueDependencyMs: number;
}

export interface WatchedKind<Object extends KubeObject> {
  readonly informer: Informer<Object>;
  readonly controller: Controller;
}

export interface ToolkitOptions {
  readonly clock: Clock;
  /** Of fields that it writes; the component's name unless it says otherwise. */
  readonly fieldManager?: string;
  /** Takes a flag that only this component has, or says false. */
  readonly takeFlag?: (flag: string, value: string) => boolean;
}

const probePort = 9440;

/** Starts with `start()`; ends when the component's signal is aborted. */
export class ToolkitManager {
  readonly done: Promise<void>;
  readonly flags: ToolkitFlags;
  readonly deps: ToolkitDeps;
  readonly ends = new Disposer();
  readonly #name: string;
  readonly #context: BuiltinContext;
  readonly #starts: (() => void)[] = [];

  constructor(name: string, context: BuiltinContext, options: ToolkitOptions) {
    this.#name = name;
    this.#context = context;
    const { clock, fieldManager = name, takeFlag = () => false } = options;
    this.flags = parseFlags(name, context.args, takeFlag);
    const { transport, log, signal } = context;
    const client = new Client({ transport, fieldManager, userAgent: name });
    this.deps = { client, clock, recorder: createRecorder({ client, component: name, clock, log }) };
    this.done = new Promise((resolve, reject) => {
      const stop = (): void => void this.ends.dispose().then(resolve, reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** Started with the manager. Without `isOwn` all objects are seen, whatever share of the work this one has. */
  informer<Object extends KubeObject>(
    type: ResourceType<Object>,
    options: { readonly isOwn?: boolean; readonly namespace?: string } = {},
  ): Informer<Object> {
    const { watchAllNamespaces, watchLabelSelector } = this.flags;
    const informer = this.ends.own(
      createInformer({
        client: this.deps.client,
        clock: this.deps.clock,
        log: this.#context.log,
        type,
        labelSelector: options.isOwn === true ? watchLabelSelector : undefined,
        namespace: options.namespace ?? (watchAllNamespaces ? undefined : this.#context.pod.namespace),
      }),
    );
    this.#starts.push(() => informer.start());
    return informer;
  }

  /** Reconciles the objects of a kind that are this one's to look after. */
  watch<Object extends KubeObject>(
    type: ResourceType<Object>,
    reconcile: (key: Key, signal: AbortSignal) => Promise<Result>,
  ): WatchedKind<Object> {
    const informer = this.informer(type, { isOwn: true });
    const controller = this.ends.own(
      createController({
        name: type.plural,
        clock: this.deps.clock,
        log: this.#context.log,
        concurrency: this.flags.concurrent,
        backoff: retryBackoff,
        reconcile,
      }),
    );
    informer.onChange((event) => {
      if (isAsked(event)) controller.enqueue(keyOf(event.object));
    });
    this.#starts.push(() => controller.start());
    return { informer, controller };
  }

  /** Answers on a port of the pod. */
  serve(port: number, server: Server): void {
    const listener = this.#context.network.listen(port, ({ stream }) => server.emit('connection', stream));
    this.ends.add(() => {
      listener.close();
      server.closeAllConnections();
    });
  }

  start(): void {
    this.serve(
      probePort,
      createServer((_request, response) => void response.end('ok')),
    );
    for (const start of this.#starts) start();
    this.#context.log.info('starting manager', { controller: this.#name });
  }
}

/** Our own writes of the status ask for nothing. */
function isAsked<Object extends KubeObject>({ object, previous }: InformerEvent<Object>): boolean {
  if (previous === undefined) return true;
  const requested = (one: KubeObject): string | undefined => one.metadata.annotations?.[reconcileRequestAnnotation];
  return (
    previous.metadata.generation !== object.metadata.generation ||
    previous.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
    requested(previous) !== requested(object)
  );
}

/** Flags that tune what these controllers do another way, or do not have to do. */
const withoutEffect = new Set([
  'export-http-path-metrics',
  'rate-limit-interval',
  'watch-configs-label-selector',
  'events-addr',
  'log-level',
  'log-encoding',
  'metrics-addr',
  'health-addr',
  'storage-path',
  'artifact-retention-ttl',
  'artifact-digest-algo',
  'helm-cache-max-size',
  'helm-cache-ttl',
  'helm-cache-purge-interval',
  'storage-value-log-file-size',
  'storage-compression-threshold',
  'gc-interval',
  'kube-api-qps',
  'kube-api-burst',
  'min-retry-delay',
  'max-retry-delay',
  'token-cache-max-size',
  'token-cache-max-duration',
  'graceful-shutdown-timeout',
]);

/** Throws `FLAG_UNKNOWN`. */
function parseFlags(
  name: string,
  args: readonly string[],
  takeFlag: (flag: string, value: string) => boolean,
): ToolkitFlags {
  let flags: ToolkitFlags = {
    concurrent: 4,
    watchAllNamespaces: true,
    watchLabelSelector: undefined,
    noCrossNamespaceRefs: false,
    requeueDependencyMs: 30_000,
  };
  for (const argument of args) {
    const [, flag = argument, value = 'true'] = /^--([A-Za-z-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (takeFlag(flag, value) || withoutEffect.has(flag)) continue;
    if (flag === 'concurrent') flags = { ...flags, concurrent: Math.max(1, Number(value) || flags.concurrent) };
    else if (flag === 'watch-all-namespaces') flags = { ...flags, watchAllNamespaces: value !== 'false' };
    else if (flag === 'watch-label-selector') flags = { ...flags, watchLabelSelector: value };
    else if (flag === 'no-cross-namespace-refs') flags = { ...flags, noCrossNamespaceRefs: value !== 'false' };
    else if (flag === 'requeue-dependency') {
      flags = { ...flags, requeueDependencyMs: parseGoDuration(value) ?? flags.requeueDependencyMs };
    } else {
      throw new TowpathError('FLAG_UNKNOWN', `${name}: unknown flag ${argument}`, {
        next: 'leave it out; flags that tune what does not exist here are accepted',
      });
    }
  }
  return flags;
}
