/** `fetch` over TLS with certificates of one's own, which Node's cannot be given. */

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';

export interface Certificates {
  /** Accepted beside those of the system; PEM. */
  readonly ca?: string;
  /** Shown to the server, with its key; PEM. */
  readonly cert?: string;
  readonly key?: string;
}

/** Redirects are not followed but given back; plain http is as it is. */
export function tlsFetch({ ca, cert, key }: Certificates): typeof fetch {
  const tls = {
    ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = Object.fromEntries(new Headers(init.headers));
    const { signal, method = 'GET', body } = init;
    return new Promise<Response>((resolve, reject) => {
      const request = send(url, { method, headers, ...tls, ...(signal != null && { signal }) }, (answer) => {
        const { statusCode: status = 500 } = answer;
        const isEmpty = status === 204 || status === 304 || method === 'HEAD';
        if (isEmpty) answer.resume();
        const given = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
          values.map((value): [string, string] => [name, value]),
        );
        const content = isEmpty ? null : (Readable.toWeb(answer) as unknown as ReadableStream<Uint8Array>);
        const response = new Response(content, { status, headers: given });
        // A response that was made here has no address, which pages of tags and uploads are relative to.
        Object.defineProperty(response, 'url', { value: url.href });
        resolve(response);
      });
      request.once('error', reject);
      if (body == null) request.end();
      else if (body instanceof ReadableStream) Readable.fromWeb(body as never).pipe(request);
      else request.end(body as string | Uint8Array);
    });
  };
}
