/** The Helm operator as a component: HelmReleases in, releases out. */

import { join } from 'node:path';
import {
  HelmReleases,
  keyOf,
  keyText,
  Repositories,
  towpathNamespace,
  type Builtin,
  type BuiltinContext,
  type Key,
  type Repository,
} from '@towpath/api';
import { createGit, repositoryIdentity } from '@towpath/git';
import { background, Disposer, isAbort, messageOf, type Clock, type Random } from '@towpath/kit';
import {
  Client,
  createController,
  createInformer,
  createRecorder,
  untilAborted,
  type Controller,
  type InformerEvent,
} from '@towpath/runtime';
import { createRenderer } from '../render-worker/renderer.ts';
import { httpGet } from '../sources/http.ts';
import { createPull } from '../sources/pull.ts';
import { ChartCache, findChart } from './chart-source.ts';
import { createMemory, type OperatorDeps } from './deps.ts';
import { parseOperatorFlags } from './flags.ts';
import { GitCharts } from './git-charts.ts';
import { parseHelmRelease, type HelmRelease } from './helm-release.ts';
import { createOperatorHttp } from './http.ts';
import { createOperatorLog } from './log.ts';
import { reconcileRelease, superseded } from './reconcile.ts';
import { orphans, removeRelease } from './remove.ts';

const chartsCached = 64;
const httpPort = 3030;

/** Runs until the container is stopped. Flags: see flags.ts. */
export function createHelmOperator(parts: OperatorParts): Builtin {
  return (context) => startHelmOperator(context, parts);
}

export interface OperatorParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The program of the worker that renders large charts; without it they are rendered in place. */
  readonly renderWorker?: string | undefined;
}

/** The same without waiting for its end. */
export async function startHelmOperator(
  context: BuiltinContext,
  parts: OperatorParts,
): Promise<{ done: Promise<void> }> {
  const operator = new Operator(context, parts);
  await operator.start();
  return { done: operator.done };
}

class Operator {
  readonly done: Promise<void>;
  readonly #context: BuiltinContext;
  readonly #deps: OperatorDeps;
  readonly #gitCharts: GitCharts;
  readonly #controller: Controller;
  readonly #releases;
  readonly #repositories;
  readonly #disposer = new Disposer();
  /** Branches of each repository as last seen, so that only what moved is looked at. */
  readonly #heads = new Map<string, string>();

