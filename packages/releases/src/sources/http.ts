/** GET over HTTP with the options helm has for it: credentials, client certificates, own authorities. */

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { messageOf } from '@towpath/kit';
import { releaseError } from '../errors.ts';

export interface HttpOptions {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Credentials also go to other hosts than the one of the repository. */
  readonly passCredentials?: boolean;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Fetches a whole body. Throws `REPOSITORY_UNREACHABLE` naming the URL without credentials. */
export type HttpGet = (url: string, options: HttpOptions) => Promise<Buffer>;

const limits = { redirects: 5, bytes: 100 * 1024 * 1024, timeoutMs: 60_000 } as const;

export const httpGet: HttpGet = (url, options) => get(new URL(url), options, new URL(url).host, 0);

async function get(url: URL, options: HttpOptions, trustedHost: string, redirects: number): Promise<Buffer> {
  const response = await send(url, options, trustedHost);
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
    response.resume();
    if (redirects >= limits.redirects) throw unreachable(url, `more than ${limits.redirects} redirects`);
    return get(new URL(headers.location, url), options, trustedHost, redirects + 1);
  }
  const body = await readBody(url, response);
  if (statusCode === 200) return body;
  throw unreachable(url, `failed to fetch ${shown(url)} : ${statusCode} ${response.statusMessage ?? ''}`.trim());
}

function send(url: URL, options: HttpOptions, trustedHost: string): Promise<IncomingMessage> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw releaseError('REPOSITORY_INVALID', `could not find protocol handler for: ${url.protocol.slice(0, -1)}`, {
      next: 'use an http, https or oci address',
    });
  }
  const { ca, cert, key, signal } = options;
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  // A redirect, or a chart address in an index, must not carry the credentials to somebody else.
  const trusted = url.host === trustedHost || options.passCredentials === true;
  const authorized = trusted && (username !== '' || password !== '');
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        headers: {
          'user-agent': 'towpath',
          ...(authorized && { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }),
        },
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        ...(options.insecure === true && { rejectUnauthorized: false }),
        ...(signal !== undefined && { signal }),
        timeout: limits.timeoutMs,
      },
      resolve,
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${limits.timeoutMs / 1000} s`)));
    request.on('error', (error) => reject(unreachable(url, `${shown(url)}: ${messageOf(error)}`, error)));
    request.end();
  });
}

async function readBody(url: URL, response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk as Uint8Array);
    sizeBytes += bytes.length;
    if (sizeBytes > limits.bytes) {
      response.destroy();
      throw unreachable(url, `${shown(url)} is larger than ${limits.bytes / 1024 / 1024} MiB`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function unreachable(url: URL, message: string, cause?: unknown): Error {
  return releaseError('REPOSITORY_UNREACHABLE', message, {
    next: `check the address ${shown(url)}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Without credentials. */
function shown(url: URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy.href;
}
