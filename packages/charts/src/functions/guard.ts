/** Keeps functions from making more than a render may write. */

import { LimitError } from '../errors.ts';
import type { Services } from './row.ts';

/** Throws when a text of `size` characters would pass the limit. */
export function guardSize(services: Services, size: number): void {
  const { textChars } = services.limits;
  if (size > textChars) throw new LimitError(`a template function makes more than ${textChars} characters at once`);
}

/** Characters that an item of a list is counted as. */
const itemSize = 32;

/** The same for lists. */
export function guardItems(services: Services, count: number): void {
  guardSize(services, count * itemSize);
}

/** Smaller results are not looked at. */
const largeText = 65_536;
const largeList = 4096;

/** A function's result as it is, unless it is too large: what doubles in a loop must end. */
export function guarded(services: Services, result: unknown): unknown {
  if (typeof result === 'string') {
    if (result.length > largeText) guardSize(services, result.length);
  } else if (Array.isArray(result) && result.length > largeList) guardItems(services, result.length);
  return result;
}
