/** What one watcher has seen across all restarts, and whether a second one sees the same. */

import type { Connection, WatchLine } from './api-process.ts';
import type { Known, Ledger } from './ledger.ts';

interface Seen {
  readonly type: string;
  readonly rv: number;
  readonly name: string;
  readonly value: string;
}

/** The configmaps of the suite's namespace. */
export const collectionPath = '/api/v1/namespaces/default/configmaps';

/** A watcher that goes on from its last resourceVersion after each restart. */
export class History {
  readonly #ledger: Ledger;
  readonly #events: Seen[] = [];
  readonly #objects = new Map<string, Known>();
  #waiting: { rv: number; resolve: () => void } | undefined;
  #lastRv: number;

  constructor(parts: { ledger: Ledger; startRv: number }) {
    this.#ledger = parts.ledger;
    this.#lastRv = parts.startRv;
  }

  get eventCount(): number {
    return this.#events.length;
  }

  /** The objects as the events tell. */
  get objects(): ReadonlyMap<string, Known> {
    return this.#objects;
  }

  /** A resourceVersion it went through, `back` events ago. */
  rvBefore(back: number): number {
    return this.#events[Math.max(0, this.#events.length - 1 - back)]?.rv ?? this.#lastRv;
  }

  /** Follows until the connection ends. */
  async follow(connection: Connection): Promise<void> {
    try {
      for await (const line of connection.watch(`${collectionPath}?watch=1&resourceVersion=${this.#lastRv}`)) {
        this.#take(line);
      }
    } catch {
      // The server was killed.
    }
  }

  /** Resolves when it has seen an event of `rv` or later. */
  reached(rv: number): Promise<void> {
    if (this.#lastRv >= rv) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { rv, resolve };
    });
  }

  #take(line: WatchLine): void {
    if (line.type === 'ERROR') {
      this.#ledger.fail(`a watch from ${this.#lastRv} was refused: ${line.object.message ?? ''}`);
      return;
    }
    const seen = seenOf(line);
    if (seen.rv <= this.#lastRv) this.#ledger.fail(`a watch went from ${this.#lastRv} to ${seen.rv}`);
    this.#lastRv = seen.rv;
    this.#ledger.see(seen.rv);
    this.#events.push(seen);
    const isThere = this.#objects.get(seen.name) !== undefined;
    if (isThere === (seen.type === 'ADDED'))
      this.#ledger.fail(`${seen.type} ${seen.name} at ${seen.rv} is out of order`);
    this.#objects.set(seen.name, seen.type === 'DELETED' ? undefined : { value: seen.value, rv: seen.rv });
    if (this.#waiting !== undefined && this.#waiting.rv <= seen.rv) {
      this.#waiting.resolve();
      this.#waiting = undefined;
    }
  }

  /**
   * A watch from an earlier resourceVersion sees the same events up to `untilRv`, or gets 410. The number of events, or
   * `expired`.
   */
  async repeat(connection: Connection, fromRv: number, untilRv: number): Promise<number | 'expired'> {
    const expected = this.#events.filter((event) => event.rv > fromRv && event.rv <= untilRv);
    let index = 0;
    for await (const line of connection.watch(`${collectionPath}?watch=1&resourceVersion=${fromRv}`)) {
      if (line.type === 'ERROR') {
        if (line.object.code !== 410) this.#ledger.fail(`a watch from ${fromRv} got ${line.object.message ?? ''}`);
        if (index > 0) this.#ledger.fail(`a watch from ${fromRv} got 410 after ${index} events`);
        return 'expired';
      }
      const seen = JSON.stringify(seenOf(line));
      if (seen !== JSON.stringify(expected[index])) {
        this.#ledger.fail(`a watch from ${fromRv} sees ${seen}, another saw ${JSON.stringify(expected[index])}`);
        return index;
      }
      index++;
      if (index === expected.length) break;
    }
    if (index < expected.length) this.#ledger.fail(`a watch from ${fromRv} ended after ${index} of ${expected.length}`);
    return index;
  }
}

function seenOf({ type, object }: WatchLine): Seen {
  return {
    type,
    rv: Number(object.metadata?.resourceVersion),
    name: object.metadata?.name ?? '',
    value: object.data?.['value'] ?? '',
  };
}
