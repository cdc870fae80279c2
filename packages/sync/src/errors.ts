/** The error codes of this package. */

export const syncErrorCodes = [
  'FLUX_FLAG_UNKNOWN',
  'FLUX_FLAG_INVALID',
  'SYNC_BRANCH_MISSING',
  'SYNC_PATH_MISSING',
  'SYNC_DUPLICATE',
  'SYNC_KIND_UNKNOWN',
  'SYNC_NOT_FOUND',
  'SYNC_FAILED',
  'SYNC_TIMEOUT',
  'IDENTITY_MISSING',
] as const;
