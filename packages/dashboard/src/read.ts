/** Small reads of objects of unknown shape. */

import { getIn } from '@towpath/kit';

/** The text at `path`; undefined when it is absent, empty or no text. */
export function textAt(value: unknown, path: readonly (string | number)[]): string | undefined {
  const found = getIn(value, path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The number at `path`, also from text. */
export function numberAt(value: unknown, path: readonly (string | number)[]): number | undefined {
  const found = getIn(value, path);
  if (typeof found === 'number') return found;
  return typeof found === 'string' && found !== '' && !Number.isNaN(Number(found)) ? Number(found) : undefined;
}

/** The list at `path`; empty when it is absent. */
export function listAt(value: unknown, path: readonly (string | number)[]): readonly unknown[] {
  const found = getIn(value, path);
  return Array.isArray(found) ? found : [];
}

/** Milliseconds since the epoch; undefined when the text is no time. */
export function timeMs(text: string | undefined): number | undefined {
  const parsed = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** The first seven characters of a commit, anything else unchanged. */
export function shortRevision(revision: string | undefined): string | undefined {
  return revision !== undefined && /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 7) : revision;
}
