/** One HTTP request over any connection: the dialer's, or the system's. */

import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TowpathError } from '@towpath/kit';

/** Opens a connection to an address inside or outside of the cluster. */
export type Connect = (target: { readonly host: string; readonly port: number }) => Promise<Duplex>;

export interface HttpOptions {
  /** Default GET. */
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  readonly host: string;
  readonly port: number;
  /** With query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  /** Absent: a plain TCP connection of the system. */
  readonly connect?: Connect | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Sends one request and reads the whole answer. Rejects with a code (`ECONNREFUSED`, `ETIMEDOUT`, …) when there is no complete answer. */
export async function httpExchange(options: HttpOptions): Promise<HttpAnswer> {
  const { host, port, timeoutMs } = options;
  // Not AbortSignal.any: what it adds to a long-lived signal stays there for as long as that signal lives.
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    abort();
  }, timeoutMs);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted === true) abort();
  try {
    const { connect } = options;
    const stream = connect === undefined ? undefined : await untilAborted(connect({ host, port }), stop.signal);
    return await exchange(options, stream, stop.signal);
  } catch (error) {
    if (!timedOut) throw error;
    throw new TowpathError('ETIMEDOUT', `${host}:${port} did not answer within ${timeoutMs / 1000} s`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  }
}

async function untilAborted(pending: Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  let waiting = true;
  const aborted = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new DOMException('aborted', 'AbortError'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  // A connection that comes too late is nobody's: close it.
  pending.then(
    (stream) => (waiting ? undefined : stream.destroy()),
    () => {},
  );
  try {
    return await Promise.race([pending, aborted]);
  } finally {
    waiting = false;
  }
}

function exchange(options: HttpOptions, stream: Duplex | undefined, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = httpRequest({
      host: options.host,
      port: options.port,
      path: options.path,
      method: options.method ?? 'GET',
      signal,
      headers: { host: `${options.host}:${options.port}`, connection: 'close', ...options.headers },
      // The types say Socket, but any Duplex will do. Source: Node documentation, http.request, createConnection.
      ...(stream === undefined ? { agent: false } : { createConnection: () => stream as never }),
    });
    request.on('error', reject);
    request.on('response', (response) => {
      readBody(response, options.maxBodyBytes).then(
        (body) => {
          stream?.destroy();
          resolve({ status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', body });
        },
        (error: unknown) => {
          request.destroy();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
    request.end(options.body);
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) throw new TowpathError('EMSGSIZE', `the answer is longer than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
