/** One HTTPS request to an admission webhook, through the cluster network or to a URL outside. */

import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { Dialer } from '@towpath/api';
import type { Clock } from '@towpath/kit';

/** Largest answer, in bytes. */
const maxAnswerBytes = 3 * 1024 * 1024;

export interface ClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    readonly port?: number;
  };
  readonly caBundle?: string;
}

export interface CallOptions {
  readonly dialer: Dialer | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** The parsed answer of the webhook. Rejects when it cannot be reached, is too slow, or does not answer with JSON. */
export async function callWebhook(config: ClientConfig, review: unknown, options: CallOptions): Promise<unknown> {
  const endpoint = endpointOf(config);
  const abort = new AbortController();
  const timer = options.clock.startTimer(options.timeoutMs, () => abort.abort());
  try {
    const socket = await openSocket(endpoint, config, options);
    try {
      return await post(socket, endpoint, JSON.stringify(review), abort.signal);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    throw new Error(`Post "https://${endpoint.host}:${endpoint.port}${endpoint.path}": context deadline exceeded`, {
      cause: error,
    });
  } finally {
    timer.cancel();
  }
}

function endpointOf(config: ClientConfig): Endpoint {
  const { service, url } = config;
  if (service !== undefined) {
    return { host: `${service.name}.${service.namespace}.svc`, port: service.port ?? 443, path: service.path ?? '/' };
  }
  const parsed = new URL(url ?? '');
  return {
    host: parsed.hostname,
    port: Number(parsed.port === '' ? 443 : parsed.port),
    path: `${parsed.pathname}${parsed.search}`,
  };
}

/** TLS to the endpoint; services are reached through the cluster's dialer only. */
async function openSocket(endpoint: Endpoint, config: ClientConfig, options: CallOptions): Promise<TLSSocket> {
  const { host, port } = endpoint;
  let raw: Duplex | undefined;
  if (config.service !== undefined) {
    if (options.dialer === undefined)
      throw new Error(`service ${host} cannot be reached: this API server has no cluster network`);
    raw = await options.dialer.dial({ host, port, direct: false });
  }
  const ca = config.caBundle === undefined ? undefined : Buffer.from(config.caBundle, 'base64').toString('utf8');
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...(raw === undefined ? { host, port } : { socket: raw }),
      servername: host,
      ...(ca === undefined || ca === '' ? {} : { ca }),
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function post(socket: TLSSocket, endpoint: Endpoint, body: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = httpRequest({
      createConnection: () => socket,
      method: 'POST',
      path: endpoint.path,
      headers: {
        host: endpoint.host,
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': Buffer.byteLength(body),
        connection: 'close',
      },
      signal,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.end(body);
  });
}

async function readAnswer(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (response.statusCode !== 200)
    throw new Error(`the server answered ${response.statusCode ?? 0}: ${text.slice(0, 200)}`);
  return JSON.parse(text);
}
