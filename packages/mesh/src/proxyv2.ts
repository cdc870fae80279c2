/** The sidecar as a builtin: one Proxy attached to its pod, with its metrics and health listeners. */

import type { ServerResponse } from 'node:http';
import type { Builtin, BuiltinContext, SidecarConnection, SidecarHost } from '@towpath/api';
import { background, messageOf, type Clock, type Random } from '@towpath/kit';
import { sidecarPorts } from './istiod/injection.ts';
import { untilAborted } from './istiod/istiod.ts';
import type { MeshState } from './mesh-state.ts';
import { workloadOfCaller } from './model/workload.ts';
import { programMetricsReader } from './program-metrics.ts';
import { Proxy } from './proxy/proxy.ts';
import { prompt, tunnel } from './proxy/tunnel.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { listenHttp } from './virtual-http.ts';

export interface ProxyBuiltinDeps {
  readonly state: MeshState;
  readonly clock: Clock;
  readonly random: Random;
}

/** A pod that is stopped finishes what it is doing; Istio's terminationDrainDuration. */
export const drainLimitMs = 5000;

/** Ready once istiod has published; `--proxyLogLevel=debug` writes a line per request. */
export function createProxyv2(deps: ProxyBuiltinDeps): Builtin {
  return async (context) => {
    const { network, log } = context;
    const telemetry = new Telemetry({ log });
    const ports = new Set<number>(Object.values(sidecarPorts));
    let proxy: Proxy | undefined;
    let programMetrics: (() => Promise<string>) | undefined;
    const attached = network.attachSidecar((host) => {
      programMetrics = programMetricsReader(context, host);
      const created = newProxy(deps, context, telemetry, host);
      proxy = created;
      return {
        outbound: ({ stream, host: target, port }) => created.outbound(stream, { host: target, port }),
        inbound(connection) {
          const { stream, port, caller } = connection;
          if (ports.has(port)) background('own port', passLocal(host, connection), log);
          else created.inbound(stream, { port, caller });
        },
      };
    });
    const listeners = serveTelemetry(context, { telemetry, state: deps.state, programMetrics });
    return {
      done: untilAborted(context.signal).then(async () => {
        await proxy?.drain(drainLimitMs);
        attached.close();
        for (const listener of listeners) listener.close();
        proxy?.dispose();
      }),
    };
  };
}

function newProxy(deps: ProxyBuiltinDeps, context: BuiltinContext, telemetry: Telemetry, host: SidecarHost): Proxy {
  const { pod, env, network, log } = context;
  return new Proxy({
    ...deps,
    telemetry,
    log,
    accessLog: wantsAccessLog(context),
    workload: workloadOfCaller(pod, { labels: pod.labels, name: env['ISTIO_META_WORKLOAD_NAME'], ip: network.podIP }),
    dialPeer: (peer, port) => host.dialPeer(peer, port),
    dialLocal: (port) => host.dialLocal(port),
  });
}

/** The sidecar's own listeners are reached without being counted. */
async function passLocal(host: SidecarHost, { stream, port }: SidecarConnection): Promise<void> {
  try {
    await tunnel(stream, prompt(await host.dialLocal(port)), { received: () => {}, sent: () => {} });
  } catch (error) {
    stream.destroy(new Error(messageOf(error)));
  }
}

/** True when the container's arguments ask for a line per request. */
export function wantsAccessLog(context: BuiltinContext): boolean {
  return context.args.includes('--proxyLogLevel=debug');
}

export interface TelemetryOptions {
  readonly telemetry: Telemetry;
  readonly state: MeshState;
  /** Reads the metrics of the pod's own program; never rejects. */
  readonly programMetrics?: (() => Promise<string>) | undefined;
}

/**
 * Metrics on :15020 and :15090 (`/stats/prometheus`), health on :15020 and :15021 (`/healthz/ready`). Only :15020,
 * the port Prometheus is told, shows a new series as zero first, so that reading the other does not use it up; it
 * also carries the program's own metrics.
 */
export function serveTelemetry({ network, log }: BuiltinContext, options: TelemetryOptions): { close(): void }[] {
  const { telemetry, state, programMetrics } = options;
  async function expose(port: number, response: ServerResponse): Promise<void> {
    const merged = port === sidecarPorts.metrics;
    const own = telemetry.expose({ announce: merged });
    const text = merged && programMetrics !== undefined ? own + (await programMetrics()) : own;
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
  }
  return Object.values(sidecarPorts).map((port) =>
    listenHttp(network, port, (request, response) => {
      const path = (request.url ?? '').split('?')[0];
      if (path === '/healthz/ready') response.writeHead(state.snapshot === undefined ? 503 : 200).end();
      else if (path === '/stats/prometheus' && port !== sidecarPorts.ready) {
        background('exposition', expose(port, response), log);
      } else response.writeHead(404).end();
    }),
  );
}
