/** How much a value comes to when it is written out or copied: what is shared counts as often as it is met. */

import { LimitError } from '../errors.ts';

/** A value that holds itself would never end. */
const depthMax = 1000;
/** A list in a list in a list … each twice, doubles with every level. */
const itemsMax = 2_000_000;

/** Throws `LimitError` for a value that is too deep or too large to be walked through. */
export function checkExtent(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  walk(value, 0, { items: 0 });
}

function walk(value: unknown, depth: number, seen: { items: number }): void {
  if (!Array.isArray(value) && !(value instanceof Map)) return;
  if (depth > depthMax) throw new LimitError(`a value is nested more than ${depthMax} levels deep`);
  seen.items += Array.isArray(value) ? value.length : value.size;
  if (seen.items > itemsMax) throw new LimitError(`a value has more than ${itemsMax} items in all its parts`);
  for (const item of value.values()) if (typeof item === 'object') walk(item, depth + 1, seen);
}
