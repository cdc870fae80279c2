/** A web server for fixed answers: a chart repository, a metrics store. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Disposable } from '@towpath/kit';

export interface StaticServer extends Disposable {
  readonly url: string;
}

/** `answer` gets the path without its query; undefined is 404. */
export async function startStaticServer(
  answer: (path: string) => string | Uint8Array | undefined,
): Promise<StaticServer> {
  const server = createServer((request, response) => {
    request.resume();
    const body = answer(new URL(request.url ?? '/', 'http://server').pathname);
    response.writeHead(body === undefined ? 404 : 200);
    response.end(body ?? 'not found');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async dispose() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that are told a number. */
export async function freePort(): Promise<number> {
  const server = await startStaticServer(() => undefined);
  await server.dispose();
  return Number(new URL(server.url).port);
}
