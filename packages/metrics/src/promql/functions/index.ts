/** All PromQL functions, one row each; see CONTRIBUTING for how to add one. */

import { clockFunctions } from './clock.ts';
import { counterFunctions } from './counters.ts';
import { histogramFunctions } from './histogram.ts';
import { labelFunctions } from './labels.ts';
import { mathFunctions } from './math.ts';
import { overTimeFunctions } from './over-time.ts';
import type { FunctionRow } from './row.ts';

/** Every row, by family. */
export const functionRows: readonly FunctionRow[] = [
  ...counterFunctions,
  ...overTimeFunctions,
  ...mathFunctions,
  ...clockFunctions,
  ...labelFunctions,
  ...histogramFunctions,
];

const byName: ReadonlyMap<string, FunctionRow> = new Map(functionRows.map((row) => [row.name, row]));

/** The function of that name, if there is one. */
export function functionRow(name: string): FunctionRow | undefined {
  return byName.get(name);
}
