/** LoadBalancer services: each port gets one of the host's on 127.0.0.1, forwarded through the dialer. */

import { createServer, type Server, type Socket } from 'node:net';
import { hostPortsAnnotation, keyOf, keyText, Services, type Dialer, type Service } from '@towpath/api';
import { background, jsonEqual, messageOf, type Clock, type Logger } from '@towpath/kit';
import { createController, done, type Client, type Informer, type Result } from '@towpath/runtime';
import type { HostPorts } from './host-ports.ts';
import { splice } from './splice.ts';

export interface LoadBalancers {
  dispose(): Promise<void>;
}

export interface LoadBalancerDeps {
  readonly client: Client;
  readonly services: Informer<Service>;
  readonly dialer: Dialer;
  readonly ports: HostPorts;
  /** `namespace/name:port` → the port wanted on the host. */
  readonly preferred: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly log: Logger;
}

export function startLoadBalancers(deps: LoadBalancerDeps): LoadBalancers {
  const { client, services, clock, log } = deps;
  /** service key → service port → listener */
  const open = new Map<string, Map<number, { server: Server; port: number; sockets: Set<Socket> }>>();

  async function reconcile(key: { namespace?: string; name: string }): Promise<Result> {
    const name = keyText(key);
    const service = services.get(key);
    const wanted = service?.spec.type === 'LoadBalancer' ? (service.spec.ports ?? []).map(({ port }) => port) : [];
    const listeners = open.get(name) ?? new Map();
    open.set(name, listeners);
    for (const [port, listener] of listeners) {
      if (wanted.includes(port)) continue;
      listeners.delete(port);
      closeListener(listener);
    }
    if (service === undefined || wanted.length === 0) {
      open.delete(name);
      return done();
    }
    for (const port of wanted) {
      if (!listeners.has(port)) listeners.set(port, await listen(service, port));
    }
    const chosen = Object.fromEntries([...listeners].map(([port, listener]) => [String(port), listener.port]));
    await writeBack(service, chosen);
    return done();
  }

  async function listen(
    service: Service,
    port: number,
  ): Promise<{ server: Server; port: number; sockets: Set<Socket> }> {
    const { namespace = '', name } = service.metadata;
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      const target = { host: `${name}.${namespace}.svc.cluster.local`, port };
      background('load balancer', forward(socket, target), log);
    });
    const use = `${namespace}/${name}:${port}`;
    const bound = await deps.ports.listen(use, server, deps.preferred[use]);
    return { server, port: bound, sockets };
  }

  async function forward(socket: Socket, target: { host: string; port: number }): Promise<void> {
    try {
      splice(socket, await deps.dialer.dial(target));
    } catch (error) {
      log.debug('load balancer connection refused', { host: target.host, because: messageOf(error) });
      socket.resetAndDestroy();
    }
  }

  async function writeBack(service: Service, chosen: Record<string, number>): Promise<void> {
    const text = JSON.stringify(chosen);
    if (service.metadata.annotations?.[hostPortsAnnotation] !== text) {
      const body = { metadata: { annotations: { [hostPortsAnnotation]: text } } };
      await client.patch(Services, keyOf(service), body, { kind: 'merge' });
    }
    const ingress = [{ ip: '127.0.0.1' }];
    if (!jsonEqual(service.status?.loadBalancer?.ingress, ingress)) {
      const status = { status: { loadBalancer: { ingress } } };
      await client.patch(Services, keyOf(service), status, { kind: 'merge', subresource: 'status' });
    }
  }

  const controller = createController({
    name: 'load-balancers',
    clock,
    log,
    reconcile,
  });
  controller.watch(services, (service) => [keyOf(service)]);
  controller.start();
  return {
    async dispose() {
      await controller.dispose();
      for (const listeners of open.values()) for (const listener of listeners.values()) closeListener(listener);
      open.clear();
    },
  };
}

function closeListener(listener: { server: Server; sockets: Set<Socket> }): void {
  listener.server.close();
  for (const socket of listener.sockets) socket.destroy();
}
