/** The flux component: one pod that keeps a branch applied to the cluster. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  reconcileRequestAnnotation,
  Repositories,
  Syncs,
  towpathNamespace,
  type Builtin,
  type BuiltinContext,
  type StartImageAutomation,
} from '@towpath/api';
import { createGit, openMirror, repositoryIdentity } from '@towpath/git';
import { background, Disposer, messageOf, systemClock, systemRandom, type Clock, type Random } from '@towpath/kit';
import { Client, createInformer, createRecorder } from '@towpath/runtime';
import { createFluxApi } from './daemon/api.ts';
import { SyncLoop } from './daemon/loop.ts';
import { BranchSource } from './daemon/source.ts';
import { StatusWriter } from './daemon/status.ts';
import { createFluxLog, type FluxLog } from './flux-log.ts';
import { authOf, ensureIdentity, publicKeyOf } from './identity.ts';
import { wellKnownHosts } from './known-hosts.ts';
import { parseFluxOptions, type FluxOptions } from './options.ts';

export interface FluxDeps {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Image automation; without it tags are never edited. */
  readonly startImages?: StartImageAutomation;
}

/** Where the chart mounts the host keys that are trusted besides the well-known ones. */
const sshFolder = '/root/.ssh';

/** The builtin `towpath.builtin/flux`. Arguments are fluxd's flags; an unknown one ends the container with its name. */
export function createFlux(deps: FluxDeps = {}): Builtin {
  return async (context) => {
    const options = parseFluxOptions(context.args);
    const run = new FluxRun(context, options, deps);
    await run.start();
    return { done: run.done };
  };
}

class FluxRun {
  readonly #context: BuiltinContext;
  readonly #options: FluxOptions;
  readonly #deps: FluxDeps;
  readonly #clock: Clock;
  readonly #client: Client;
  readonly #logLine: FluxLog;
  readonly #ends = new Disposer();
  done: Promise<void> = Promise.resolve();

  constructor(context: BuiltinContext, options: FluxOptions, deps: FluxDeps) {
    this.#context = context;
    this.#options = options;
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#client = new Client({ transport: context.transport, fieldManager: 'flux', userAgent: 'flux' });
    this.#logLine = createFluxLog(context.print, this.#clock);
  }

