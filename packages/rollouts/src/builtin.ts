/** The image `towpath.builtin/flagger`: the rollouts controller as a pod. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Builtin } from '@towpath/api';
import type { Clock } from '@towpath/kit';
import { connectThrough } from '@towpath/metrics/client';
import { Client, createRecorder } from '@towpath/runtime';
import { createRolloutController } from './controller.ts';
import { rolloutError } from './errors.ts';
import { createNarrator } from './narrate.ts';
import type { PlanDefaults } from './plan.ts';
import { prometheusProviders } from './providers/prometheus.ts';
import { createRolloutMetrics } from './rollout-metrics.ts';
import { istioRouter } from './router/istio.ts';

export interface FlaggerBuiltinDeps {
  readonly clock: Clock;
  readonly version: string;
}

/** The owner in managedFields by which releases recognise our fields. */
export const flaggerFieldManager = 'flagger';

interface Flags extends PlanDefaults {
  readonly port: number;
  readonly watchLabelSelector?: string;
}

/** Source: Flagger, cmd/flagger/main.go. */
const flagDefaults: Flags = { port: 8080, meshProvider: 'istio', metricsServer: 'http://prometheus:9090' };

const flagSetters: Readonly<Record<string, (flags: Flags, value: string) => Flags>> = {
  'mesh-provider': (flags, meshProvider) => ({ ...flags, meshProvider }),
  'metrics-server': (flags, metricsServer) => ({ ...flags, metricsServer }),
  // Not one of Flagger's: Flux's name for the same.
  'watch-label-selector': (flags, value) => (value === '' ? flags : { ...flags, watchLabelSelector: value }),
  port: (flags, value) => ({ ...flags, port: Number(value) }),
  // Accepted because charts pass them; this component logs everything and reads everything it may.
  'log-level': (flags) => flags,
  'zap-encoding': (flags) => flags,
};

/** Reads `-name=value` flags. Throws `FLAG_UNKNOWN`. */
export function parseFlags(args: readonly string[]): Flags {
  return args.reduce<Flags>((flags, argument) => {
    const [, name = '', value = ''] = /^--?([^=]+)=(.*)$/.exec(argument) ?? [];
    const setter = flagSetters[name];
    if (setter === undefined) {
      const next = `use one of ${Object.keys(flagSetters).join(', ')}`;
      throw rolloutError('FLAG_UNKNOWN', `flagger: unknown flag ${argument}`, { next });
    }
    return setter(flags, value);
  }, flagDefaults);
}

/** The builtin. It listens on the pod's port 8080 for /metrics and /healthz. */
export function createFlaggerBuiltin({ clock, version }: FlaggerBuiltinDeps): Builtin {
  return async (context) => {
    const flags = parseFlags(context.args);
    const { log, pod, print } = context;
    const client = new Client({
      transport: context.transport,
      fieldManager: flaggerFieldManager,
      userAgent: `flagger/${version}`,
    });
    const caller = { namespace: pod.namespace, pod: pod.pod, uid: pod.uid };
    const connect = connectThrough(context.dialer, { caller, namespace: pod.namespace });
    const recorder = createRecorder({ client, component: 'flagger', clock, log });
    const narrator = createNarrator({ recorder, clock, print });
    const metrics = createRolloutMetrics({ version, meshProvider: flags.meshProvider });
    const providers = prometheusProviders({ connect });
    const controller = createRolloutController({
      client,
      clock,
      log,
      narrator,
      metrics,
      providers,
      connect,
      router: istioRouter(client),
      defaults: flags,
      watchLabelSelector: flags.watchLabelSelector,
    });
    const http = createServer((request, response) => page(request, response, () => metrics.text()));
    const listener = context.network.listen(flags.port, ({ stream }) => http.emit('connection', stream));
    const { meshProvider, metricsServer } = flags;
    narrator.log('info', `Starting flagger version ${version} revision towpath mesh provider ${meshProvider}`);
    const problem = await providers(metricsServer).isOnline();
    if (problem === undefined) narrator.log('info', `Connected to metrics server ${metricsServer}`);
    else narrator.log('error', `Metrics server ${metricsServer} unreachable ${problem}`);
    controller.start();
    const done = new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        narrator.log('info', 'Shutting down operator workers');
        listener.close();
        http.closeAllConnections();
        Promise.resolve(controller.dispose()).then(resolve, reject);
      };
      if (context.signal.aborted) stop();
      else context.signal.addEventListener('abort', stop, { once: true });
    });
    return { done };
  };
}

function page({ url }: IncomingMessage, response: ServerResponse, metricsText: () => string): void {
  if (url === '/metrics') {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metricsText());
  } else if (url === '/healthz') response.writeHead(200, { 'content-type': 'text/plain' }).end('OK');
  else response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
}