  constructor(context: BuiltinContext, { clock, random, renderWorker }: OperatorParts) {
    this.#context = context;
    const renderer = renderWorker === undefined ? undefined : createRenderer({ workerFile: renderWorker, clock });
    if (renderer !== undefined) this.#disposer.add(() => renderer.dispose());
    const flags = parseOperatorFlags(context.args);
    const client = new Client({
      transport: untilAborted(context.transport, context.signal),
      fieldManager: 'helm-operator',
    });
    const log = createOperatorLog({ clock, print: context.print });
    this.#gitCharts = new GitCharts({
      git: createGit({ clock }),
      dir: join(context.scratchDir, 'git'),
      clock,
      timeoutMs: flags.gitTimeoutMs,
      hostUrl: context.hostUrl,
      onMoved: (identity) => this.#repositoryMoved(identity),
      onFailure: (url, error) =>
        log.operator('gitchartsync', 'warning', `unable to sync git repo: ${messageOf(error)}`, { url }),
    });
    const fetchText = async (url: string): Promise<string> =>
      (await httpGet(context.hostUrl(url), { signal: context.signal })).toString('utf8');
    const { namespace } = context.pod;
    this.#deps = {
      client,
      clock,
      random,
      flags,
      log,
      fetchText,
      renderer,
      recorder: createRecorder({ client, component: 'helm-operator', clock, log: context.log }),
      charts: {
        client,
        gitCharts: this.#gitCharts,
        gitDefaultRef: flags.gitDefaultRef,
        updateDependencies: flags.updateChartDependencies,
        sshSecret: flags.sshSecretName === '' ? undefined : { namespace, name: flags.sshSecretName },
        pull: createPull({ hostUrl: context.hostUrl, signal: context.signal }),
        cache: new ChartCache({ limit: chartsCached }),
      },
      instance: `${context.pod.uid}-${clock.nowMs()}`,
      memory: createMemory(),
    };
    this.#controller = this.#disposer.own(
      createController({
        name: 'helm-operator',
        clock,
        log: context.log,
        concurrency: flags.workers,
        reconcile: (key, signal) => reconcileRelease(key, this.#deps, signal),
      }),
    );
    const common = { client, clock, log: context.log };
    const share = { namespace: flags.allowNamespace, labelSelector: flags.watchLabelSelector };
    this.#releases = this.#disposer.own(createInformer({ ...common, ...share, type: HelmReleases }));
    this.#repositories = this.#disposer.own(
      createInformer({ ...common, type: Repositories, namespace: towpathNamespace }),
    );
    this.done = new Promise((resolve, reject) => {
      const stop = (): void => void this.#disposer.dispose().then(resolve, reject);
      if (context.signal.aborted) stop();
      else context.signal.addEventListener('abort', stop, { once: true });
    });
  }

  async start(): Promise<void> {
    const { log } = this.#deps;
    log.operator('operator', 'info', 'setting up event handlers');
    this.#releases.onChange((event) => this.#releaseChanged(event as InformerEvent<HelmRelease>));
    this.#repositories.onChange((event) => this.#repositoryChanged(event));
    this.#releases.start();
    this.#repositories.start();
    this.#controller.start();
    this.#listen();
    log.operator('operator', 'info', 'informer caches synced, starting');
    background('poll git repositories', this.#poll(), this.#context.log);
    background('remove orphaned releases', this.#removeOrphans(), this.#context.log);
  }

  #listen(): void {
    const { network, log } = this.#context;
    const server = createOperatorHttp({
      releases: () => this.#releases.list() as HelmRelease[],
      syncGit: () => background('sync git', this.#gitCharts.poll(), log),
    });
    const listener = network.listen(httpPort, ({ stream }) => server.emit('connection', stream));
    this.#disposer.add(() => {
      listener.close();
      server.closeAllConnections();
    });
  }

  /** Our own status writes change neither generation nor deletion: they must not wake us. */
  #releaseChanged({ type, object, previous }: InformerEvent<HelmRelease>): void {
    const key = keyOf(object);
    const same =
      type === 'update' &&
      previous?.metadata.generation === object.metadata.generation &&
      previous?.metadata.deletionTimestamp === object.metadata.deletionTimestamp;
    if (same) return;
    const running = this.#deps.memory.running.get(keyText(key));
    if (running !== undefined && running.generation !== object.metadata.generation) running.abort.abort(superseded);
    this.#controller.enqueue(key);
  }

  /** The embedded Git server says at once what moved. */
  #repositoryChanged({ type, object }: InformerEvent<Repository>): void {
    const identity = repositoryIdentity(object.spec.url);
    const heads = JSON.stringify([object.status?.branches ?? {}, object.status?.tags ?? {}]);
    const known = this.#heads.get(identity);
    if (type === 'delete') this.#heads.delete(identity);
    else this.#heads.set(identity, heads);
    if (type === 'delete' || known === heads) return;
    this.#gitCharts.markMoved(identity);
    this.#repositoryMoved(identity);
  }

  #repositoryMoved(identity: string): void {
    for (const object of this.#releases.list() as HelmRelease[]) {
      if (gitIdentity(object) !== identity) continue;
      this.#controller.enqueue(keyOf(object));
      background('look for a newer chart', this.#supersede(keyOf(object), object), this.#context.log);
    }
  }

  /** Ends the wait of a release whose chart has moved on: the newest commit wins. */
  async #supersede(key: Key, object: HelmRelease): Promise<void> {
    const running = this.#deps.memory.running.get(keyText(key));
    if (running === undefined) return;
    const spec = parseHelmRelease(object);
    if (spec.chart.type !== 'git') return;
    const newest = await findChart(spec, this.#deps.charts);
    if (await newest.changedSince(running.revision)) running.abort.abort(superseded);
  }

  async #poll(): Promise<void> {
    const { clock, flags } = this.#deps;
    const { signal } = this.#context;
    while (!signal.aborted) {
      await clock.sleep(flags.gitPollIntervalMs, signal).catch((error: unknown) => {
        if (!signal.aborted && !isAbort(error)) throw error;
      });
      if (!signal.aborted) await this.#gitCharts.poll();
    }
  }

  /**
   * A HelmRelease that was deleted while no operator ran has left its release behind. Whose share it was nothing
   * tells: of several operators, the one for HelmReleases without the label (`!LABEL`) looks after all of them.
   */
  async #removeOrphans(): Promise<void> {
    await this.#releases.synced();
    const { client, flags } = this.#deps;
    const { watchLabelSelector, allowNamespace } = flags;
    if (watchLabelSelector?.startsWith('!') === false) return;
    // An empty list may also mean that the kind is not served: nothing is removed on such ground.
    if ((await client.resourceFor({ apiVersion: 'helm.fluxcd.io/v1', kind: 'HelmRelease' })) === undefined) return;
    const { items } = await client.list(HelmReleases, { namespace: allowNamespace });
    const keys = items.map(keyOf);
    for (const release of await orphans(keys, this.#deps)) {
      const key = { namespace: release.namespace, name: release.name };
      await removeRelease(key, release, 'its HelmRelease was deleted while no operator ran', this.#deps);
    }
  }
}

function gitIdentity(object: HelmRelease): string | undefined {
  try {
    const { chart } = parseHelmRelease(object);
    return chart.type === 'git' ? repositoryIdentity(chart.url) : undefined;
  } catch {
    // Its own reconcile says what is wrong with it.
    return undefined;
  }
}
