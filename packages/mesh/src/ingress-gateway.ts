/** The ingress gateway as a builtin: listens where Gateways say, routes by the VirtualServices bound to them. */

import type { Builtin, BuiltinContext } from '@towpath/api';
import { Disposer, type Timer } from '@towpath/kit';
import { untilAborted } from './istiod/istiod.ts';
import type { MeshState } from './mesh-state.ts';
import type { GatewayModel } from './model/gateway.ts';
import { workloadOfCaller, type Workload } from './model/workload.ts';
import type { World } from './model/world.ts';
import { Proxy } from './proxy/proxy.ts';
import { drainLimitMs, serveTelemetry, wantsAccessLog, type ProxyBuiltinDeps } from './proxyv2.ts';
import { Telemetry } from './telemetry/telemetry.ts';

/** Always open, so that a client without any Gateway gets a 404 that says so rather than a refused connection. */
const standardPorts: readonly (readonly [listen: number, server: number])[] = [
  [80, 80],
  [8080, 80],
];
/** How often new Gateway ports are looked for; they change when a person edits a Gateway. */
const portCheckMs = 1000;

/** Its metrics are of reporter `source`; a VirtualService applies here only when it names the Gateway. */
export function createIngressGateway(deps: ProxyBuiltinDeps): Builtin {
  return async (context) => {
    const ends = new Disposer();
    const telemetry = new Telemetry({ log: context.log });
    const workload = workloadOf(context);
    const proxy = newProxy(deps, context, telemetry, workload);
    ends.add(() => proxy.dispose());
    for (const listener of serveTelemetry(context, { telemetry, state: deps.state })) ends.add(() => listener.close());
    const listeners = new Listeners(context, deps.state, proxy, workload);
    ends.add(() => listeners.close());
    listeners.update();
    let timer: Timer | undefined;
    const check = (): void => {
      listeners.update();
      timer = deps.clock.startTimer(portCheckMs, check);
    };
    check();
    ends.add(() => timer?.cancel());
    return {
      done: untilAborted(context.signal).then(async () => {
        await proxy.drain(drainLimitMs);
        await ends.dispose();
      }),
    };
  };
}

function workloadOf({ pod, env, network }: BuiltinContext): Workload {
  return workloadOfCaller(pod, { labels: pod.labels, name: env['ISTIO_META_WORKLOAD_NAME'], ip: network.podIP });
}

function newProxy(deps: ProxyBuiltinDeps, context: BuiltinContext, telemetry: Telemetry, workload: Workload): Proxy {
  const { dialer, pod, log } = context;
  const caller = { namespace: pod.namespace, pod: pod.pod, uid: pod.uid };
  return new Proxy({
    ...deps,
    telemetry,
    log,
    accessLog: wantsAccessLog(context),
    workload,
    dialPeer: (host, port) => dialer.dial({ host, port, caller }),
    dialLocal: undefined,
  });
}

/** The open ports: the standard ones and every port of a Gateway that selects this pod. */
class Listeners {
  readonly #context: BuiltinContext;
  readonly #state: MeshState;
  readonly #proxy: Proxy;
  readonly #workload: Workload;
  readonly #open = new Map<number, { readonly server: number; close(): void }>();

  constructor(context: BuiltinContext, state: MeshState, proxy: Proxy, workload: Workload) {
    this.#context = context;
    this.#state = state;
    this.#proxy = proxy;
    this.#workload = workload;
  }

  /** Opens what is new and closes what is gone. */
  update(): void {
    const wanted = new Map(standardPorts);
    const world = this.#state.snapshot?.world;
    for (const gateway of this.#gateways()) {
      for (const { port } of gateway.servers) {
        wanted.set(port, port);
        for (const target of world === undefined ? [] : targetPorts(world, this.#workload, port))
          wanted.set(target, port);
      }
    }
    for (const [port, listener] of this.#open) {
      if (wanted.get(port) === listener.server) continue;
      listener.close();
      this.#open.delete(port);
    }
    for (const [port, server] of wanted) if (!this.#open.has(port)) this.#listen(port, server);
  }

  close(): void {
    for (const listener of this.#open.values()) listener.close();
    this.#open.clear();
  }

  #listen(port: number, server: number): void {
    const listener = this.#context.network.listen(port, ({ stream }) => {
      this.#proxy.gateway(stream, { port: server, gateways: () => this.#gateways() });
    });
    this.#open.set(port, { server, close: () => listener.close() });
  }

  #gateways(): readonly GatewayModel[] {
    return this.#state.snapshot?.world.gatewaysFor(this.#workload.labels) ?? [];
  }
}

/** Where the gateway's own Services send a port: Gateways name Service ports, pods listen on target ports. */
function targetPorts(world: World, workload: Workload, port: number): number[] {
  return world
    .servicesOf(workload)
    .flatMap((service) => service.ports)
    .filter((candidate) => candidate.port === port)
    .flatMap(({ targetPort }) => (typeof targetPort === 'number' ? [targetPort] : []));
}
