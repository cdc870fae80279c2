/** A user's values as the template language sees them: numbers keep the Go kind their source gave them. */

import type { UnknownRecord } from '@towpath/kit';
import type { GoMap } from '../go/values.ts';

/** Opaque to callers: made by `valuesFromFlags`, or by `render` from JSON data. */
export interface ChartValues {
  /** The tree with Go kinds; never handed to more than one render without a copy. */
  readonly tree: GoMap;
  /** The same as plain JSON data, as a release stores it. */
  toJson(): UnknownRecord;
  /** What the tree was made of, later ones over earlier ones. */
  readonly layers?: readonly ValueLayer[];
}

/** One source of values, for the question who set what. */
export interface ValueLayer {
  readonly kind: 'file' | 'flag';
  /** The name of the file or object, or the flag as it was written. */
  readonly source: string;
  /** The YAML of a file, where places are looked up. */
  readonly text?: string;
  /** Its values are never shown. */
  readonly isSecret?: boolean;
  /** What it sets; a function is asked when somebody wants to know. */
  readonly values: UnknownRecord | (() => GoMap);
}
