/** The builtin `towpath.builtin/source-controller`: the sources of Flux 2, as artifacts that others fetch. */

import { createServer } from 'node:http';
import { join } from 'node:path';
import { keyOf, Repositories, towpathNamespace, type Builtin, type BuiltinContext } from '@towpath/api';
import { createGit, repositoryIdentity } from '@towpath/git';
import { systemClock, type Clock } from '@towpath/kit';
import { ToolkitManager, type WatchedKind } from '@towpath/runtime';
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
const defaultStoragePort = 9090;

interface OwnFlags {
  advertisedAddress: string;
  storagePort: number;
  keptRecords: number;
}

/** Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name. */
export function createSourceController({ clock = systemClock }: SourceControllerDeps = {}): Builtin {
  return async (context) => {
    const running = new SourceController(context, clock);
    running.start();
    return { done: running.done };
  };
}

class SourceController {
  readonly #manager: ToolkitManager;
  readonly #deps: SourceDeps & { readonly failures: Failures };

  constructor(context: BuiltinContext, clock: Clock) {
    const { log, scratchDir, pod, hostUrl } = context;
    const own: OwnFlags = {
      advertisedAddress: `${component}.${pod.namespace}.svc.cluster.local.`,
      storagePort: defaultStoragePort,
      keptRecords: 2,
    };
    const takeFlag = (flag: string, value: string): boolean => takeOwnFlag(own, flag, value);
    this.#manager = new ToolkitManager(component, context, { clock, fieldManager: statusManager, takeFlag });
    const { advertisedAddress, keptRecords } = own;
    const storage = new Storage({ dir: join(scratchDir, 'artifacts'), advertisedAddress, clock, keptRecords });
    this.#deps = {
      ...this.#manager.deps,
      log,
      hostUrl,
      storage,
      git: createGit({ clock }),
      mirrorsDir: join(scratchDir, 'mirrors'),
      failures: new Map(),
    };
    this.#manager.serve(
      own.storagePort,
      createServer((request, response) => void storage.answer(request, response)),
    );
  }

  get done(): Promise<void> {
    return this.#manager.done;
  }

  start(): void {
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
    this.#manager.start();
  }

  #watch<Object extends Source>(kind: SourceKind<Object>): WatchedKind<Object> {
    return this.#manager.watch(kind.type, (key, signal) => reconcileSource(kind, key, this.#deps, signal));
  }

  #follow<Object extends Source>(charts: WatchedKind<HelmChart>, source: WatchedKind<Object>): void {
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
  #watchPushes(git: WatchedKind<GitRepository>): void {
    const pushes = this.#manager.informer(Repositories, { namespace: towpathNamespace });
    pushes.onChange(({ type, object }) => {
      if (type === 'delete') return;
      const identity = identityOf(object.spec.url);
      for (const repository of git.informer.list()) {
        if (identityOf(repository.spec.url) === identity) git.controller.enqueue(keyOf(repository));
      }
    });
  }
}

/** Undefined for what is no URL of a repository: its own reconcile says so. */
function identityOf(url: string): string | undefined {
  try {
    return repositoryIdentity(url);
  } catch {
    return undefined;
  }
}

function refuseBucket(): Promise<never> {
  const message = 'Buckets are not supported by Towpath; use a GitRepository or an OCIRepository';
  return Promise.reject(new SourceFailure('NotSupported', message, { isStalled: true }));
}

/** Flags that only this controller has. */
function takeOwnFlag(own: OwnFlags, flag: string, value: string): boolean {
  if (flag === 'storage-adv-addr') own.advertisedAddress = value;
  else if (flag === 'storage-addr') own.storagePort = Number(/:(\d+)$/.exec(value)?.[1] ?? defaultStoragePort);
  else if (flag === 'artifact-retention-records') own.keptRecords = Math.max(1, Number(value) || own.keptRecords);
  else return false;
  return true;
}
