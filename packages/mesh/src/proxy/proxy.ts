/** The data path of one pod: takes its connections, serves their requests, counts everything. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Caller } from '@towpath/api';
import { background, messageOf, type Clock, type Logger, type Random } from '@towpath/kit';
import { callerKey, type MeshState, type Snapshot } from '../mesh-state.ts';
import type { GatewayModel } from '../model/gateway.ts';
import { splitAuthority } from '../model/hosts.ts';
import type { MeshService } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { planRequest, type Site } from '../route/plan.ts';
import { headerValue } from '../route/rewrite.ts';
import { Balancer } from '../route/target.ts';
import type { Reporter, Subject } from '../telemetry/labels.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { http1RequestHead } from './downstream-http1.ts';
import { Exchange, type ExchangeRecord } from './exchange.ts';
import { Forwarder, plainForward, whoOf, type Who } from './forwarding.ts';
import { createHttpFront, type HttpFront } from './http-front.ts';
import type { Downstream, RequestHead } from './messages.ts';
import { sniff } from './sniff.ts';
import { TcpForwarder } from './tcp.ts';
import { prompt } from './tunnel.ts';
import type { DialPeer } from './upstream-http1.ts';
import { createUpstreams, type Upstreams } from './upstreams.ts';
import { forwardUpgrade } from './upgrade.ts';

export interface ProxyDeps {
  readonly state: MeshState;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Writes a line per request. */
  readonly accessLog: boolean;
  /** Whom the proxy works for. */
  readonly workload: Workload;
  /** To another pod or a host outside, as this pod. */
  readonly dialPeer: DialPeer;
  /** To the pod's own program; absent at a gateway. */
  readonly dialLocal: ((port: number) => Promise<Duplex>) | undefined;
}

/** A connection and how it came. `host` and `port` are what was asked for, before any resolution. */
type Arrival =
  | { readonly direction: 'outbound'; readonly host: string; readonly port: number }
  | { readonly direction: 'inbound'; readonly port: number; readonly caller: Caller | undefined }
  | { readonly direction: 'gateway'; readonly port: number; readonly gateways: () => readonly GatewayModel[] };

/**
 * How long a connection to a port of undeclared protocol may be silent before the server is taken to speak first.
 * Longer than a client takes to send its first request, shorter than a person notices.
 */
const serverFirstMs = 250;
/** How often a draining proxy looks whether it is done. */
const drainCheckMs = 50;

/** Serves connections until disposed; connections that are open then are left to their ends. */
export class Proxy {
  readonly #deps: ProxyDeps;
  readonly #front: HttpFront<Arrival>;
  readonly #peers: Upstreams;
  readonly #local: Upstreams;
  readonly #forwarder: Forwarder;
  readonly #tcp: TcpForwarder;
  /** Requests being served. */
  #active = 0;

