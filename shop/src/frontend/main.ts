/** frontend: the pages a person shops on. */

import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { collectDefaultMetrics, Counter, Histogram, register } from 'prom-client';
import { log } from '../../lib/log.ts';
import { pause, readLevers, setting } from '../../lib/settings.ts';
import { connectBackends, type Backends } from './backends.ts';
import {
  addToCart,
  cookie,
  emptyCart,
  home,
  placeOrder,
  product,
  setCurrency,
  viewCart,
  type Answer,
  type Visit,
} from './handlers.ts';
import { errorPage } from './pages.ts';
import { pictures } from './pictures.ts';
import { InvalidInput } from './validate.ts';

const maxFormBytes = 64 * 1024;
const warmUpLimitMs = 3000;
const warmUpRounds = 5;
const warmUpProduct = 'OLJCESPC7Z';
const sharedSession = '12345678-1234-1234-1234-123456789123';
const bannerColor = setting('BANNER_COLOR', '');
const message = setting('FRONTEND_MESSAGE', 'Everything for life by the canal');
const isShared = setting('ENABLE_SINGLE_SHARED_SESSION', '') === 'true';
const levers = readLevers();
const backends: Backends = connectBackends();

collectDefaultMetrics();
const requests = new Counter({
  name: 'http_requests_total',
  help: 'Requests answered.',
  labelNames: ['method', 'route', 'status'],
});
const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Time to answer.',
  labelNames: ['route', 'status'],
});

interface Route {
  readonly name: string;
  readonly handle: (visit: Visit) => Answer | Promise<Answer>;
}

/** Undefined when nothing is there. */
function routeOf(method: string, path: string): Route | undefined {
  const reads = method === 'GET' || method === 'HEAD';
  const productId = /^\/product\/([\w-]+)$/.exec(path)?.[1];
  if (reads && path === '/') return { name: '/', handle: (visit) => home(backends, visit) };
  if (reads && productId !== undefined)
    return { name: '/product/{id}', handle: (visit) => product(backends, visit, productId) };
  if (reads && path === '/cart') return { name: '/cart', handle: (visit) => viewCart(backends, visit) };
  if (reads && path === '/logout') return { name: '/logout', handle: () => logout() };
  if (reads && path.startsWith('/product-meta/')) {
    return { name: '/product-meta/{ids}', handle: () => productMeta(path.slice('/product-meta/'.length)) };
  }
  if (method !== 'POST') return undefined;
  if (path === '/cart') return { name: 'POST /cart', handle: (visit) => addToCart(backends, visit) };
  if (path === '/cart/empty') return { name: 'POST /cart/empty', handle: (visit) => emptyCart(backends, visit) };
  if (path === '/setCurrency') return { name: 'POST /setCurrency', handle: setCurrency };
  if (path === '/cart/checkout') return { name: 'POST /cart/checkout', handle: (visit) => placeOrder(backends, visit) };
  return undefined;
}

function logout(): Answer {
  return { status: 302, location: '/', cookies: [cookie('shop_session-id', ''), cookie('shop_currency', '')] };
}

async function productMeta(ids: string): Promise<Answer> {
  const found = await Promise.all(ids.split(',').map((id) => backends.product(id)));
  return { status: 200, type: 'application/json', body: JSON.stringify(found) };
}

