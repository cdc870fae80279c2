/** Error codes of this package. */

import { TowpathError, type TowpathErrorOptions } from '@towpath/kit';

export const planErrorCodes = ['PLAN_REVISION_UNKNOWN', 'PLAN_WRITE_REFUSED', 'POST_FAILED'] as const;
type PlanErrorCode = (typeof planErrorCodes)[number];

export function planError(code: PlanErrorCode, message: string, options: TowpathErrorOptions = {}): TowpathError {
  return new TowpathError(code, message, options);
}
