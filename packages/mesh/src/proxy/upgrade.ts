/** Upgraded connections (WebSocket): the request is sent on as it is, what follows is joined byte for byte. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@towpath/kit';
import type { Subject } from '../telemetry/labels.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { tunnel } from './tunnel.ts';

export interface UpgradeOptions {
  readonly request: IncomingMessage;
  readonly stream: Duplex;
  /** Bytes that followed the head. */
  readonly first: Buffer;
  readonly path: string;
  readonly authority: string;
  readonly dial: () => Promise<Duplex>;
  readonly subject: Subject;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Resolves when the connection has ended; it is counted as one request. */
export async function forwardUpgrade(options: UpgradeOptions): Promise<void> {
  const { stream, first, clock, telemetry, subject } = options;
  const startedMs = clock.monotonicMs();
  let responseCode = 0;
  let requestBytes = 0;
  let responseBytes = 0;
  const record = (flags: string): void => {
    const measures = { durationMs: clock.monotonicMs() - startedMs, requestBytes, responseBytes };
    telemetry.request(subject, { protocol: 'http', responseCode, grpcStatus: undefined, flags }, measures);
  };
  stream.on('error', () => {});
  let server: Duplex;
  try {
    server = await options.dial();
  } catch {
    responseCode = 503;
    stream.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    record('UF');
    return;
  }
  server.once('data', (chunk: Buffer) => {
    responseCode = Number(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1', 0, 12))?.[1] ?? 0);
  });
  server.write(headText(options));
  if (first.length > 0) server.write(first);
  await tunnel(stream, server, {
    received: (bytes) => {
      requestBytes += bytes;
    },
    sent: (bytes) => {
      responseBytes += bytes;
    },
  });
  record(responseCode === 0 ? 'UC' : '-');
}

function headText({ request, path, authority }: UpgradeOptions): string {
  const lines = [`${request.method ?? 'GET'} ${path} HTTP/1.1`];
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    lines.push(`${name}: ${name.toLowerCase() === 'host' ? authority : (rawHeaders[index + 1] ?? '')}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
