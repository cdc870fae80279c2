/** Lifetimes: what was started last ends first, and every end is tried. */

/** Something with an end. */
export interface Disposable {
  dispose(): void | Promise<void>;
}

/** Collects ends and runs them in reverse order, once. */
export class Disposer implements Disposable {
  #ends: (() => void | Promise<void>)[] = [];
  #disposed: Promise<void> | undefined;

  add(end: Disposable | (() => void | Promise<void>)): void {
    this.#ends.push(typeof end === 'function' ? end : () => end.dispose());
  }

  /** Adds `thing` and returns it. */
  own<Thing extends Disposable>(thing: Thing): Thing {
    this.add(thing);
    return thing;
  }

  /** Ends everything in reverse order; throws the first failure after all were tried. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#run();
    return this.#disposed;
  }

  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (const end of this.#ends.reverse()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#ends = [];
    if (failures.length > 0) throw failures[0];
  }
}
