/** Upgrade requests: exec, attach and port-forward. */

import type { Duplex } from 'node:stream';
import type { Logger } from '@towpath/kit';
import type { ApiRequest } from '../http/message.ts';
import type { ApiServer } from '../server.ts';

/** Takes over the socket of an upgrade request. */
export async function handleUpgrade(
  _server: ApiServer,
  _request: ApiRequest,
  connection: { socket: Duplex; head: Buffer; log: Logger },
): Promise<void> {
  connection.socket.end('HTTP/1.1 501 Not Implemented\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
}
