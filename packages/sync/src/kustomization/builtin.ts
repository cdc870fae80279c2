/** The builtin `towpath.builtin/kustomize-controller`: Flux's Kustomizations, unchanged. */

import { createServer, request, type IncomingMessage } from 'node:http';
import type { Builtin, BuiltinContext, Transport } from '@towpath/api';
import { systemClock, systemRandom, TowpathError, type Clock, type Random } from '@towpath/kit';
import { Client, createRecorder } from '@towpath/runtime';
import type { FetchBytes } from './artifact.ts';
import { startKustomizeController } from './controller.ts';
import { durationMs } from './kinds.ts';
import { statusManager } from './status.ts';

export interface KustomizeControllerDeps {
  readonly clock?: Clock;
  readonly random?: Random;
  /** How artifacts are read; by HTTP through the pod's connections when absent. */
  readonly fetchBytes?: FetchBytes;
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
      fetchBytes: deps.fetchBytes ?? httpFetch(context),
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

const fetchTimeoutMs = 60_000;
/** Of a packed artifact. */
const maxArtifactBytes = 256 * 1024 * 1024;

/** HTTP through the pod's own connections, so that names of the cluster are found. */
function httpFetch({ dialer }: BuiltinContext): FetchBytes {
  return async (text, signal) => {
    const url = new URL(text);
    const port = Number(url.port === '' ? 80 : url.port);
    if (url.protocol !== 'http:') throw failed(text, `the scheme ${url.protocol} is not supported`);
    const connection = await dialer.dial({ host: url.hostname.replace(/\.$/, ''), port });
    const stop = AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]);
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const asked = request(url, { createConnection: () => connection, agent: false, signal: stop }, resolve);
        asked.on('error', reject);
        asked.end();
      });
      if (answer.statusCode === 404) return undefined;
      if (answer.statusCode !== 200) throw failed(text, `status: ${answer.statusCode ?? 0}`);
      return await readAll(answer, text);
    } finally {
      connection.destroy();
    }
  };
}

async function readAll(answer: IncomingMessage, url: string): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxArtifactBytes) throw failed(url, `it has more than ${maxArtifactBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function failed(url: string, why: string): TowpathError {
  return new TowpathError('ARTIFACT_INVALID', `failed to download artifact from ${url}, ${why}`, {
    next: 'look at the source-controller that serves it',
  });
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
