/** Who owns whom among all objects of the cluster: the garbage collector's picture. */

import type { OwnerReference, ResourceType } from '@towpath/api';

/** One object, reduced to what collection needs. */
export interface Entry {
  readonly uid: string;
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly finalizers: readonly string[];
  readonly isDeleting: boolean;
}

/** Entries by uid, with the reverse of their owner references. */
export class GarbageGraph {
  readonly #entries = new Map<string, Entry>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Entry | undefined {
    return this.#entries.get(uid);
  }

  /** Uids of the objects that name `uid` as an owner. */
  dependentsOf(uid: string): Entry[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#entries.get(dependent) ?? []);
  }

  set(entry: Entry): void {
    this.remove(entry.uid);
    this.#entries.set(entry.uid, entry);
    for (const owner of entry.owners) {
      const dependents = this.#dependents.get(owner.uid) ?? new Set<string>();
      dependents.add(entry.uid);
      this.#dependents.set(owner.uid, dependents);
    }
  }

  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    for (const owner of entry.owners) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}
