/** The dashboard's server: the page, its data as JSON, and changes as an event stream. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { background, Disposer, type Clock, type Logger, type Timer } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { canaryCards } from './canaries.ts';
import { CommitHistory } from './commits.ts';
import { startMeasurements, type PrometheusQuery } from './measurements.ts';
import type { Link } from './model.ts';
import { contentSecurityPolicy, pageHtml } from './page.ts';
import { startSources } from './sources.ts';
import { buildState } from './state.ts';
import { EventStream } from './stream.ts';

export interface DashboardOptions {
  /** Reads repositories, pipelines, images, syncs, releases, canaries, pods and events; writes nothing. */
  readonly client: Client;
  readonly prometheusQuery: PrometheusQuery;
  readonly log: Logger;
  readonly clock: Clock;
  /** Shown at the top: the shop, Prometheus, Git … */
  readonly links: readonly Link[];
  /** The text of `dashboard.js` and `dashboard.css` as scripts/build.mjs makes them. */
  readonly asset: (name: 'dashboard.js' | 'dashboard.css') => string | undefined;
}

export interface Dashboard {
  /** For node:http. Answers every path. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  dispose(): Promise<void>;
}

/** Changes that come within this time travel together. */
const gatherMs = 150;

const assets = {
  '/assets/dashboard.js': { name: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  '/assets/dashboard.css': { name: 'dashboard.css', type: 'text/css; charset=utf-8' },
} as const;

/** Starts following the cluster at once. */
export function startDashboard(options: DashboardOptions): Dashboard {
  const { client, clock, log, links } = options;
  const ends = new Disposer();
  const history = new CommitHistory();
  const stream = new EventStream({ clock });
  let pending: Timer | undefined;
  const sources = startSources({ client, clock, log, onChange: schedule });
  const measurements = startMeasurements({
    query: options.prometheusQuery,
    canaries: () => {
      const { canaries, pods } = sources.read();
      return canaryCards(canaries, pods);
    },
    onPoint: () => stream.publish('metrics', JSON.stringify(measurements.series())),
    clock,
    log,
  });
  ends.own(sources);
  ends.own(measurements);
  ends.add(() => stream.close());
  ends.add(() => pending?.cancel());

  function state(): string {
    return JSON.stringify(buildState({ sources: sources.read(), history, links, nowMs: clock.nowMs() }));
  }

  function schedule(): void {
    pending ??= clock.startTimer(gatherMs, () => {
      pending = undefined;
      stream.publish('state', state());
    });
  }

  function answer(path: string, response: ServerResponse): void {
    if (path === '/') {
      const html = pageHtml({ script: '/assets/dashboard.js', style: '/assets/dashboard.css' });
      send(response, html, 'text/html; charset=utf-8');
    } else if (path === '/api/state') {
      send(response, state(), 'application/json');
    } else if (path === '/api/metrics') {
      send(response, JSON.stringify(measurements.series()), 'application/json');
    } else if (path === '/api/stream') {
      stream.publish('state', state());
      stream.publish('metrics', JSON.stringify(measurements.series()));
      stream.open(response);
    } else if (path in assets) {
      const { name, type } = assets[path as keyof typeof assets];
      const text = options.asset(name);
      if (text === undefined) refuse(response, 404, `${name} is not built; run npm run build`);
      else send(response, text, type);
    } else {
      refuse(response, 404, `there is no ${path} here; the dashboard is at /`);
    }
  }

  return {
    handler(request, response) {
      const because = refusal(request);
      if (because !== undefined) {
        refuse(response, because.status, because.message);
        return;
      }
      const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
      background(
        'dashboard',
        sources.synced().then(() => answer(path, response)),
        log,
      );
    },
    dispose: () => ends.dispose(),
  };
}

const ownHost =
  /^(localhost|127(?:\.\d{1,3}){3}|\[::1\]|[a-z0-9-]+\.towpath-system(?:\.svc(?:\.cluster\.local)?)?)(?::\d+)?$/i;

/** Foreign sites must not read the cluster: neither by their own name for 127.0.0.1 nor from their pages. */
function refusal({ headers, method }: IncomingMessage): { status: number; message: string } | undefined {
  const { host = '', origin } = headers;
  if (!ownHost.test(host))
    return { status: 421, message: `host ${JSON.stringify(host)} is not served here; use 127.0.0.1` };
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return { status: 403, message: `origin ${JSON.stringify(origin)} may not read the dashboard; open it by itself` };
  }
  if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
    return { status: 403, message: 'other sites may not read the dashboard; open it by itself' };
  }
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, message: 'the dashboard is read only' };
  return undefined;
}

function send(response: ServerResponse, body: string, type: string): void {
  response
    .writeHead(200, {
      'content-type': type,
      'cache-control': 'no-cache',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    .end(body);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}
