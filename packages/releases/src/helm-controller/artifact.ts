/** Fetches artifacts through the pod's own connections, so that names of the cluster are found. */

import { request, type IncomingMessage } from 'node:http';
import type { BuiltinContext } from '@towpath/api';
import { releaseError } from '../errors.ts';

const timeoutMs = 60_000;
/** Of a packed chart. */
const maxBytes = 100 * 1024 * 1024;

/** Undefined for a file that is not there. Throws `CHART_NOT_FOUND`. */
export async function fetchArtifact(
  text: string,
  { dialer, signal }: Pick<BuiltinContext, 'dialer' | 'signal'>,
): Promise<Uint8Array | undefined> {
  const url = new URL(text);
  if (url.protocol !== 'http:') throw failed(text, `the scheme ${url.protocol} is not supported`);
  const port = Number(url.port === '' ? 80 : url.port);
  const connection = await dialer.dial({ host: url.hostname.replace(/\.$/, ''), port });
  const stop = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(url, { createConnection: () => connection, agent: false, signal: stop }, resolve);
      asked.on('error', reject);
      asked.end();
    });
    if (answer.statusCode === 404) return undefined;
    if (answer.statusCode !== 200) throw failed(text, `status: ${answer.statusCode ?? 0}`);
    return await readAll(answer, text);
  } finally {
    connection.destroy();
  }
}

async function readAll(answer: IncomingMessage, url: string): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw failed(url, `it has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function failed(url: string, why: string): Error {
  return releaseError('CHART_NOT_FOUND', `failed to download archive from ${url}, ${why}`, {
    next: 'look at the source-controller that serves it',
  });
}
