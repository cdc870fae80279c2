/** The error codes of this package, with the builders that more than one file uses. */

import { TowpathError } from '@towpath/kit';

/** Stable codes; the reference page lists them. */
export const gitErrorCodes = [
  'GIT_MISSING',
  'GIT_FAILED',
  'GIT_TIMEOUT',
  'GIT_OUTPUT_LIMIT',
  'GIT_URL_REFUSED',
  'GIT_UNREACHABLE',
  'GIT_AUTH_FAILED',
  'GIT_HOST_KEY',
  'GIT_NOT_FOUND',
  'GIT_REF_NOT_FOUND',
  'GIT_PUSH_REJECTED',
  'GIT_PATH_REFUSED',
  'GIT_REPOSITORY_NAME',
  'GIT_SEED_INVALID',
  'GIT_EMPTY',
  'GIT_NO_BRANCH',
] as const;

export type GitErrorCode = (typeof gitErrorCodes)[number];

/** A failure of Git with the next step. */
export function gitError(
  code: GitErrorCode,
  message: string,
  options: { next: string; cause?: unknown },
): TowpathError {
  return new TowpathError(code, message, options);
}
