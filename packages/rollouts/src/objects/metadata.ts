/** Labels and annotations of what we create: copies must not look like they belong to Helm or to a Git sync. */

import type { Canary } from '../canary.ts';
import { apiVersionOf, Canaries, type OwnerReference } from '@towpath/api';

/** Prefixes of annotations that describe the original and not its copy. */
const notCopied = [
  'meta.helm.sh/',
  'helm.sh/',
  'fluxcd.io/',
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/',
];

/** Annotations for a copy. Source: Flagger, which drops those of toolkit.fluxcd.io. */
export function copiedAnnotations(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const entries = Object.entries(annotations ?? {}).filter(([name]) => {
    return !name.includes('toolkit.fluxcd.io') && !notCopied.some((prefix) => name.startsWith(prefix));
  });
  return Object.fromEntries(entries);
}

/** The canary as controlling owner, so that its objects go when it goes. */
export function ownedBy(canary: Canary): OwnerReference[] {
  return [
    {
      apiVersion: apiVersionOf(Canaries),
      kind: Canaries.kind,
      name: canary.metadata.name,
      uid: canary.metadata.uid ?? '',
      controller: true,
      blockOwnerDeletion: true,
    },
  ];
}
