/** What clients know: which writes were acknowledged, and which were on their way when the server was killed. */

/** The state of one object: its value and resourceVersion, or absent. */
export type Known = { readonly value: string; readonly rv: number } | undefined;

/** What a write asked for; `undefined` is a deletion. */
export interface Attempt {
  readonly name: string;
  readonly value: string | undefined;
}

/** The objects of one namespace as its clients know them. Each object has one writer. */
export class Ledger {
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Attempt>();
  readonly violations: string[] = [];
  /** Acknowledged writes. */
  writes = 0;
  /** Acknowledged writes that a restart was checked for. */
  checked = 0;
  #uncheckedWrites = 0;
  /** The highest resourceVersion any client saw. */
  highestRv = 0;

  known(name: string): Known {
    return this.#known.get(name);
  }

  /** To be called before the request is sent. */
  begin(attempt: Attempt): void {
    this.#pending.set(attempt.name, attempt);
  }

  /** The answer came: it counts. */
  acknowledge(attempt: Attempt, rv: number): void {
    this.#pending.delete(attempt.name);
    this.#known.set(attempt.name, attempt.value === undefined ? undefined : { value: attempt.value, rv });
    this.see(rv);
    this.writes++;
    this.#uncheckedWrites++;
  }

  /** A client saw this resourceVersion. */
  see(rv: number): void {
    this.highestRv = Math.max(this.highestRv, rv);
  }

  fail(text: string): void {
    this.violations.push(text);
  }

  /** Compares with what a restarted server has, and takes that over. */
  reconcile(found: ReadonlyMap<string, Known>, serverRv: number): void {
    if (serverRv < this.highestRv) this.fail(`the resourceVersion went back from ${this.highestRv} to ${serverRv}`);
    for (const name of new Set([...this.#known.keys(), ...this.#pending.keys(), ...found.keys()])) {
      const before = this.#known.get(name);
      const now = found.get(name);
      const pending = this.#pending.get(name);
      const isBefore = before?.value === now?.value && before?.rv === now?.rv;
      // A write without an answer may have happened; then its resourceVersion is a new one.
      const isAfter =
        pending !== undefined && now?.value === pending.value && (now === undefined || now.rv > (before?.rv ?? 0));
      if (!isBefore && !isAfter) {
        this.fail(
          `${name} is ${textOf(now)}, acknowledged was ${textOf(before)}, on its way ${pending?.value ?? 'nothing'}`,
        );
      }
      this.#known.set(name, now);
    }
    this.#pending.clear();
    this.see(serverRv);
    this.checked += this.#uncheckedWrites;
    this.#uncheckedWrites = 0;
  }
}

function textOf(known: Known): string {
  return known === undefined ? 'absent' : `${known.value} at ${known.rv}`;
}
