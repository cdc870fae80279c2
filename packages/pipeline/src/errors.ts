/** The error codes of this package. */

import { TowpathError } from '@towpath/kit';

/** Stable codes; the reference page lists them. */
export const pipelineErrorCodes = [
  'CI_INVALID',
  'CI_UNSUPPORTED',
  'CI_REPOSITORY',
  'DOCKERFILE_INVALID',
  'DOCKERFILE_UNSUPPORTED',
  'DOCKER_CONTEXT',
  'DOCKER_IMAGE',
  'DOCKER_NO_REGISTRY',
] as const;

export type PipelineErrorCode = (typeof pipelineErrorCodes)[number];

/** A failure with the next step. */
export function pipelineError(
  code: PipelineErrorCode,
  message: string,
  options: { next: string; cause?: unknown },
): TowpathError {
  return new TowpathError(code, message, options);
}
