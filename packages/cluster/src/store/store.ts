/** The durable store under the API server: ordered keys, atomic batches. */

/** One change of a batch; an absent value deletes. */
export interface StoreWrite {
  readonly key: string;
  readonly value: string | undefined;
}

/** Keys are compared as UTF-8 bytes and are at most 1,900 bytes long. */
export interface Store {
  get(key: string): string | undefined;
  /** Entries with `from` <= key < `to`, in order. */
  range(from: string, to: string): Iterable<readonly [key: string, value: string]>;
  /** Resolves when the whole batch is on disk; all or nothing. */
  commit(batch: readonly StoreWrite[]): Promise<void>;
  /** May be called more than once. */
  close(): Promise<void>;
}
