/** The builtin `towpath.builtin/notification-controller`: Receivers of Flux 2, and the server of their webhooks. */

import { createServer } from 'node:http';
import { keyOf, reconcileRequestAnnotation, type Builtin } from '@towpath/api';
import { Disposer, systemClock, TowpathError, type Clock } from '@towpath/kit';
import { Client, createController, createInformer, createRecorder } from '@towpath/runtime';
import { Receivers, type Receiver } from './kinds.ts';
import { reconcileReceiver } from './reconcile.ts';
import { answerWebhook } from './webhook.ts';

const component = 'notification-controller';
const webhookPort = 9292;
const probePort = 9440;
/** Answers only where webhooks are: a replica that waits for the lead gets none. */
const readyPort = 9441;

interface Flags {
  concurrent: number;
  receiverPort: number;
  watchAllNamespaces: boolean;
  watchLabelSelector: string | undefined;
  noCrossNamespaceRefs: boolean;
}

/** Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name. */
export function createNotificationController({ clock = systemClock }: { readonly clock?: Clock } = {}): Builtin {
  return async (context) => {
    const flags = parseFlags(context.args);
    const { transport, log, pod, network, signal } = context;
    const client = new Client({ transport, fieldManager: component, userAgent: component });
    const recorder = createRecorder({ client, component, clock, log });
    const ends = new Disposer();
    const informer = ends.own(
      createInformer({
        client,
        clock,
        log,
        type: Receivers,
        labelSelector: flags.watchLabelSelector,
        namespace: flags.watchAllNamespaces ? undefined : pod.namespace,
      }),
    );
    const failures = new Map<string, number>();
    const controller = ends.own(
      createController({
        name: Receivers.plural,
        clock,
        log,
        concurrency: flags.concurrent,
        reconcile: (key) => reconcileReceiver(key, { client, clock, log, recorder, failures }),
      }),
    );
    informer.onChange(({ object, previous }) => {
      if (previous === undefined || isAsked(object, previous)) controller.enqueue(keyOf(object));
    });
    const { noCrossNamespaceRefs } = flags;
    const webhooks = { client, clock, log, receivers: () => informer.list(), noCrossNamespaceRefs };
    const listen = (port: number, answer: Parameters<typeof createServer>[1]): void => {
      const server = createServer(answer);
      const listener = network.listen(port, ({ stream }) => server.emit('connection', stream));
      ends.add(() => {
        listener.close();
        server.closeAllConnections();
      });
    };
    listen(flags.receiverPort, (request, response) => {
      answerWebhook(request, response, webhooks).catch(() => response.destroy());
    });
    for (const port of [probePort, readyPort]) listen(port, (_request, response) => void response.end('ok'));
    informer.start();
    controller.start();
    log.info('starting manager', { controller: component });
    const done = new Promise<void>((resolve, reject) => {
      const stop = (): void => void ends.dispose().then(resolve, reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    return { done };
  };
}

/** Our own writes of the status ask for nothing. */
function isAsked(object: Receiver, previous: Receiver): boolean {
  const requested = ({ metadata }: Receiver): string | undefined => metadata.annotations?.[reconcileRequestAnnotation];
  return (
    previous.metadata.generation !== object.metadata.generation ||
    previous.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
    requested(previous) !== requested(object)
  );
}

/** Flags of what this controller does another way, or does not do. */
const withoutEffect = new Set([
  'events-addr',
  'log-level',
  'log-encoding',
  'metrics-addr',
  'health-addr',
  'rate-limit-interval',
  'export-http-path-metrics',
  'kube-api-qps',
  'kube-api-burst',
]);

function parseFlags(args: readonly string[]): Flags {
  const flags: Flags = {
    concurrent: 5,
    receiverPort: webhookPort,
    watchAllNamespaces: true,
    watchLabelSelector: undefined,
    noCrossNamespaceRefs: false,
  };
  for (const argument of args) {
    const [, name = argument, value = 'true'] = /^--([A-Za-z-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (withoutEffect.has(name)) continue;
    if (name === 'concurrent') flags.concurrent = Math.max(1, Number(value) || flags.concurrent);
    else if (name === 'receiverAddr') flags.receiverPort = portOf(value);
    else if (name === 'watch-all-namespaces') flags.watchAllNamespaces = value !== 'false';
    else if (name === 'watch-label-selector') flags.watchLabelSelector = value;
    else if (name === 'no-cross-namespace-refs') flags.noCrossNamespaceRefs = value !== 'false';
    else {
      throw new TowpathError('FLAG_UNKNOWN', `${component}: unknown flag ${argument}`, {
        next: 'leave it out, or see the README of packages/sources for what is there',
      });
    }
  }
  return flags;
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1] ?? webhookPort);
}
