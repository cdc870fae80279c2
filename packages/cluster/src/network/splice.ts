/** Joins two streams, both ways, half-closed ends included. */

import type { Duplex } from 'node:stream';

/** Bytes of each flow to the other until both have ended; one that breaks off takes the other with it. */
export function splice(left: Duplex, right: Duplex): void {
  couple(left, right);
  couple(right, left);
  left.pipe(right);
  right.pipe(left);
}

function couple(stream: Duplex, other: Duplex): void {
  stream.on('error', () => other.destroy());
  stream.on('close', () => {
    // After a clean end the pipe has already ended the other side, which may still be writing.
    if (!stream.readableEnded || !stream.writableFinished) other.destroy();
  });
  if (stream.destroyed) other.destroy();
}
