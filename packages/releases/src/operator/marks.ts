/** What the operator writes on releases and objects, to know them again. */

import { createHash } from 'node:crypto';
import type { Key } from '@towpath/api';
import { resourceId } from './helm-release.ts';

/** On every object of a release: `shop:helmrelease/frontend`. The original writes and reads it too. */
export const antecedentAnnotation = 'helm.fluxcd.io/antecedent';

/** On every revision's Secret: a hash of the HelmRelease, so that its releases are found when it is gone. */
export const antecedentLabel = 'towpath.dev/antecedent';

/** On the Secret of a pending revision: which run of the operator is at work. */
export const instanceAnnotation = 'towpath.dev/operator-instance';

/** The value of {@link antecedentLabel}: label values are too short for two names. */
export function antecedentHash(key: Key): string {
  return createHash('sha256').update(resourceId(key)).digest('hex').slice(0, 40);
}
