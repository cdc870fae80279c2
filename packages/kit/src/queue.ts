/** A bounded first-in first-out queue that is read with `for await`. */

/** Ends the iteration when closed; `push` beyond `limit` drops the queue and fails the reader. */
export class AsyncQueue<Item> implements AsyncIterable<Item> {
  readonly #limit: number;
  #items: Item[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: unknown;

  constructor(options: { limit: number }) {
    this.#limit = options.limit;
  }

  get length(): number {
    return this.#items.length;
  }

  /** False when the queue is closed, or was closed because it was full. */
  push(item: Item): boolean {
    if (this.#closed) return false;
    if (this.#items.length >= this.#limit) {
      this.fail(new Error(`queue is full (${this.#limit} items): the reader is too slow`));
      return false;
    }
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /** Closes; the reader gets `error` after the items that are already queued. */
  fail(error: unknown): void {
    this.#failure = error;
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const batch = this.#items;
      this.#items = [];
      yield* batch;
      if (this.#items.length > 0) continue;
      if (this.#closed) {
        if (this.#failure !== undefined) throw this.#failure;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
