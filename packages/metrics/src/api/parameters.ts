/** The parameters of API requests: query string and form body, with Prometheus' way of reading times. */

import type { IncomingMessage } from 'node:http';
import { metricsError } from '../errors.ts';
import { parseDuration } from '../promql/literals.ts';

/** A form body longer than this is refused. */
const maxFormBytes = 1024 * 1024;

/** Query string and, for POST, form body joined. Throws `METRICS_BAD_PARAMETER`. */
export async function readParameters(request: IncomingMessage, url: URL): Promise<URLSearchParams> {
  const parameters = new URLSearchParams(url.searchParams);
  if (request.method !== 'POST') return parameters;
  let body = '';
  for await (const chunk of request) {
    body += (chunk as Buffer).toString('utf8');
    if (body.length > maxFormBytes) throw metricsError('METRICS_BAD_PARAMETER', 'the form is longer than 1 MiB');
  }
  for (const [name, value] of new URLSearchParams(body)) parameters.append(name, value);
  return parameters;
}

/** A time as seconds or RFC 3339, in milliseconds; `fallbackMs` when absent. */
export function timeParameter(parameters: URLSearchParams, name: string, fallbackMs?: number): number {
  const text = parameters.get(name);
  if (text === null || text === '') {
    if (fallbackMs !== undefined) return fallbackMs;
    throw bad(name, `cannot parse "" to a valid timestamp`);
  }
  const seconds = Number(text);
  const ms = Number.isNaN(seconds) ? Date.parse(text) : Math.round(seconds * 1000);
  if (!Number.isFinite(ms)) throw bad(name, `cannot parse "${text}" to a valid timestamp`);
  return ms;
}

/** A duration as seconds or `5m`, in milliseconds; undefined when absent. */
export function durationParameter(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null || text === '') return undefined;
  const seconds = Number(text);
  const ms = Number.isNaN(seconds) ? parseDuration(text) : Math.round(seconds * 1000);
  if (ms === undefined || !Number.isFinite(ms)) throw bad(name, `cannot parse "${text}" to a valid duration`);
  return ms;
}

/** `limit`; Infinity when absent or 0. */
export function limitParameter(parameters: URLSearchParams): number {
  const text = parameters.get('limit');
  if (text === null || text === '' || text === '0') return Infinity;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) throw bad('limit', 'limit must be non-negative');
  return limit;
}

/** An error about one parameter, as Prometheus words it. */
export function bad(name: string, what: string): Error {
  return metricsError('METRICS_BAD_PARAMETER', `invalid parameter "${name}": ${what}`);
}
