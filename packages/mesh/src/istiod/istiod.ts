/** istiod as a builtin: follows the configuration, publishes it to the proxies, injects sidecars. */

import { apiVersionOf, Pods, type Builtin, type BuiltinContext } from '@towpath/api';
import { Disposer, type Clock, type Random } from '@towpath/kit';
import { Client, createRecorder } from '@towpath/runtime';
import type { MeshState } from '../mesh-state.ts';
import { listenHttp } from '../virtual-http.ts';
import { issueServing, loadAuthority } from './certificates.ts';
import { startFeed } from './feed.ts';
import { ensureWebhook, injectionListener } from './webhook.ts';

export interface IstiodDeps {
  readonly state: MeshState;
  readonly clock: Clock;
  readonly random: Random;
}

/** The webhook's Service port and the port Istio's Service sends it to. */
const webhookPorts = [443, 15017] as const;
const readyPort = 8080;
/** Shown in the image of istio-proxy when the chart names no other. */
const defaultVersion = '0.1.0';

/**
 * Writes: the Secret `istio-ca-secret`, the MutatingWebhookConfiguration `istio-sidecar-injector`, Warning events on
 * what it refuses. Environment: `HUB` and `TAG` are the prefix and the version of the images it injects.
 */
export function createIstiod(deps: IstiodDeps): Builtin {
  return async (context) => {
    const ends = new Disposer();
    try {
      await start(deps, context, ends);
    } catch (error) {
      await ends.dispose();
      throw error;
    }
    return { done: untilAborted(context.signal).then(() => ends.dispose()) };
  };
}

async function start({ state, clock, random }: IstiodDeps, context: BuiltinContext, ends: Disposer): Promise<void> {
  const { transport, network, log, pod, env } = context;
  const { namespace } = pod;
  const client = new Client({ transport, fieldManager: 'pilot-discovery' });
  const recorder = createRecorder({ client, component: 'istiod', clock, log });
  let ready = false;
  ends.add(listen(context, () => ready));

  const world = await startFeed({ client, recorder, clock, log, ends });
  state.publish(world);

  const authority = await loadAuthority(client, namespace, { clock, random });
  const service = `istiod.${namespace}`;
  const names = [`${service}.svc`, service, `${service}.svc.cluster.local`];
  const serving = await issueServing(authority, names, { clock, random });
  const options = { hub: env['HUB'] ?? 'towpath.builtin', version: env['TAG'] ?? defaultVersion };
  for (const port of webhookPorts) {
    const listener = listenHttp(network, port, injectionListener(options, log), serving);
    ends.add(() => listener.close());
  }
  await ensureWebhook(client, { namespace, caPem: authority.certPem });
  ready = true;
  log.info('istiod is ready', { pods: apiVersionOf(Pods), version: options.version });
}

/** `/ready` for the chart's readiness probe. */
function listen({ network }: BuiltinContext, isReady: () => boolean): () => void {
  const listener = listenHttp(network, readyPort, (request, response) => {
    if (request.url !== '/ready') response.writeHead(404).end();
    else response.writeHead(isReady() ? 200 : 503).end();
  });
  return () => listener.close();
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
