/** Keeps functions from making more than a render may write. */

import { LimitError } from '../errors.ts';
import type { Services } from './row.ts';

/** Throws when a result of `size` characters or items would pass the output limit. */
export function guardSize(services: Services, size: number): void {
  if (size > services.limits.outputChars) {
    throw new LimitError(`a template function makes more than ${services.limits.outputChars} characters at once`);
  }
}

/** Characters that an item of a list is counted as. */
const itemSize = 16;

/** The same for lists. */
export function guardItems(services: Services, count: number): void {
  guardSize(services, count * itemSize);
}
