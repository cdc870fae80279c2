/** Connections that are not HTTP: routed by the Service they were opened to, and counted. */

import type { Duplex } from 'node:stream';
import { messageOf, type Logger } from '@towpath/kit';
import type { MeshState } from '../mesh-state.ts';
import { meshGateway } from '../model/hosts.ts';
import type { Workload } from '../model/workload.ts';
import { findTcpRule } from '../route/route-table.ts';
import { resolveTarget, type Balancer, type PickedEndpoint, type Target } from '../route/target.ts';
import type { Subject } from '../telemetry/labels.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { passthroughName, whoOf, type Forwarder, type Who } from './forwarding.ts';
import { prompt, tunnel } from './tunnel.ts';
import type { DialPeer } from './upstream-http1.ts';

export interface TcpDeps {
  readonly state: MeshState;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly workload: Workload;
  readonly balancer: Balancer;
  readonly forwarder: Forwarder;
  readonly dialPeer: DialPeer;
  readonly dialLocal: ((port: number) => Promise<Duplex>) | undefined;
}

/** A failed dial closes the client's connection, as Envoy does. */
export class TcpForwarder {
  readonly #deps: TcpDeps;

  constructor(deps: TcpDeps) {
    this.#deps = deps;
  }

  /** Resolves when the connection has ended. */
  async outbound(client: Duplex, asked: { readonly host: string; readonly port: number }): Promise<void> {
    const { telemetry, workload, dialPeer } = this.#deps;
    const route = await this.#route(asked);
    const subject = (who: Who): Subject => ({
      reporter: 'source',
      source: workload,
      destination: who.workload,
      service: who.service,
    });
    if (route === undefined) {
      client.destroy();
      return;
    }
    const { endpoint, who } = route;
    let server: Duplex;
    try {
      server = await dialPeer(endpoint.ip, endpoint.port);
    } catch (error) {
      this.#deps.log.debug('connect failed', { host: asked.host, port: asked.port, error: messageOf(error) });
      telemetry.connection(subject(who), 'UF').close();
      client.destroy();
      return;
    }
    await this.#join(client, server, subject(who));
  }

  /** Joins a peer's connection to the pod's program. */
  async inbound(client: Duplex, port: number, subject: Subject): Promise<void> {
    const { dialLocal } = this.#deps;
    if (dialLocal === undefined) throw new Error('a gateway has no program of its own');
    await this.#join(client, await dialLocal(port), subject);
  }

  async #join(client: Duplex, server: Duplex, subject: Subject): Promise<void> {
    const meter = this.#deps.telemetry.connection(subject);
    await tunnel(client, prompt(server), meter);
    meter.close();
  }

  async #route(asked: { host: string; port: number }): Promise<{ endpoint: PickedEndpoint; who: Who } | undefined> {
    const { state, workload, balancer, forwarder } = this.#deps;
    const { world, routes } = await state.ready();
    const service = world.findService(asked.host, workload.namespace);
    const client = { namespace: workload.namespace, port: asked.port };
    const rules = service && routes.meshRules(service.fqdn, workload.namespace);
    const rule = findTcpRule(rules?.tcp ?? [], {
      gateways: [meshGateway],
      port: asked.port,
      sourceLabels: workload.labels,
      sourceNamespace: workload.namespace,
    });
    const byRule = rule && forwarder.choose(rule.destinations);
    const destination = byRule ?? (service && { host: service.fqdn, port: asked.port, subset: undefined });
    const target: Target | undefined = destination && resolveTarget(world, destination, client);
    const endpoint = target && balancer.pick(world, target);
    if (target !== undefined && endpoint !== undefined) {
      return { endpoint, who: whoOf(target.service, endpoint.workload) };
    }
    // A Service with pods of its own that are not ready has no server; anything else is not the mesh's business.
    if (target?.service.selector !== undefined) return undefined;
    const known = world.workloadByIP(asked.host);
    const who: Who = { workload: known, service: { host: asked.host, name: passthroughName, namespace: 'unknown' } };
    return { endpoint: { ip: asked.host, port: asked.port, workload: known }, who };
  }
}
