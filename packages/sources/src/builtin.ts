/** The builtin `towpath.builtin/source-controller`: the sources of Flux 2, as artifacts that others fetch. */

import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import {
  keyOf,
  reconcileRequestAnnotation,
  Repositories,
  towpathNamespace,
  type Builtin,
  type BuiltinContext,
} from '@towpath/api';
import { createGit, repositoryIdentity } from '@towpath/git';
import { Disposer, systemClock, TowpathError, type Clock } from '@towpath/kit';
import {
  Client,
  createController,
  createInformer,
  createRecorder,
  type Controller,
  type InformerEvent,
} from '@towpath/runtime';
import type { SourceDeps } from './deps.ts';
import { SourceFailure } from './errors.ts';
import { findGit } from './find-git.ts';
import { findHelmChart, findHelmRepository } from './find-helm.ts';
import { findOci } from './find-oci.ts';
import {
  Buckets,
  GitRepositories,
  HelmCharts,
  HelmRepositories,
  OciRepositories,
  type GitRepository,
  type HelmChart,
  type Source,
} from './kinds.ts';
import { reconcileSource, type Failures, type SourceKind } from './reconcile.ts';
import { statusManager } from './status.ts';
import { Storage } from './storage.ts';

export interface SourceControllerDeps {
  readonly clock?: Clock;
}

const component = 'source-controller';
const storagePort = 9090;
const probePort = 9440;

interface Flags {
  readonly concurrent: number;
  readonly advertisedAddress: string | undefined;
  readonly storagePort: number;
  readonly watchAllNamespaces: boolean;
  readonly watchLabelSelector: string | undefined;
  readonly keptRecords: number;
}

/** Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name. */
export function createSourceController({ clock = systemClock }: SourceControllerDeps = {}): Builtin {
  return async (context) => {
    const running = new SourceController(context, clock, parseFlags(context.args));
    running.start();
    return { done: running.done };
  };
}

class SourceController {
  readonly done: Promise<void>;
  readonly #context: BuiltinContext;
  readonly #flags: Flags;
  readonly #deps: SourceDeps & { readonly failures: Failures };
  readonly #ends = new Disposer();
  readonly #starts: (() => void)[] = [];

  constructor(context: BuiltinContext, clock: Clock, flags: Flags) {
    this.#context = context;
    this.#flags = flags;
    const { transport, log, scratchDir, pod, hostUrl, signal } = context;
    const client = new Client({ transport, fieldManager: statusManager, userAgent: component });
    const advertisedAddress = flags.advertisedAddress ?? `${component}.${pod.namespace}.svc.cluster.local.`;
    this.#deps = {
      client,
      clock,
      log,
      hostUrl,
      recorder: createRecorder({ client, component, clock, log }),
      storage: new Storage({
        dir: join(scratchDir, 'artifacts'),
        advertisedAddress,
        clock,
        keptRecords: flags.keptRecords,
      }),
      git: createGit({ clock }),
      mirrorsDir: join(scratchDir, 'mirrors'),
      failures: new Map(),
    };
    this.done = new Promise((resolve, reject) => {
      const stop = (): void => void this.#ends.dispose().then(resolve, reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }

  start(): void {
    this.#listen(this.#flags.storagePort, (request, response) => void this.#deps.storage.answer(request, response));
    this.#listen(probePort, (_request, response) => void response.end('ok'));
    const git = this.#watch<GitRepository>({ type: GitRepositories, find: findGit });
    const helm = this.#watch({
      type: HelmRepositories,
      find: findHelmRepository,
      latest: (object, { storage }) => storage.urlOf(object, 'index.yaml'),
      isStatic: ({ spec }) => spec.type === 'oci' || spec.url.startsWith('oci://'),
    });
    this.#watch({
      type: OciRepositories,
      find: findOci,
      latest: (object, { storage }) => storage.urlOf(object, 'latest.tar.gz'),
    });
    const bucket = this.#watch({ type: Buckets, find: refuseBucket });
    const charts = this.#watch<HelmChart>({
      type: HelmCharts,
      find: findHelmChart,
      latest: (object, { storage }) => storage.urlOf(object, 'latest.tar.gz'),
    });
    // A chart looks again the moment its source has something new; a repository, when it was pushed to.
    for (const source of [git, helm, bucket]) this.#follow(charts, source);
    this.#watchPushes(git);
    for (const start of this.#starts) start();
    this.#context.log.info('starting manager', { controller: component });
  }

  #listen(port: number, answer: Parameters<typeof createServer>[1]): void {
    const server: Server = createServer(answer);
    const listener = this.#context.network.listen(port, ({ stream }) => server.emit('connection', stream));
    this.#ends.add(() => {
      listener.close();
      server.closeAllConnections();
    });
  }

  #watch<Object extends Source>(kind: SourceKind<Object>): Watched<Object> {
    const { client, clock, log } = this.#deps;
    const { watchAllNamespaces, watchLabelSelector, concurrent } = this.#flags;
    const informer = this.#ends.own(
      createInformer({
        client,
        clock,
        log,
        type: kind.type,
        labelSelector: watchLabelSelector,
        namespace: watchAllNamespaces ? undefined : this.#context.pod.namespace,
      }),
    );
    const controller = this.#ends.own(
      createController({
        name: kind.type.plural,
        clock,
        log,
        concurrency: concurrent,
        reconcile: (key, signal) => reconcileSource(kind, key, this.#deps, signal),
      }),
    );
    informer.onChange((event) => {
      if (isAsked(event)) controller.enqueue(keyOf(event.object));
    });
    this.#starts.push(() => {
      informer.start();
      controller.start();
    });
    return { informer, controller };
  }

  #follow<Object extends Source>(charts: Watched<HelmChart>, source: Watched<Object>): void {
    source.informer.onChange(({ object, previous }) => {
      const { artifact } = object.status ?? {};
      if (artifact === undefined || artifact.digest === previous?.status?.artifact?.digest) return;
      for (const chart of charts.informer.list()) {
        const { kind, name } = chart.spec.sourceRef;
        const isIts = kind === object.kind && name === object.metadata.name;
        if (isIts && chart.metadata.namespace === object.metadata.namespace) charts.controller.enqueue(keyOf(chart));
      }
    });
  }

  /** The embedded Git server tells of every push: no need to wait for the interval. */
  #watchPushes(git: Watched<GitRepository>): void {
    const { client, clock, log } = this.#deps;
    const pushes = this.#ends.own(
      createInformer({ client, clock, log, type: Repositories, namespace: towpathNamespace }),
    );
    pushes.onChange(({ type, object }) => {
      if (type === 'delete') return;
      const identity = identityOf(object.spec.url);
      for (const repository of git.informer.list()) {
        if (identityOf(repository.spec.url) === identity) git.controller.enqueue(keyOf(repository));
      }
    });
    this.#starts.push(() => pushes.start());
  }
}