/** Pages that need no session and no backend. */
async function plainAnswer(path: string): Promise<Answer | undefined> {
  if (path === '/_healthz') return { status: 200, type: 'text/plain', body: 'ok' };
  if (path === '/robots.txt') return { status: 200, type: 'text/plain', body: 'User-agent: *\nDisallow: /' };
  if (path === '/metrics') return { status: 200, type: register.contentType, body: await register.metrics() };
  const picture = /^\/static\/img\/products\/([a-z-]+)\.svg$/.exec(path)?.[1];
  const svg = picture === undefined ? undefined : pictures[picture];
  return svg === undefined ? undefined : { status: 200, type: 'image/svg+xml', body: svg };
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > maxFormBytes) throw new InvalidInput('the form is too large');
    chunks.push(chunk as Buffer);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function cookiesOf(request: IncomingMessage): Map<string, string> {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=') as [string, string]);
  return new Map(pairs);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = performance.now();
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const method = request.method ?? 'GET';
  const plain = await plainAnswer(path);
  if (plain !== undefined) {
    send(response, plain, []);
    return;
  }
  const cookies = cookiesOf(request);
  const known = isShared ? sharedSession : cookies.get('shop_session-id');
  const userId = known ?? randomUUID();
  const requestId = randomUUID();
  const currency = cookies.get('shop_currency') ?? 'USD';
  const frame = {
    currency,
    currencies: [currency],
    cartSize: 0,
    sessionId: userId,
    requestId,
    pod: hostname(),
    bannerColor,
    message,
  };
  const route = routeOf(method, path);
  const visit = { userId, currency, referer: request.headers.referer, frame };
  const result = await settle(route, visit, request);
  send(response, result, known === undefined ? [cookie('shop_session-id', userId)] : []);
  const tookMs = performance.now() - startedAt;
  const labels = { route: route?.name ?? 'none', status: String(result.status) };
  requests.inc({ method, ...labels });
  durations.observe(labels, tookMs / 1000);
  log(result.status >= 500 ? 'ERROR' : 'DEBUG', 'request complete', {
    'http.req.path': path,
    'http.req.method': method,
    'http.req.id': requestId,
    'http.resp.status': result.status,
    'http.resp.took_ms': Math.round(tookMs),
  });
}

/** Every failure becomes a page. */
async function settle(route: Route | undefined, visit: Omit<Visit, 'form'>, request: IncomingMessage): Promise<Answer> {
  const failed = (status: number, detail: string): Answer => ({
    status,
    body: errorPage(visit.frame, status, STATUS_CODES[status] ?? '', detail),
  });
  try {
    const form = request.method === 'POST' ? await readForm(request) : new URLSearchParams();
    await pause(levers.extraLatencyMs);
    if (levers.shouldFail()) return failed(500, 'injected failure (ERROR_RATE)');
    if (route === undefined) return failed(404, 'there is no such page');
    return await route.handle({ ...visit, form });
  } catch (error) {
    if (error instanceof InvalidInput) return failed(422, error.message);
    const text = error instanceof Error ? error.message : String(error);
    log('ERROR', 'request failed', { error: text });
    return failed(500, text);
  }
}

function send(response: ServerResponse, result: Answer, cookies: readonly string[]): void {
  const allCookies = [...cookies, ...(result.cookies ?? [])];
  response.writeHead(result.status, {
    'content-type': result.type ?? 'text/html; charset=utf-8',
    ...(result.location !== undefined && { location: result.location }),
    ...(allCookies.length > 0 && { 'set-cookie': allCookies }),
  });
  response.end(result.body);
}

/** Connects to the backends and shows each page a few times, so that the first visitor does not wait for it. */
async function warmUp(): Promise<void> {
  const frame = {
    currency: 'USD',
    currencies: ['USD'],
    cartSize: 0,
    sessionId: '',
    requestId: '',
    pod: hostname(),
    bannerColor,
    message,
  };
  const visit = { userId: randomUUID(), currency: 'USD', referer: undefined, frame, form: new URLSearchParams() };
  const pages = [home, viewCart, (...of: [Backends, Visit]) => product(...of, warmUpProduct)];
  for (let round = 0; round < warmUpRounds; round++) {
    // A backend that is away is no reason not to open.
    await Promise.all(pages.map((page) => page(backends, visit).catch(() => undefined)));
  }
}

const port = Number(setting('PORT', '8080'));
const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    log('ERROR', 'request broke', { error: error instanceof Error ? error.message : String(error) });
    response.destroy();
  });
});
void Promise.race([warmUp(), pause(warmUpLimitMs)]).then(() => {
  server.listen(port, () => log('INFO', 'frontend listening', { port }));
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 3000).unref();
  });
}