  async start(): Promise<void> {
    const { signal } = this.#context;
    const { gitUrl, gitBranch } = this.#options;
    const source = await this.#openSource();
    this.#logLine('main.go:259', { component: 'daemon', info: 'starting', url: source.url, branch: gitBranch });
    const status = await this.#openStatus(source.url);
    const loop = this.#createLoop(source, status);
    this.#listen(source, loop);
    this.#watchRepository(gitUrl, source, loop);
    this.#watchRequests(status, loop);
    this.#startImages(source);
    this.done = loop.run().finally(() => this.#ends.dispose());
    if (signal.aborted) await this.done;
  }

  async #openSource(): Promise<BranchSource> {
    const { scratchDir, hostUrl, pod } = this.#context;
    const options = this.#options;
    const secret = await ensureIdentity(this.#client, { namespace: pod.namespace, name: options.k8sSecretName });
    const knownHosts = `${wellKnownHosts}\n${await this.#mountedKnownHosts()}`;
    const url = hostUrl(options.gitUrl);
    const mirror = openMirror({
      git: createGit({ clock: this.#clock }),
      dir: join(scratchDir, 'mirror.git'),
      url,
      auth: authOf(secret, { url, knownHosts }),
      timeoutMs: Math.max(options.gitTimeoutMs, 5_000),
    });
    return new BranchSource({ flux: options, mirror, clock: this.#clock });
  }

  async #mountedKnownHosts(): Promise<string> {
    const folder = this.#context.mounts[sshFolder];
    if (folder === undefined) return '';
    return readFile(join(folder, 'known_hosts'), 'utf8').catch(() => '');
  }

  async #openStatus(url: string): Promise<StatusWriter> {
    const { pod, log } = this.#context;
    const { gitBranch: branch, gitPaths } = this.#options;
    const paths = gitPaths.length === 0 ? {} : { paths: [...gitPaths] };
    const name = pod.labels['app.kubernetes.io/instance'] ?? pod.labels['release'] ?? 'flux';
    const key = { namespace: pod.namespace, name };
    const status = new StatusWriter({
      client: this.#client,
      clock: this.#clock,
      log,
      key,
      spec: { url, branch, ...paths },
    });
    await status.start();
    return status;
  }

  #createLoop(source: BranchSource, status: StatusWriter): SyncLoop {
    const { log, signal } = this.#context;
    const recorder = createRecorder({ client: this.#client, component: 'flux', clock: this.#clock, log });
    const [client, clock, logLine, options] = [this.#client, this.#clock, this.#logLine, this.#options];
    return new SyncLoop({ options, source, client, status, recorder, clock, log, logLine, signal });
  }

  #listen(source: BranchSource, loop: SyncLoop): void {
    const { pod, env, network } = this.#context;
    const { gitPaths, k8sSecretName, listenPort } = this.#options;
    const secretKey = { namespace: pod.namespace, name: k8sSecretName };
    const server = createFluxApi({
      url: source.url,
      branch: source.branch,
      paths: gitPaths,
      random: this.#deps.random ?? systemRandom,
      logLine: this.#logLine,
      webhookSecret: env['FLUX_WEBHOOK_SECRET'] ?? '',
      publicKey: async () => publicKeyOf(await ensureIdentity(this.#client, secretKey), k8sSecretName),
      isReady: () => source.head() !== undefined,
      refresh: () => source.refresh(),
      requestFetch: () => loop.requestFetch(),
      requestSync: () => loop.requestSync(),
      pending: async (revision) => {
        const until = await source.resolve(revision === '' ? (source.head() ?? '') : revision);
        return until === undefined ? [] : source.commitsSince(loop.syncedRevision, until);
      },
    });
    const listener = network.listen(listenPort, ({ stream }) => server.emit('connection', stream));
    this.#ends.add(() => {
      listener.close();
      server.close();
    });
  }

  /** The embedded Git server tells of every push through its Repository objects: no need to wait for the poll. */
  #watchRepository(gitUrl: string, source: BranchSource, loop: SyncLoop): void {
    const { log } = this.#context;
    const ours = repositoryIdentity(gitUrl);
    const informer = createInformer({
      client: this.#client,
      type: Repositories,
      namespace: towpathNamespace,
      clock: this.#clock,
      log,
    });
    informer.onChange(({ object }) => {
      if (repositoryIdentity(object.spec?.url ?? '') !== ours) return;
      const tip = object.status?.branches?.[source.branch];
      if (tip !== undefined && tip !== source.head()) loop.requestFetch();
    });
    informer.start();
    this.#ends.own(informer);
  }

  /** `towpath sync` and `kubectl annotate` ask by annotation. */
  #watchRequests(status: StatusWriter, loop: SyncLoop): void {
    const { log } = this.#context;
    const { namespace, name } = status.key;
    const fieldSelector = `metadata.name=${name}`;
    const informer = createInformer({
      client: this.#client,
      type: Syncs,
      namespace,
      fieldSelector,
      clock: this.#clock,
      log,
    });
    informer.onChange(({ type, object }) => {
      const requestedAt = object.metadata.annotations?.[reconcileRequestAnnotation];
      if (type === 'delete' || requestedAt === undefined || requestedAt === status.status.lastHandledReconcileAt)
        return;
      loop.requestFetch(requestedAt);
    });
    informer.start();
    this.#ends.own(informer);
  }

  #startImages(source: BranchSource): void {
    const { startImages } = this.#deps;
    const { gitReadonly, registryScan, registryPollMs, automationMs } = this.#options;
    if (startImages === undefined || gitReadonly || !registryScan) return;
    const { log } = this.#context;
    try {
      const started = startImages({
        context: this.#context,
        source,
        logLine: this.#logLine,
        log,
        registryPollMs,
        automationMs,
      });
      this.#ends.own(started);
    } catch (error) {
      background('image automation', Promise.reject(new Error(messageOf(error))), log);
    }
  }
}