  constructor(deps: ProxyDeps) {
    const { clock, random, dialPeer, dialLocal } = deps;
    this.#deps = deps;
    this.#front = createHttpFront<Arrival>({
      onRequest: (downstream, arrival) => this.#serve(downstream, arrival),
      onUpgrade: (request, stream, first, arrival) => this.#upgrade(request, stream, first, arrival),
    });
    this.#peers = createUpstreams({ clock, dial: dialPeer });
    this.#local = createUpstreams({
      clock,
      dial: (_host, port) => dialLocal?.(port) ?? Promise.reject(new Error('a gateway has no program of its own')),
    });
    const balancer = new Balancer({ random: (below) => random.integer(below) });
    this.#forwarder = new Forwarder({ upstreams: this.#peers, balancer, random, clock });
    this.#tcp = new TcpForwarder({ ...deps, balancer, forwarder: this.#forwarder });
  }

  /** The pod opened a connection to `host:port`. */
  outbound(stream: Duplex, target: { readonly host: string; readonly port: number }): void {
    this.#run('outbound connection', stream, async () => {
      const { world } = await this.#deps.state.ready();
      const service = world.findService(target.host, this.#deps.workload.namespace);
      const declared = service?.ports.find(({ port }) => port === target.port)?.protocol ?? 'auto';
      const spoken = declared === 'tcp' ? 'bytes' : await this.#sniff(stream, declared === 'auto');
      if (spoken !== 'bytes') this.#front.accept(stream, spoken, { direction: 'outbound', ...target });
      else await this.#tcp.outbound(stream, target);
    });
  }

  /** Somebody connected to the pod's `port`. */
  inbound(stream: Duplex, origin: { readonly port: number; readonly caller: Caller | undefined }): void {
    this.#run('inbound connection', stream, async () => {
      const snapshot = await this.#deps.state.ready();
      const { world } = snapshot;
      const { workload } = this.#deps;
      const [service] = world.servicesSelecting(workload, origin.port);
      const declared = (service && world.servicePort(service, workload, origin.port)?.protocol) ?? 'auto';
      const spoken = declared === 'tcp' ? 'bytes' : await this.#sniff(stream, declared === 'auto');
      if (spoken !== 'bytes') this.#front.accept(stream, spoken, { direction: 'inbound', ...origin });
      else await this.#tcp.inbound(stream, origin.port, this.#inboundSubject(snapshot, origin, service));
    });
  }

  /** A client of the gateway connected; `port` is the Gateway server's. */
  gateway(stream: Duplex, options: { readonly port: number; readonly gateways: () => readonly GatewayModel[] }): void {
    this.#run('gateway connection', stream, async () => {
      await this.#deps.state.ready();
      const spoken = await this.#sniff(stream, false);
      if (spoken === 'bytes') stream.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      else this.#front.accept(stream, spoken, { direction: 'gateway', ...options });
    });
  }

  /** Resolves when nothing is being served, or after `limitMs`. New connections are served all the while. */
  async drain(limitMs: number): Promise<void> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + limitMs;
    do await clock.sleep(drainCheckMs);
    while (this.#active > 0 && clock.monotonicMs() < untilMs);
  }

  dispose(): void {
    this.#peers.dispose();
    this.#local.dispose();
  }

  #sniff(stream: Duplex, serverMayBeFirst: boolean) {
    return sniff(stream, { clock: this.#deps.clock, waitMs: serverMayBeFirst ? serverFirstMs : undefined });
  }

  #run(name: string, stream: Duplex, work: () => Promise<void>): void {
    prompt(stream).on('error', () => {});
    const guarded = work().catch((error: unknown) => {
      this.#deps.log.debug('connection failed', { work: name, error: messageOf(error) });
      stream.destroy();
    });
    background(name, guarded, this.#deps.log);
  }

  #serve(downstream: Downstream, arrival: Arrival): void {
    const snapshot = this.#deps.state.snapshot;
    if (snapshot === undefined) {
      downstream.reset();
      return;
    }
    if (arrival.direction === 'inbound') this.#serveInbound(downstream, arrival, snapshot);
    else this.#serveOutbound(downstream, arrival, snapshot);
  }

  #serveOutbound(
    downstream: Downstream,
    arrival: Exclude<Arrival, { direction: 'inbound' }>,
    snapshot: Snapshot,
  ): void {
    const exchange = this.#exchange(downstream, (record) => ({
      reporter: 'source',
      source: this.#deps.workload,
      destination: record.who?.workload,
      service: record.who?.service,
    }));
    const site = this.#site(arrival, snapshot);
    const decision = this.#forwarder.decide(site, planRequest(site, viewOf(downstream.head)), downstream.head);
    if (decision.type === 'answer') exchange.answer(decision.local, decision.who);
    else exchange.forward(decision.forward);
  }

  #serveInbound(downstream: Downstream, arrival: Extract<Arrival, { direction: 'inbound' }>, snapshot: Snapshot): void {
    const services = snapshot.world.servicesSelecting(this.#deps.workload, arrival.port);
    const asked = splitAuthority(downstream.head.authority).host;
    const named = snapshot.world.findService(asked, this.#deps.workload.namespace);
    const service = services.find((candidate) => candidate === named) ?? services[0];
    const subject = this.#inboundSubject(snapshot, arrival, service);
    const exchange = this.#exchange(downstream, () => subject);
    const who = whoOf(service, this.#deps.workload);
    exchange.forward({
      ...plainForward(downstream.head, () => ({
        who,
        begin: () => () => {},
        open: (head, listener) => this.#local.call({ host: 'localhost', port: arrival.port }, head, listener),
      })),
      retries: undefined,
      marksUnreached: true,
    });
  }

  #exchange(downstream: Downstream, subjectOf: (record: ExchangeRecord<Who>) => Subject): Exchange<Who> {
    const { clock, random, telemetry } = this.#deps;
    this.#active++;
    return new Exchange<Who>({
      downstream,
      clock,
      random,
      record: (record) => {
        this.#active--;
        const { responseCode, grpcStatus, durationMs, requestBytes, responseBytes } = record;
        const flags = record.flags.length === 0 ? '-' : record.flags.join(',');
        const subject = subjectOf(record);
        const protocol = record.grpc ? 'grpc' : 'http';
        telemetry.request(
          subject,
          { protocol, responseCode, grpcStatus, flags },
          { durationMs, requestBytes, responseBytes },
        );
        if (this.#deps.accessLog) this.#logAccess(downstream.head, record, subject.reporter);
      },
    });
  }

  #logAccess(head: RequestHead, record: ExchangeRecord<Who>, reporter: Reporter): void {
    const { responseCode, flags, durationMs, requestBytes, responseBytes, grpcStatus, who } = record;
    this.#deps.log.debug('request', {
      reporter,
      method: head.method,
      authority: head.authority,
      path: head.path,
      responseCode,
      grpcStatus,
      flags: flags.join(','),
      durationMs: Math.round(durationMs),
      requestBytes,
      responseBytes,
      to: who?.service?.host,
    });
  }

  #site(arrival: Exclude<Arrival, { direction: 'inbound' }>, { world, routes }: Snapshot): Site {
    const { workload } = this.#deps;
    const { port } = arrival;
    if (arrival.direction === 'gateway')
      return { world, routes, workload, gateways: arrival.gateways(), port, host: '' };
    return { world, routes, workload, gateways: undefined, port, host: arrival.host };
  }

  #inboundSubject(
    { world }: Snapshot,
    origin: { caller: Caller | undefined },
    service: MeshService | undefined,
  ): Subject {
    const caller = origin.caller && world.workloadOfPod(callerKey(origin.caller));
    return {
      reporter: 'destination',
      source: caller?.inMesh === true ? caller : undefined,
      destination: this.#deps.workload,
      service: whoOf(service, undefined).service,
    };
  }

  #upgrade(request: IncomingMessage, stream: Duplex, first: Buffer, arrival: Arrival): void {
    const snapshot = this.#deps.state.snapshot;
    if (snapshot === undefined) {
      stream.destroy();
      return;
    }
    const { dialPeer, dialLocal, workload } = this.#deps;
    const head = http1RequestHead(request);
    if (arrival.direction === 'inbound') {
      const { port } = arrival;
      const [service] = snapshot.world.servicesSelecting(workload, port);
      const subject = this.#inboundSubject(snapshot, arrival, service);
      const dial = (): Promise<Duplex> => dialLocal?.(port) ?? Promise.reject(new Error('no program'));
      this.#upgradeTo({ request, stream, first, path: head.path, authority: head.authority, dial, subject });
      return;
    }
    const site = this.#site(arrival, snapshot);
    const route = this.#forwarder.address(site, planRequest(site, viewOf(head)), head);
    if (route === undefined) {
      stream.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const { endpoint, who, path, authority } = route;
    const subject: Subject = { reporter: 'source', source: workload, destination: who.workload, service: who.service };
    const dial = (): Promise<Duplex> => dialPeer(endpoint.ip, endpoint.port);
    this.#upgradeTo({ request, stream, first, path, authority, dial, subject });
  }

  #upgradeTo(options: Omit<Parameters<typeof forwardUpgrade>[0], 'clock' | 'telemetry'>): void {
    const { clock, telemetry, log } = this.#deps;
    background('upgrade', forwardUpgrade({ ...options, clock, telemetry }), log);
  }
}

/** A request as the conditions of a route see it. */
function viewOf(head: RequestHead) {
  const { method, scheme, authority, path, headers } = head;
  return { method, scheme, authority, path, header: (name: string) => headerValue(headers, name) };
}
