/** Which names a release may have. */

import { releaseError } from '../errors.ts';

const pattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const limitCharacters = 53;

/** Throws `RELEASE_NAME_INVALID`. Source: helm 3 pkg/chartutil/validate_name.go. */
export function validateReleaseName(name: string): void {
  if (name !== '' && name.length <= limitCharacters && pattern.test(name)) return;
  const why =
    name === ''
      ? 'no name provided'
      : `invalid release name, must match regex ${pattern.source} and the length must not be longer than ${limitCharacters}`;
  throw releaseError('RELEASE_NAME_INVALID', `release name "${name}": ${why}`, {
    next: 'choose a name of lower-case letters, digits and dashes',
  });
}
