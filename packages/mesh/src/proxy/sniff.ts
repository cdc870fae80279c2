/** Finds out what a connection speaks from its first bytes, and puts them back. */

import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@towpath/kit';

export type Spoken = 'http1' | 'http2' | 'bytes';

const http2Preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const methods = ['GET ', 'HEAD ', 'POST ', 'PUT ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'TRACE ', 'CONNECT '];
/** More than the longest method and the start of the preface. */
const enoughBytes = 16;

/**
 * `waitMs` limits the wait for the first byte, after which the server may be the one to speak first (`bytes`);
 * undefined waits as long as the connection lasts.
 */
export function sniff(stream: Duplex, options: { clock: Clock; waitMs: number | undefined }): Promise<Spoken> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    let timer: Timer | undefined;
    const finish = (spoken: Spoken): void => {
      timer?.cancel();
      stream.off('readable', onReadable);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      if (seen.length > 0) stream.unshift(seen);
      resolve(spoken);
    };
    const onEnd = (): void => finish('bytes');
    const onReadable = (): void => {
      const chunk = stream.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const spoken = classify(seen);
      if (spoken !== undefined) finish(spoken);
    };
    if (options.waitMs !== undefined) timer = options.clock.startTimer(options.waitMs, () => finish('bytes'));
    stream.on('readable', onReadable);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
  });
}

/** Undefined while the bytes could still become either. */
function classify(bytes: Buffer): Spoken | undefined {
  const start = bytes.toString('latin1', 0, enoughBytes);
  if (http2Preface.startsWith(start) && start.length < enoughBytes) return start.length >= 3 ? 'http2' : undefined;
  if (http2Preface.startsWith(start)) return 'http2';
  if (methods.some((method) => start.startsWith(method))) return 'http1';
  return methods.some((method) => method.startsWith(start)) ? undefined : 'bytes';
}
