/** The builtin `towpath.builtin/kustomize-controller`: Flux's Kustomizations, unchanged. */

import { createServer } from 'node:http';
import type { Builtin, BuiltinContext, Transport } from '@towpath/api';
import { systemClock, systemRandom, TowpathError, type Clock, type Random } from '@towpath/kit';
import { Client, createRecorder, fetchArtifactFile } from '@towpath/runtime';
import type { FetchBytes } from './artifact.ts';
import { startKustomizeController } from './controller.ts';
import { durationMs } from './kinds.ts';
import type { KustomizeProgram } from './program.ts';
import { statusManager } from './status.ts';

export interface KustomizeControllerDeps {
  readonly clock?: Clock;
  readonly random?: Random;
  /** How artifacts are read; by HTTP through the pod's connections when absent. */
  readonly fetchBytes?: FetchBytes;
  /** Builds what our own build refuses by name. */
  readonly kustomize?: KustomizeProgram | undefined;
}

interface Flags {
  concurrent: number;
  requeueDependencyMs: number;
  noCrossNamespaceRefs: boolean;
  watchAllNamespaces: boolean;
  defaultServiceAccount: string;
  watchLabelSelector: string;
}

/** Arguments are those of kustomize-controller that mean something here; an unknown one ends the container with its name. */
export function createKustomizeController(deps: KustomizeControllerDeps = {}): Builtin {
  return async (context) => {
    const flags = parseFlags(context.args);
    const { clock = systemClock, random = systemRandom } = deps;
    const { transport, log, pod, signal } = context;
    const client = clientOf(transport);
    const recorder = createRecorder({ client, component: 'kustomize-controller', clock, log });
    const controller = startKustomizeController({
      client,
      clock,
      random,
      log,
      recorder,
      clientAs: (namespace, account) =>
        clientOf(impersonating(transport, `system:serviceaccount:${namespace}:${account}`)),
      fetchBytes: deps.fetchBytes ?? ((url, stop) => fetchArtifactFile(url, { dialer: context.dialer, signal: stop })),
      kustomize: { program: deps.kustomize, scratchDir: context.scratchDir },
      concurrency: flags.concurrent,
      ...(flags.watchLabelSelector !== '' && { labelSelector: flags.watchLabelSelector }),
      ...(!flags.watchAllNamespaces && { namespace: pod.namespace }),
      options: flags,
    });
    log.info('starting manager', { controller: 'kustomization' });
    const endProbes = answerProbes(context);
    const done = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    }).then(() => {
      endProbes();
      return controller.dispose();
    });
    return { done };
  };
}

function clientOf(transport: Transport): Client {
  return new Client({ transport, fieldManager: statusManager, userAgent: 'kustomize-controller' });
}

/** Requests as somebody else; the pod's own account needs the verb impersonate for it. */
function impersonating(transport: Transport, user: string): Transport {
  return {
    request: (request) => transport.request({ ...request, headers: { ...request.headers, 'impersonate-user': user } }),
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

/** Flags that tune what this controller does another way, or does not have to do. */
const ignored = new Set([
  'log-level',
  'log-encoding',
  'metrics-addr',
  'health-addr',
  'events-addr',
  'enable-leader-election',
  'concurrent-ssa',
  'kube-api-qps',
  'kube-api-burst',
  'http-retry',
  'no-remote-bases',
  'graceful-shutdown-timeout',
]);

function parseFlags(args: readonly string[]): Flags {
  const flags: Flags = {
    concurrent: 4,
    requeueDependencyMs: 30_000,
    noCrossNamespaceRefs: false,
    watchAllNamespaces: true,
    defaultServiceAccount: '',
    watchLabelSelector: '',
  };
  for (const arg of args) {
    const match = /^--([a-z-]+)(?:=(.*))?$/.exec(arg);
    const [, name = arg, value = 'true'] = match ?? [];
    if (ignored.has(name)) continue;
    switch (name) {
      case 'concurrent':
        flags.concurrent = Math.max(1, Number(value) || flags.concurrent);
        break;
      case 'requeue-dependency':
        flags.requeueDependencyMs = durationMs(value) ?? flags.requeueDependencyMs;
        break;
      case 'no-cross-namespace-refs':
        flags.noCrossNamespaceRefs = value === 'true';
        break;
      case 'watch-all-namespaces':
        flags.watchAllNamespaces = value === 'true';
        break;
      case 'default-service-account':
        flags.defaultServiceAccount = value;
        break;
      case 'watch-label-selector':
        flags.watchLabelSelector = value;
        break;
      default:
        throw new TowpathError('FLUX_FLAG_UNKNOWN', `kustomize-controller: unknown flag ${arg}`, {
          next: 'leave it out, or see the README of packages/sync for what is there',
        });
    }
  }
  return flags;
}
