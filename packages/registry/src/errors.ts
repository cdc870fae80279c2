/** The error codes of this package. */

import { TowpathError } from '@towpath/kit';

/** Stable codes; the reference page lists them. */
export const registryErrorCodes = [
  'IMAGE_REFERENCE_INVALID',
  'IMAGE_NOT_FOUND',
  'IMAGE_PLATFORM',
  'IMAGE_INVALID',
  'IMAGE_DIGEST_MISMATCH',
  'REGISTRY_UNREACHABLE',
  'REGISTRY_DENIED',
  'REGISTRY_FAILED',
  'REGISTRY_LIMIT',
] as const;

export type RegistryErrorCode = (typeof registryErrorCodes)[number];

/** A failure with the next step. */
export function registryError(
  code: RegistryErrorCode,
  message: string,
  options: { next: string; cause?: unknown },
): TowpathError {
  return new TowpathError(code, message, options);
}
