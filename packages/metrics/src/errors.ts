/** The error codes of this package and how the HTTP API names them. */

import { codeOf, TowpathError } from '@towpath/kit';

/** Every code this package throws. */
export const metricsErrorCodes = {
  /** The text is no PromQL, or its types do not fit. */
  PROMQL_INVALID: 'bad_data',
  /** A request parameter is missing or wrong. */
  METRICS_BAD_PARAMETER: 'bad_data',
  /** The query is well formed but cannot be answered (duplicate series, too many samples). */
  PROMQL_EXECUTION: 'execution',
  /** The query ran longer than its limit. */
  PROMQL_TIMEOUT: 'timeout',
  /** The caller went away. */
  PROMQL_CANCELED: 'canceled',
  /** A scraped page is no exposition text. */
  EXPOSITION_INVALID: 'bad_data',
  /** A metrics server could not be asked, or answered with an error. */
  METRICS_QUERY_FAILED: 'execution',
  /** A regular expression is not RE2. */
  REGEXP_INVALID: 'bad_data',
  /** A ServiceMonitor or option uses something this package does not do. */
  METRICS_UNSUPPORTED: 'bad_data',
} as const;

export type MetricsErrorCode = keyof typeof metricsErrorCodes;
export type ApiErrorType = (typeof metricsErrorCodes)[MetricsErrorCode] | 'internal' | 'not_found';

/** A failure with one of this package's codes. */
export function metricsError(
  code: MetricsErrorCode,
  message: string,
  options: { next?: string; cause?: unknown } = {},
): TowpathError {
  return new TowpathError(code, message, options);
}

/** The `errorType` of an API answer for anything thrown. */
export function apiErrorType(error: unknown): ApiErrorType {
  const code = codeOf(error);
  return code !== undefined && code in metricsErrorCodes ? metricsErrorCodes[code as MetricsErrorCode] : 'internal';
}
