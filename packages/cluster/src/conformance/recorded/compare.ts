/** Where two answers differ, and which differences are known. */

import { isRecord, jsonEqual } from '@towpath/kit';
import type { Answer } from './play.ts';

/** One leaf that differs; absent values are undefined. */
export interface Difference {
  /** The step's id. */
  readonly step: string;
  /** e.g. `body.spec.containers.0.image`, `status`, `headers.warning`. */
  readonly at: string;
  readonly recorded: unknown;
  readonly ours: unknown;
}

/** A difference that stays, and why. */
export interface KnownDifference {
  /** A step's id; `*` stands for anything. */
  readonly step: string;
  /** Places of differences; `*` stands for anything. */
  readonly at: string;
  readonly reason: string;
}

/** What a comparison of all answers found. */
export interface Comparison {
  readonly identical: number;
  /** Requests whose every difference is in the list. */
  readonly listed: number;
  /** Differences that are not in the list. */
  readonly open: readonly Difference[];
  /** Entries of the list nothing was found for. */
  readonly unused: readonly KnownDifference[];
}

/** Compares our answers with the recorded ones, by step id. */
export function compareAll(
  recordings: ReadonlyMap<string, Answer>,
  ours: ReadonlyMap<string, Answer>,
  entries: readonly KnownDifference[],
): Comparison {
  const known = new KnownDifferences(entries);
  const open: Difference[] = [];
  let identical = 0;
  let listed = 0;
  for (const [id, answer] of ours) {
    const expected = recordings.get(id);
    if (expected === undefined) {
      open.push({ step: id, at: 'recording', recorded: undefined, ours: 'not recorded: run with --record' });
      continue;
    }
    const found = differences(id, expected, answer);
    const unknown = found.filter((difference) => !known.has(difference));
    if (found.length === 0) identical += 1;
    else if (unknown.length === 0) listed += 1;
    open.push(...unknown);
  }
  return { identical, listed, open, unused: known.unused() };
}

/** All leaves in which `ours` is not what was recorded. */
function differences(step: string, recorded: Answer, ours: Answer): Difference[] {
  const found: Difference[] = [];
  const visit = (at: string, a: unknown, b: unknown): void => {
    if (jsonEqual(a, b)) return;
    if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
      for (const [index, item] of a.entries()) visit(`${at}.${index}`, item, b[index]);
    } else if (isRecord(a) && isRecord(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) visit(`${at}.${key}`, a[key], b[key]);
    } else {
      found.push({ step, at, recorded: a, ours: b });
    }
  };
  visit('status', recorded.status, ours.status);
  visit('headers', recorded.headers, ours.headers);
  visit('body', recorded.body, ours.body);
  return found;
}

/** Tells known differences, and which entries of the list were used. */
class KnownDifferences {
  readonly #entries: readonly { entry: KnownDifference; step: RegExp; at: RegExp }[];
  readonly #used = new Set<KnownDifference>();

  constructor(entries: readonly KnownDifference[]) {
    this.#entries = entries.map((entry) => ({ entry, step: glob(entry.step), at: glob(entry.at) }));
  }

  /** True when the list has an entry for it. */
  has(difference: Difference): boolean {
    const found = this.#entries.filter(({ step, at }) => step.test(difference.step) && at.test(difference.at));
    for (const { entry } of found) this.#used.add(entry);
    return found.length > 0;
  }

  /** Entries nothing was found for: they must go. */
  unused(): KnownDifference[] {
    return this.#entries.map(({ entry }) => entry).filter((entry) => !this.#used.has(entry));
  }
}

function glob(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`);
}
