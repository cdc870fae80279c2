/** Packs a chart into a reproducible archive. */

import type { Chart, ChartFiles } from './types.ts';

export interface PackageOptions {
  /** Overrides Chart.yaml's version. */
  readonly version?: string;
  readonly appVersion?: string;
}

export interface PackagedChart {
  /** `name-version.tgz` */
  readonly filename: string;
  readonly data: Uint8Array;
}

/** The same files give the same bytes: sorted, fixed times and owners. Throws `CHART_INVALID`. */
export async function packageChart(_source: Chart | ChartFiles, _options: PackageOptions = {}): Promise<PackagedChart> {
  throw new Error('not yet');
}
