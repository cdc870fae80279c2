/** Reads a chart from its files or its archive. */

import type { LoadLimits } from '../limits.ts';
import type { Chart, ChartFiles } from './types.ts';

export interface LoadOptions {
  readonly limits?: Partial<LoadLimits>;
}

/** Loads a chart folder's files, or a .tgz archive. Throws `CHART_INVALID` naming the file, `CHART_TOO_LARGE`. */
export async function loadChart(_source: ChartFiles | Uint8Array, _options: LoadOptions = {}): Promise<Chart> {
  throw new Error('not yet');
}
