/** LoadBalancer services: each port gets one of the host's on 127.0.0.1, forwarded through the dialer. */

import { createServer, type Server, type Socket } from 'node:net';
import { hostPortsAnnotation, keyOf, keyText, Services, type Dialer, type Key, type Service } from '@towpath/api';
import { background, jsonEqual, messageOf, type Clock, type Disposable, type Logger } from '@towpath/kit';
import { createController, done, type Client, type Informer, type Result } from '@towpath/runtime';
import type { HostPorts } from './host-ports.ts';
import { splice } from './splice.ts';

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

interface Listener {
  readonly server: Server;
  /** On the host. */
  readonly port: number;
  readonly sockets: Set<Socket>;
}

export function startLoadBalancers(deps: LoadBalancerDeps): Disposable {
  const { clock, log, services } = deps;
  const balancers = new LoadBalancers(deps);
  const controller = createController({
    name: 'load-balancers',
    clock,
    log,
    reconcile: (key) => balancers.reconcile(key),
  });
  controller.watch(services, (service) => [keyOf(service)]);
  controller.start();
  return {
    async dispose() {
      await controller.dispose();
      balancers.closeAll();
    },
  };
}

class LoadBalancers {
  readonly #deps: LoadBalancerDeps;
  /** service key → service port → listener */
  readonly #open = new Map<string, Map<number, Listener>>();

  constructor(deps: LoadBalancerDeps) {
    this.#deps = deps;
  }

  async reconcile(key: Key): Promise<Result> {
    const name = keyText(key);
    const service = this.#deps.services.get(key);
    const wanted = service?.spec.type === 'LoadBalancer' ? (service.spec.ports ?? []).map(({ port }) => port) : [];
    const listeners = this.#open.get(name) ?? new Map<number, Listener>();
    this.#open.set(name, listeners);
    for (const [port, listener] of listeners) {
      if (wanted.includes(port)) continue;
      listeners.delete(port);
      close(listener);
    }
    if (service === undefined || wanted.length === 0) {
      this.#open.delete(name);
      return done();
    }
    for (const port of wanted) {
      if (!listeners.has(port)) listeners.set(port, await this.#listen(service, port));
    }
    await this.#writeBack(service, listeners);
    return done();
  }

  closeAll(): void {
    for (const listeners of this.#open.values()) for (const listener of listeners.values()) close(listener);
    this.#open.clear();
  }

  async #listen(service: Service, port: number): Promise<Listener> {
    const { ports, preferred, log } = this.#deps;
    const { namespace = '', name } = service.metadata;
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      const target = { host: `${name}.${namespace}.svc.cluster.local`, port };
      background('load balancer', this.#forward(socket, target), log);
    });
    const use = `${namespace}/${name}:${port}`;
    return { server, port: await ports.listen(use, server, preferred[use]), sockets };
  }

  async #forward(socket: Socket, target: { host: string; port: number }): Promise<void> {
    try {
      splice(socket, await this.#deps.dialer.dial(target));
    } catch (error) {
      this.#deps.log.debug('load balancer connection refused', { host: target.host, because: messageOf(error) });
      socket.resetAndDestroy();
    }
  }

  async #writeBack(service: Service, listeners: ReadonlyMap<number, Listener>): Promise<void> {
    const { client } = this.#deps;
    const text = JSON.stringify(Object.fromEntries([...listeners].map(([port, listener]) => [port, listener.port])));
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
}

function close(listener: Listener): void {
  listener.server.close();
  for (const socket of listener.sockets) socket.destroy();
}
