/** Fetches what a source-controller serves, through the pod's own connections, so that names of the cluster are found. */

import { request, type IncomingMessage } from 'node:http';
import type { Dialer } from '@towpath/api';
import { TowpathError } from '@towpath/kit';

const timeoutMs = 60_000;
/** Of a packed artifact. */
const maxBytes = 256 * 1024 * 1024;

/** The bytes at an artifact's URL; undefined when the server says 404. Throws `ARTIFACT_UNAVAILABLE`. */
export async function fetchArtifactFile(
  text: string,
  { dialer, signal }: { readonly dialer: Dialer; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const url = new URL(text);
  const port = Number(url.port === '' ? 80 : url.port);
  if (url.protocol !== 'http:') throw failed(text, `the scheme ${url.protocol} is not supported`);
  const connection = await dialer.dial({ host: url.hostname.replace(/\.$/, ''), port });
  const stop = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      // With an agent, were it only a new one, Node makes the connection itself; a Duplex will do for a Socket.
      const asked = request(url, { createConnection: () => connection as never, signal: stop }, resolve);
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
  let sizeBytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > maxBytes) throw failed(url, `it has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function failed(url: string, why: string): TowpathError {
  return new TowpathError('ARTIFACT_UNAVAILABLE', `failed to download artifact from ${url}, ${why}`, {
    next: 'look at the source-controller that serves it',
  });
}
