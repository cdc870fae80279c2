/** The builtin `towpath.builtin/notification-controller`: webhooks (Receiver) wake sources and image repositories. */

import { createServer } from 'node:http';
import type { Builtin } from '@towpath/api';
import { background, systemClock, type Clock } from '@towpath/kit';
import { ToolkitManager } from '@towpath/runtime';
import { Receivers } from './kinds.ts';
import { reconcileReceiver } from './reconcile.ts';
import { answerWebhook } from './webhook.ts';

export interface NotificationControllerDeps {
  readonly clock?: Clock;
}

const component = 'notification-controller';
const defaultPort = 9292;
/** Answers only where webhooks are: a replica that waits for the lead gets none. */
const readyPort = 9441;

/**
 * Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name.
 * `--receiverAddr=[HOST]:PORT` says where webhooks arrive.
 */
export function createNotificationController({ clock = systemClock }: NotificationControllerDeps = {}): Builtin {
  return async (context) => {
    const { log } = context;
    let port = defaultPort;
    const manager = new ToolkitManager(component, context, {
      clock,
      takeFlag: (flag, value) => {
        if (flag !== 'receiverAddr') return false;
        port = Number(/:(\d+)$/.exec(value)?.[1] ?? defaultPort);
        return true;
      },
    });
    const { deps, flags } = manager;
    // Other processes may look after a receiver's status; whoever gets its webhook answers.
    const all = manager.informer(Receivers);
    manager.watch(Receivers, (key) => reconcileReceiver(key, deps));
    const { noCrossNamespaceRefs } = flags;
    const webhooks = { ...deps, log, noCrossNamespaceRefs, receivers: () => all.list() };
    const server = createServer((request, response) =>
      background('webhook', answerWebhook(request, response, webhooks), log),
    );
    manager.serve(port, server);
    manager.serve(
      readyPort,
      createServer((_request, response) => void response.end('ok')),
    );
    manager.start();
    return { done: manager.done };
  };
}
