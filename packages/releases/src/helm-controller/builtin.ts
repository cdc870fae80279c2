/** The helm-controller of Flux 2 as a component: HelmReleases (helm.toolkit.fluxcd.io/v2) in, releases out. */

import { createServer } from 'node:http';
import type { Builtin, BuiltinContext, Transport } from '@towpath/api';
import { Disposer, type Clock, type Random } from '@towpath/kit';
import {
  Client,
  createController,
  createRecorder,
  fetchArtifactFile,
  untilAborted,
  type Controller,
} from '@towpath/runtime';
import { createRenderer } from '../render-worker/renderer.ts';
import { createMemory, type ControllerDeps } from './deps.ts';
import { parseControllerFlags } from './flags.ts';
import { reconcileHelmRelease } from './reconcile.ts';
import { createChartLoader } from './source.ts';
import { Watches } from './watches.ts';

const component = 'helm-controller';
/** Of what the API or a chart answered with an error; as Flux spreads its retries. */
const backoff = { firstMs: 750, maxMs: 15 * 60_000 } as const;

export interface HelmControllerParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The program of the worker that renders large charts; without it they are rendered in place. */
  readonly renderWorker?: string | undefined;
}

/** Runs until the container is stopped. Flags: see flags.ts. */
export function createHelmController(parts: HelmControllerParts): Builtin {
  return async (context) => {
    const running = new HelmController(context, parts);
    running.start();
    return { done: running.done };
  };
}

class HelmController {
  readonly done: Promise<void>;
  readonly #controller: Controller;
  readonly #watches: Watches;
  readonly #disposer = new Disposer();

  constructor(context: BuiltinContext, { clock, random, renderWorker }: HelmControllerParts) {
    const renderer = renderWorker === undefined ? undefined : createRenderer({ workerFile: renderWorker, clock });
    if (renderer !== undefined) this.#disposer.add(() => renderer.dispose());
    const flags = parseControllerFlags(context.args);
    const { log, signal } = context;
    const transport = untilAborted(context.transport, signal);
    const client = new Client({ transport, fieldManager: component });
    const memory = createMemory();
    const deps: ControllerDeps = {
      ...flags,
      client,
      clientFor: impersonatingClients(transport),
      clock,
      random,
      log,
      renderer,
      recorder: createRecorder({ client, component, clock, log }),
      charts: createChartLoader((url) => fetchArtifactFile(url, context)),
      memory,
    };
    this.#controller = this.#disposer.own(
      createController({
        name: 'helmrelease',
        clock,
        log,
        concurrency: flags.concurrent,
        backoff,
        reconcile: (key, stop) => reconcileHelmRelease(key, deps, stop),
      }),
    );
    this.#disposer.add(answerProbes(context));
    const { namespace } = context.pod;
    const watches = { client, clock, log, controller: this.#controller, memory, flags, namespace };
    this.#watches = this.#disposer.own(new Watches(watches));
    this.done = new Promise((resolve, reject) => {
      const stop = (): void => void this.#disposer.dispose().then(resolve, reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }

  start(): void {
    this.#watches.start();
    this.#controller.start();
  }
}

/** One client for each service account: discovery is remembered by it. */
function impersonatingClients(transport: Transport): ControllerDeps['clientFor'] {
  const clients = new Map<string, Client>();
  return ({ namespace, name }) => {
    const user = `system:serviceaccount:${namespace}:${name}`;
    const known = clients.get(user);
    if (known !== undefined) return known;
    const asUser: Transport = {
      request: (request) =>
        transport.request({ ...request, headers: { ...request.headers, 'impersonate-user': user } }),
    };
    const client = new Client({ transport: asUser, fieldManager: component });
    clients.set(user, client);
    return client;
  };
}

const probePort = 9440;

/** `/healthz` and `/readyz`, while the component runs. */
function answerProbes({ network }: BuiltinContext): () => void {
  const server = createServer((_request, response) => response.end('ok'));
  const listener = network.listen(probePort, ({ stream }) => server.emit('connection', stream));
  return () => {
    listener.close();
    server.close();
  };
}
