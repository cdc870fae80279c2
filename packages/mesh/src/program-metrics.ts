/** The metrics of a sidecar's program, where the pod's annotations said before injection. */

import { request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BuiltinContext, SidecarHost } from '@towpath/api';
import { isRecord, messageOf } from '@towpath/kit';
import { programMetricsVariable } from './istiod/injection.ts';

/** Less than the scrape's own limit, so that a slow program does not take the sidecar's metrics with it. */
const limitMs = 2000;
const maxBytes = 8 << 20;

/** Reads them; a program that does not answer leaves an empty text. Undefined when there are none to read. */
export function programMetricsReader(context: BuiltinContext, host: SidecarHost): (() => Promise<string>) | undefined {
  const place = placeOf(context.env[programMetricsVariable]);
  if (place === undefined) return undefined;
  return async () => {
    try {
      return await read(await host.dialLocal(place.port), place.path);
    } catch (error) {
      context.log.debug('no metrics of the program', { ...place, error: messageOf(error) });
      return '';
    }
  };
}

function placeOf(text: string | undefined): { port: number; path: string } | undefined {
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) return undefined;
  const port = Number(value['port']);
  return Number.isInteger(port) ? { port, path: String(value['path'] ?? '/metrics') } : undefined;
}

function read(stream: Duplex, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    const signal = AbortSignal.timeout(limitMs);
    const headers = { host: 'localhost', connection: 'close' };
    const request = httpRequest({ path, headers, signal, createConnection: () => stream }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > maxBytes) response.destroy(new Error(`more than ${maxBytes} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        stream.destroy();
        if (response.statusCode === 200) resolve(body === '' || body.endsWith('\n') ? body : `${body}\n`);
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.on('error', reject);
    request.end();
  });
}
