/** HTTP servers on a pod's virtual address, where nothing is bound on the host. */

import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { PodNetwork } from '@towpath/api';

/** Serves `listener` on `port` of the pod; with `tls`, over HTTPS. */
export function listenHttp(
  network: PodNetwork,
  port: number,
  listener: RequestListener,
  tls?: { readonly key: string; readonly cert: string },
): { close(): void } {
  const server = tls === undefined ? createHttp(listener) : createHttps(tls, listener);
  const listening = network.listen(port, ({ stream }) => {
    stream.on('error', () => {});
    server.emit('connection', stream);
  });
  return {
    close() {
      listening.close();
      server.closeAllConnections();
    },
  };
}