interface Watched<Object extends Source> {
  readonly informer: ReturnType<typeof createInformer<Object>>;
  readonly controller: Controller;
}

/** Undefined for what is no URL of a repository: its own reconcile says so. */
function identityOf(url: string): string | undefined {
  try {
    return repositoryIdentity(url);
  } catch {
    return undefined;
  }
}

/** Our own writes of the status ask for nothing. */
function isAsked<Object extends Source>({ object, previous }: InformerEvent<Object>): boolean {
  if (previous === undefined) return true;
  const requested = (one: Source): string | undefined => one.metadata.annotations?.[reconcileRequestAnnotation];
  return (
    previous.metadata.generation !== object.metadata.generation ||
    previous.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
    requested(previous) !== requested(object)
  );
}

function refuseBucket(): Promise<never> {
  const message = 'Buckets are not supported by Towpath; use a GitRepository or an OCIRepository';
  return Promise.reject(new SourceFailure('NotSupported', message, { isStalled: true }));
}

/** Flags that tune what this controller does another way, or does not have to do. */
const withoutEffect = new Set([
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
  'requeue-dependency',
  'kube-api-qps',
  'kube-api-burst',
]);

function parseFlags(args: readonly string[]): Flags {
  let flags: Flags = {
    concurrent: 4,
    advertisedAddress: undefined,
    storagePort,
    watchAllNamespaces: true,
    watchLabelSelector: undefined,
    keptRecords: 2,
  };
  for (const argument of args) {
    const [, name = argument, value = 'true'] = /^--([a-z-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (withoutEffect.has(name)) continue;
    if (name === 'concurrent') flags = { ...flags, concurrent: Math.max(1, Number(value) || flags.concurrent) };
    else if (name === 'storage-adv-addr') flags = { ...flags, advertisedAddress: value };
    else if (name === 'storage-addr')
      flags = { ...flags, storagePort: Number(/:(\d+)$/.exec(value)?.[1] ?? storagePort) };
    else if (name === 'watch-all-namespaces') flags = { ...flags, watchAllNamespaces: value !== 'false' };
    else if (name === 'watch-label-selector') flags = { ...flags, watchLabelSelector: value };
    else if (name === 'artifact-retention-records') flags = { ...flags, keptRecords: Math.max(1, Number(value) || 2) };
    else {
      throw new TowpathError('FLAG_UNKNOWN', `source-controller: unknown flag ${argument}`, {
        next: 'leave it out, or see the README of packages/sources for what is there',
      });
    }
  }
  return flags;
}
