/** Joins two streams byte for byte. */

import type { Duplex } from 'node:stream';

export interface TunnelMeter {
  /** From client to server. */
  received(bytes: number): void;
  /** From server to client. */
  sent(bytes: number): void;
}

/** An end that closes closes the other after what it sent has been delivered; resolves when both are closed. */
export function tunnel(client: Duplex, server: Duplex, meter: TunnelMeter): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const onClose = (closed: Duplex, other: Duplex) => (): void => {
      open--;
      if (open === 0) resolve();
      else if (closed.readableEnded) other.end(() => other.destroy());
      else other.destroy();
    };
    client.on('error', () => {}).on('close', onClose(client, server));
    server.on('error', () => {}).on('close', onClose(server, client));
    carry(client, server, (bytes) => meter.received(bytes));
    carry(server, client, (bytes) => meter.sent(bytes));
  });
}

/** Not `pipe`: the bytes are counted on the way, without a stream in between. */
function carry(from: Duplex, to: Duplex, count: (bytes: number) => void): void {
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (to.destroyed || to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.on('end', () => {
    if (!to.destroyed) to.end();
  });
}

/** Switches Nagle's algorithm off where the stream is a TCP socket: it would hold small messages back by 40 ms. */
export function prompt(stream: Duplex): Duplex {
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true);
  return stream;
}
