/** Two streams joined in memory that end together, as the two ends of a socket do. */

import { duplexPair, type Duplex } from 'node:stream';

/**
 * What one writes the other reads. Node's own pair does not tell one end that the other was destroyed, which would
 * leave a cancelled request running on the far side.
 */
export function linkedPair(): [Duplex, Duplex] {
  const [left, right] = duplexPair();
  link(left, right);
  link(right, left);
  return [left, right];
}

function link(gone: Duplex, other: Duplex): void {
  gone.on('error', () => {});
  gone.on('close', () => {
    // After a clean end the other side still has the last bytes to read.
    if (gone.writableFinished && !other.readableEnded) other.once('end', () => other.destroy());
    else other.destroy();
  });
}
