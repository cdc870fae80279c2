/** The values of `helm`'s flags: files first, then --set-json, --set, --set-string, --set-file and --set-literal. */

import type { ChartValues } from './chart-values.ts';

export interface ValueFlags {
  /** `--values`: in order, later ones win. */
  readonly valueFiles?: readonly { readonly name: string; readonly text: string }[];
  readonly setJson?: readonly string[];
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  /** `--set-file key=path`; the paths are read through `readFile`. */
  readonly setFile?: readonly string[];
  readonly setLiteral?: readonly string[];
  /** Answers the text of a file named by `setFile`. */
  readonly readFile?: (path: string) => string;
}

/** Merges the flags in Helm's fixed order. Throws `VALUES_INVALID` with Helm's text. */
export function valuesFromFlags(_flags: ValueFlags): ChartValues {
  throw new Error('not yet');
}
