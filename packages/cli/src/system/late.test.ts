/** A part that is not there yet. */

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { late, lateDialer } from './late.ts';

describe('late', () => {
  it('says what is missing until the part is there, then passes calls on with their receiver', () => {
    class Counter {
      #count = 0;
      add(by: number): number {
        this.#count += by;
        return this.#count;
      }
    }
    const counter = late<{ add(by: number): number }>('the counter', ['add']);

    expect(() => counter.part.add(1)).toThrow(
      expect.objectContaining({ code: 'NOT_STARTED', message: 'the counter is not started yet' }),
    );
    counter.set(new Counter());

    expect([counter.part.add(1), counter.part.add(2)]).toEqual([1, 3]);
  });

  it('dials once there is a network', async () => {
    const dialer = lateDialer();
    const stream = new PassThrough();

    expect(() => dialer.part.dial({ host: 'a.b', port: 80 })).toThrow('the network is not started yet');
    dialer.set({ dial: async () => stream });

    expect(await dialer.part.dial({ host: 'a.b', port: 80 })).toBe(stream);
  });
});
