/** The error codes of this package, and the errors that cross its inner borders. */

import { TowpathError } from '@towpath/kit';
import type { RenderFailure } from './trace/types.ts';

/** The `code` of what this package throws. */
export type ChartErrorCode =
  | 'CHART_INVALID'
  | 'CHART_TOO_LARGE'
  | 'VALUES_INVALID'
  | 'VALUES_SCHEMA'
  | 'RENDER_FAILED'
  | 'RENDER_LIMIT'
  | 'MANIFEST_INVALID'
  | 'TEMPLATE_NOT_FOUND'
  | 'YAML_INVALID';

/** `details` tell machines what the message tells people. */
export interface ChartErrorOptions {
  readonly next?: string;
  readonly details?: RenderFailure;
  readonly cause?: unknown;
}

/** An expected failure of this package. The message is Helm's own sentence where Helm has one. */
export function chartError(code: ChartErrorCode, message: string, options: ChartErrorOptions = {}): TowpathError {
  return new TowpathError(code, message, options);
}

/** What a template function reports: its text becomes `error calling NAME: text`. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}

/** A limit of the render was reached: never caught by anything inside a template. */
export class LimitError extends Error {
  override readonly name = 'LimitError';
}
