/** A controller: keys in, reconcile out, one run per key at a time, retried with backoff. */

import { keyText, type Key, type KubeObject } from '@towpath/api';
import { backoffMs, isAbort, messageOf, type Clock, type Disposable, type Logger, type Timer } from '@towpath/kit';
import { isConflict } from './api-error.ts';
import type { Informer } from './informer.ts';

/** What a reconcile asks for next. */
export type Result =
  | { readonly type: 'done' }
  | { readonly type: 'requeue'; readonly afterMs: number }
  | { readonly type: 'terminal'; readonly error: unknown };

/** Nothing to do until something changes. */
export function done(): Result {
  return { type: 'done' };
}

/** Run again after a while. */
export function requeue(options: { afterMs: number }): Result {
  return { type: 'requeue', afterMs: options.afterMs };
}

/** Failed in a way that trying again cannot mend; logged, and run again only on a change. */
export function terminal(error: unknown): Result {
  return { type: 'terminal', error };
}

export interface ControllerOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A thrown error means: again, with exponential backoff. */
  readonly reconcile: (key: Key, signal: AbortSignal) => Promise<Result>;
  /** How many keys at once; default 4. */
  readonly concurrency?: number;
  /** Every watched object is enqueued again this often; default never. */
  readonly resyncMs?: number;
  readonly backoff?: { readonly firstMs: number; readonly maxMs: number };
}

export interface Controller extends Disposable {
  /** Adds a key; while it runs it is remembered and run once more. An earlier time wins. */
  enqueue(key: Key, afterMs?: number): void;
  /** Enqueues `keysOf(object)` for every change. */
  watch<Object extends KubeObject>(informer: Informer<Object>, keysOf: (object: Object) => readonly Key[]): void;
  start(): void;
  /** Resolves when nothing is queued for now and nothing runs (delayed keys do not count). */
  idle(): Promise<void>;
}

const defaultBackoff = { firstMs: 100, maxMs: 60_000 } as const;

/** Level-based: the key is the only input, the reason for the call is not passed on. */
export function createController(options: ControllerOptions): Controller {
  return new QueueController(options);
}

class QueueController implements Controller {
  readonly #options: ControllerOptions;
  readonly #stop = new AbortController();
  readonly #ready: string[] = [];
  readonly #keys = new Map<string, Key>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { timer: Timer; atMs: number }>();
  readonly #ends: (() => void)[] = [];
  readonly #informers: { list: () => readonly Key[] }[] = [];
  #idleWaiters: (() => void)[] = [];
  #started = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  enqueue(key: Key, afterMs = 0): void {
    if (this.#stop.signal.aborted) return;
    const name = keyText(key);
    this.#keys.set(name, key);
    const { clock } = this.#options;
    if (afterMs > 0) {
      const atMs = clock.monotonicMs() + afterMs;
      const waiting = this.#delayed.get(name);
      if (waiting !== undefined && waiting.atMs <= atMs) return;
      waiting?.timer.cancel();
      const timer = clock.startTimer(afterMs, () => {
        this.#delayed.delete(name);
        this.enqueue(key);
      });
      this.#delayed.set(name, { timer, atMs });
      return;
    }
    this.#delayed.get(name)?.timer.cancel();
    this.#delayed.delete(name);
    if (this.#running.has(name)) this.#dirty.add(name);
    else if (!this.#ready.includes(name)) this.#ready.push(name);
    this.#pump();
  }

  watch<Object extends KubeObject>(informer: Informer<Object>, keysOf: (object: Object) => readonly Key[]): void {
    this.#informers.push({ list: () => informer.list().flatMap((object) => keysOf(object)) });
    const end = informer.onChange((event) => {
      for (const key of keysOf(event.object)) this.enqueue(key);
      if (event.previous !== undefined) for (const key of keysOf(event.previous)) this.enqueue(key);
    });
    this.#ends.push(end);
  }

  start(): void {
    this.#started = true;
    this.#scheduleResync();
    this.#pump();
  }

  async idle(): Promise<void> {
    if (this.#ready.length === 0 && this.#running.size === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  async dispose(): Promise<void> {
    this.#stop.abort();
    for (const end of this.#ends) end();
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#ready.length = 0;
    await Promise.all(this.#running.values());
  }

  #scheduleResync(): void {
    const { resyncMs, clock } = this.#options;
    if (resyncMs === undefined) return;
    const timer = clock.startTimer(resyncMs, () => {
      for (const { list } of this.#informers) for (const key of list()) this.enqueue(key);
      this.#scheduleResync();
    });
    this.#ends.push(() => timer.cancel());
  }

  #pump(): void {
    if (!this.#started || this.#stop.signal.aborted) return;
    const limit = this.#options.concurrency ?? 4;
    while (this.#running.size < limit) {
      const name = this.#ready.shift();
      if (name === undefined) break;
      const key = this.#keys.get(name);
      if (key === undefined) continue;
      // Started in a later turn: a reconcile that enqueues its own key must find itself running.
      const run = Promise.resolve()
        .then(() => this.#reconcile(name, key))
        .finally(() => this.#finish(name, key));
      this.#running.set(name, run);
    }
  }

  #finish(name: string, key: Key): void {
    this.#running.delete(name);
    if (this.#dirty.delete(name)) this.enqueue(key);
    this.#pump();
    if (this.#ready.length > 0 || this.#running.size > 0) return;
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  async #reconcile(name: string, key: Key): Promise<void> {
    const { reconcile, log } = this.#options;
    try {
      const result = await reconcile(key, this.#stop.signal);
      this.#failures.delete(name);
      if (result.type === 'requeue') this.enqueue(key, Math.max(1, result.afterMs));
      if (result.type === 'terminal') {
        log.error('reconcile gave up', { controller: this.#options.name, key: name, error: messageOf(result.error) });
      }
    } catch (error) {
      if (this.#stop.signal.aborted || isAbort(error)) return;
      const failures = (this.#failures.get(name) ?? 0) + 1;
      this.#failures.set(name, failures);
      // A conflict is the ordinary end of a stale read: not worth an operator's attention.
      const level = isConflict(error) ? 'debug' : 'warn';
      log[level]('reconcile failed', { controller: this.#options.name, key: name, failures, error: messageOf(error) });
      this.enqueue(key, backoffMs(failures, this.#options.backoff ?? defaultBackoff));
    }
  }
}
