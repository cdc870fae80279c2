/** A user's values as the template language sees them: numbers keep the Go kind their source gave them. */

import type { UnknownRecord } from '@towpath/kit';
import type { GoMap } from '../go/values.ts';

/** Opaque to callers: made by `valuesFromFlags`, or by `render` from JSON data. */
export interface ChartValues {
  /** The tree with Go kinds; never handed to more than one render without a copy. */
  readonly tree: GoMap;
  /** The same as plain JSON data, as a release stores it. */
  toJson(): UnknownRecord;
}
