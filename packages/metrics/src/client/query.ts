/** Asks a Prometheus server for the present value of a query. */

import { getIn, isRecord, messageOf } from '@towpath/kit';
import { metricsError } from '../errors.ts';
import { httpExchange, type Connect } from '../http/exchange.ts';

export interface InstantQuery {
  /** e.g. `http://prometheus:9090` */
  readonly address: string;
  readonly query: string;
  /** Absent: connections of the system. */
  readonly connect?: Connect | undefined;
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface InstantSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Flagger's client waits this long. */
const defaultTimeoutMs = 5000;
const maxAnswerBytes = 8 * 1024 * 1024;

/** The samples of an instant vector or scalar. Throws `METRICS_QUERY_FAILED` when there is no valid answer. */
export async function queryInstant(options: InstantQuery): Promise<InstantSample[]> {
  const { address, query } = options;
  const url = parseAddress(address);
  const path = `${url.pathname.replace(/\/$/, '')}/api/v1/query?query=${encodeURIComponent(query)}`;
  let response: Awaited<ReturnType<typeof httpExchange>>;
  try {
    response = await httpExchange({
      host: url.hostname,
      port: url.port === '' ? 80 : Number(url.port),
      path,
      headers: { accept: 'application/json', ...options.headers },
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      maxBodyBytes: maxAnswerBytes,
      connect: options.connect,
      signal: options.signal,
    });
  } catch (error) {
    throw failed(`request failed: ${messageOf(error)}`, address, error);
  }
  if (response.status >= 400) {
    throw failed(`error response: Status ${response.status}: ${response.body.slice(0, 500)}`, address);
  }
  let body: unknown;
  try {
    body = JSON.parse(response.body);
  } catch (error) {
    throw failed('the answer is no JSON', address, error);
  }
  return samplesOf(body, address);
}

function parseAddress(address: string): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch (error) {
    throw failed('this is no URL', address, error);
  }
  if (url.protocol !== 'http:') throw failed(`${url.protocol}// is not supported, only http://`, address);
  return url;
}

function samplesOf(body: unknown, address: string): InstantSample[] {
  const type = getIn(body, ['data', 'resultType']);
  const result = getIn(body, ['data', 'result']);
  if (type === 'scalar' && Array.isArray(result)) return [{ labels: {}, value: parseValue(result[1]) }];
  if (type !== 'vector' || !Array.isArray(result)) {
    throw failed(type === 'matrix' ? 'query returned multiple values' : `unexpected result ${String(type)}`, address);
  }
  return result.filter(isRecord).map((one) => {
    const metric = isRecord(one['metric']) ? one['metric'] : {};
    const labels = Object.fromEntries(Object.entries(metric).map(([name, value]) => [name, String(value)]));
    return { labels, value: parseValue(getIn(one, ['value', 1])) };
  });
}

function parseValue(value: unknown): number {
  if (value === '+Inf') return Infinity;
  if (value === '-Inf') return -Infinity;
  return value === undefined ? NaN : Number(value);
}

function failed(what: string, address: string, cause?: unknown): Error {
  return metricsError('METRICS_QUERY_FAILED', `${what} (metrics server ${address})`, {
    next: 'check that the metrics server runs and that its address is right',
    ...(cause !== undefined && { cause }),
  });
}
