/** Upgrade requests: exec, attach and port-forward, over WebSocket or SPDY. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { messageOf, type Logger } from '@towpath/kit';
import type { ApiRequest } from '../http/message.ts';
import { badRequest, internalError, StatusError } from '../http/status.ts';
import type { PodConnection } from '../subresources/pod-connect.ts';
import { servePortForward } from '../streams/port-forward.ts';
import { serveSpdyTerminal } from '../streams/spdy-terminal.ts';
import { serveTerminal, terminalProtocols } from '../streams/terminal-channels.ts';

const portForwardProtocol = 'portforward.k8s.io';
const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;
const spdyTerminalProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];

export interface UpgradeConnection {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly log: Logger;
}

/**
 * Takes over the socket of an upgrade request; resolves when the connection is over. `connect` finds the pod, after
 * authentication and authorisation.
 */
export async function handleUpgrade(
  connect: (request: ApiRequest) => PodConnection | Promise<PodConnection>,
  request: ApiRequest,
  connection: UpgradeConnection,
): Promise<void> {
  try {
    const pod = await connect(request);
    const wanted = (request.headers['upgrade'] ?? '').toLowerCase();
    if (wanted === 'websocket') await overWebSocket(pod, request, connection);
    else if (wanted === 'spdy/3.1') await overSpdy(pod, request, connection);
    else throw badRequest(`unable to upgrade: unknown protocol ${JSON.stringify(wanted)}`);
  } catch (error) {
    const failure = error instanceof StatusError ? error : internalError(messageOf(error));
    connection.log.debug('upgrade refused', { path: request.path, error: failure.message });
    refuse(connection.socket, failure);
  }
}

function refuse(socket: Duplex, error: StatusError): void {
  if (socket.destroyed) return;
  const body = JSON.stringify(error.status);
  socket.end(
    `HTTP/1.1 ${error.status.code} ${error.status.reason ?? 'Error'}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function overWebSocket(pod: PodConnection, request: ApiRequest, connection: UpgradeConnection): Promise<void> {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const supported: readonly string[] = pod.kind === 'portforward' ? [tunnelProtocol] : terminalProtocols;
  const protocol = supported.find((candidate) => offered.includes(candidate));
  if (protocol === undefined)
    throw badRequest(`unable to upgrade: none of the protocols ${offered.join(', ')} is supported`);
  const socket = await acceptWebSocket(connection, protocol);
  if (pod.kind === 'portforward') {
    await servePortForward(createWebSocketStream(socket), pod.pod, pod.streams).catch(() => socket.terminate());
    return;
  }
  await serveTerminal(socket, pod, (terminal) => pod.start(terminal));
}

/** The tunnel's protocol name has a slash, which the library does not let through; the header is written here. */
function acceptWebSocket({ incoming, socket, head }: UpgradeConnection, protocol: string): Promise<WebSocket> {
  delete incoming.headers['sec-websocket-protocol'];
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: 32 * 1024 * 1024,
  });
  server.on('headers', (headers: string[]) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => {
    server.handleUpgrade(incoming, socket, head, (accepted) => resolve(accepted));
  });
}

async function overSpdy(pod: PodConnection, request: ApiRequest, connection: UpgradeConnection): Promise<void> {
  const { socket, head } = connection;
  const offered = (request.headers['x-stream-protocol-version'] ?? '').split(',').map((protocol) => protocol.trim());
  const supported = pod.kind === 'portforward' ? [portForwardProtocol] : spdyTerminalProtocols;
  const protocol = supported.find((candidate) => offered.includes(candidate));
  if (protocol === undefined)
    throw badRequest(`unable to upgrade: none of the protocols ${offered.join(', ')} is supported`);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\nx-stream-protocol-version: ${protocol}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
  if (pod.kind === 'portforward') await servePortForward(socket, pod.pod, pod.streams).catch(() => socket.destroy());
  else await serveSpdyTerminal(socket, pod, (terminal) => pod.start(terminal)).catch(() => socket.destroy());
}
