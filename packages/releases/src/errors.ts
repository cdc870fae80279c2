/** The error codes of this package, each with the sentence that explains it. */

import { TowpathError } from '@towpath/kit';

export const errorCodes = {
  RELEASE_NOT_FOUND: 'no release has that name in that namespace',
  RELEASE_EXISTS: 'the revision that was to be written is already there: somebody else is at work on the release',
  RELEASE_CORRUPT: 'a stored release cannot be read',
  RELEASE_NAME_INVALID: 'the release name is not a valid one',
  RELEASE_NAME_IN_USE: 'the name belongs to a release that is still installed',
  RELEASE_PENDING: 'another operation on the release is in progress, or was killed',
  NO_DEPLOYED_RELEASE: 'the release has no revision that was ever deployed',
  OWNERSHIP_CONFLICT: 'an object of the chart exists and belongs to somebody else',
  MANIFEST_INVALID: 'a rendered object cannot be sent to the API',
  KIND_UNKNOWN: 'the API does not serve a kind that the chart renders',
  RENDER_LIMIT: 'a chart takes more time or memory than a render may',
  RELEASE_FAILED: 'the install, upgrade or rollback started and failed',
  WAIT_TIMEOUT: 'objects did not become ready in time',
  HOOK_FAILED: 'a hook of the chart failed',
  CHART_NOT_FOUND: 'the chart is not where it was looked for',
  CHART_SOURCE_INVALID: 'the chart source is not complete',
  CHART_DEPENDENCY_MISSING: 'a dependency of the chart is not in charts/',
  VALUES_INVALID: 'values could not be read or merged',
  REPOSITORY_UNREACHABLE: 'a chart repository did not answer',
  REPOSITORY_INVALID: 'a chart repository answered something that is no index',
  CLUSTER_UNREACHABLE: 'the Kubernetes API did not answer',
} as const;

export type ReleaseErrorCode = keyof typeof errorCodes;

/** An error of this package. */
export function releaseError(
  code: ReleaseErrorCode,
  message: string,
  options: { next?: string; cause?: unknown } = {},
): TowpathError {
  return new TowpathError(code, message, options);
}

/** True when `error` is one of this package's with that code. */
export function hasCode(error: unknown, code: ReleaseErrorCode): boolean {
  return error instanceof TowpathError && error.code === code;
}
