/** `helm lint`: what an author should mend. */

import type { RenderOptions } from '../render/types.ts';
import type { ChartFiles } from './types.ts';

export interface LintMessage {
  readonly severity: 'INFO' | 'WARNING' | 'ERROR';
  /** Chart-relative. */
  readonly path: string;
  readonly message: string;
}

export interface LintOptions extends Pick<RenderOptions, 'values' | 'capabilities' | 'clock' | 'random' | 'limits'> {
  readonly files: ChartFiles;
  readonly namespace?: string;
  readonly skipSchemaValidation?: boolean;
}

/** Every finding, in Helm's order; a chart with an ERROR does not pass. */
export async function lintChart(_options: LintOptions): Promise<LintMessage[]> {
  throw new Error('not yet');
}
