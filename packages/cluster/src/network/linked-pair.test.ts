import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { linkedPair } from './linked-pair.ts';

/** Reads to the end and leaves the stream open. */
function text(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    let all = '';
    stream.on('data', (chunk) => (all += String(chunk)));
    stream.on('end', () => resolve(all));
  });
}

describe('a linked pair', () => {
  it('carries bytes both ways and half-closed ends', async () => {
    const [left, right] = linkedPair();
    left.end('ping');
    const ping = await text(right);
    right.end('pong');

    expect([ping, await text(left)]).toEqual(['ping', 'pong']);
  });

  it('closes the other end of one that is destroyed', async () => {
    const [left, right] = linkedPair();
    left.destroy();
    await once(right, 'close');

    expect(right.destroyed).toBe(true);
  });

  it('lets the other end read what was sent before a clean close', async () => {
    const [left, right] = linkedPair();
    left.end('last words', () => left.destroy());
    const closed = once(right, 'close');

    expect(await text(right)).toBe('last words');
    await closed;
  });
});
