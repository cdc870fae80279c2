/** The image `towpath.builtin/prometheus`: the metrics server as a pod. */

import { createServer } from 'node:http';
import type { Builtin } from '@towpath/api';
import { TowpathError, type Clock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import type { RequestHandler } from './api/handler.ts';
import { connectThrough } from './http/connect.ts';
import { parseDuration } from './promql/literals.ts';
import { createMetricsServer, defaultMetricsServerConfig, type MetricsServerConfig } from './server.ts';

export interface PrometheusBuiltinDeps {
  readonly clock: Clock;
  readonly pause: () => Promise<void>;
  /** Called with the handler of a started server, so that it can be served on a host port too; returns the end. */
  readonly expose?: (handler: RequestHandler) => () => void;
}

const defaultPort = 9090;

interface Flags {
  readonly port: number;
  readonly config: MetricsServerConfig;
}

/** Flag → what it sets; the names are Prometheus' where it has them. */
const flagSetters: Readonly<Record<string, (flags: Flags, value: string) => Flags>> = {
  'web.listen-port': (flags, value) => ({ ...flags, port: Number(value) }),
  'scrape.interval': (flags, value) => withConfig(flags, { intervalMs: duration('scrape.interval', value) }),
  'scrape.timeout': (flags, value) => withConfig(flags, { timeoutMs: duration('scrape.timeout', value) }),
  'scrape.mesh-interval': (flags, value) =>
    withConfig(flags, { meshIntervalMs: duration('scrape.mesh-interval', value) }),
  'storage.tsdb.retention.time': (flags, value) => {
    return withConfig(flags, { retentionMs: duration('storage.tsdb.retention.time', value) });
  },
  'query.timeout': (flags, value) => {
    return withConfig(flags, { limits: { ...flags.config.limits, timeoutMs: duration('query.timeout', value) } });
  },
  'query.max-samples': (flags, value) => {
    return withConfig(flags, { limits: { ...flags.config.limits, maxSamples: Number(value) } });
  },
  'query.lookback-delta': (flags, value) => {
    return withConfig(flags, {
      limits: { ...flags.config.limits, lookbackMs: duration('query.lookback-delta', value) },
    });
  },
};

function withConfig(flags: Flags, config: Partial<MetricsServerConfig>): Flags {
  return { ...flags, config: { ...flags.config, ...config } };
}

function duration(flag: string, text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs !== undefined && durationMs > 0) return durationMs;
  throw new TowpathError('METRICS_UNSUPPORTED', `--${flag} ${JSON.stringify(text)} is no duration`, {
    next: 'write it like 30s or 5m',
  });
}

/** Reads `--name=value` flags. Throws `METRICS_UNSUPPORTED` for one it does not know. */
export function parseFlags(args: readonly string[]): Flags {
  return args.reduce<Flags>(
    (flags, argument) => {
      const [, name = '', value = ''] = /^--([^=]+)=(.*)$/.exec(argument) ?? [];
      const setter = flagSetters[name];
      if (setter === undefined) {
        throw new TowpathError('METRICS_UNSUPPORTED', `prometheus: unknown flag ${argument}`, {
          next: `use one of ${Object.keys(flagSetters).join(', ')}`,
        });
      }
      return setter(flags, value);
    },
    { port: defaultPort, config: defaultMetricsServerConfig },
  );
}

/** The builtin. It listens on the pod's port 9090 and scrapes past sidecars. */
export function createPrometheusBuiltin(deps: PrometheusBuiltinDeps): Builtin {
  return async (context) => {
    const { port, config } = parseFlags(context.args);
    const { pod, log } = context;
    const caller = { namespace: pod.namespace, pod: pod.pod, uid: pod.uid };
    const server = createMetricsServer({
      client: new Client({ transport: context.transport, fieldManager: 'prometheus', userAgent: 'prometheus/towpath' }),
      connect: connectThrough(context.dialer, { caller, direct: true }),
      clock: deps.clock,
      pause: deps.pause,
      log,
      config,
    });
    const http = createServer(server.handler);
    const listener = context.network.listen(port, ({ stream }) => http.emit('connection', stream));
    const unexpose = deps.expose?.(server.handler);
    log.info('Server is ready to receive web requests.', { port });
    const done = new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        unexpose?.();
        listener.close();
        http.closeAllConnections();
        Promise.resolve(server.dispose()).then(resolve, reject);
      };
      if (context.signal.aborted) stop();
      else context.signal.addEventListener('abort', stop, { once: true });
    });
    return { done };
  };
}
