/** The error codes of this package. */

import { TowpathError } from '@towpath/kit';

/** Every code this package throws, with what it means. */
export const rolloutErrorCodes = {
  CANARY_INVALID: 'the Canary object lacks something or names something that does not exist',
  CANARY_UNSUPPORTED: 'the Canary asks for something that is not done',
  METRIC_TEMPLATE_INVALID: 'a metric template is missing, uses another provider or an unknown placeholder',
  WEBHOOK_FAILED: 'a webhook answered with an error or not at all',
  FLAG_UNKNOWN: 'the flagger component was started with a flag it does not know',
} as const;

export type RolloutErrorCode = keyof typeof rolloutErrorCodes;

/** A failure with one of this package's codes. */
export function rolloutError(
  code: RolloutErrorCode,
  message: string,
  options: { next?: string; cause?: unknown } = {},
): TowpathError {
  return new TowpathError(code, message, options);
}
