/** The marks that synchronised objects carry, byte for byte as Flux writes them. */

import { createHash } from 'node:crypto';

export const gcMarkLabel = 'fluxcd.io/sync-gc-mark';
export const checksumAnnotation = 'fluxcd.io/sync-checksum';

function sha256Url(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** The name of everything one flux synchronises. Source: fluxcd/flux pkg/daemon/sync.go, makeGitConfigHash. */
export function syncSetName(options: { url: string; branch: string; paths: readonly string[] }): string {
  return sha256Url(`${options.url}${options.branch}${options.paths.join('')}`);
}

/** The label's value for one object: a copied label does not match. Source: pkg/cluster/kubernetes/sync.go. */
export function gcMark(setName: string, resourceId: string): string {
  return `sha256.${sha256Url(setName + resourceId)}`;
}

/** Hex SHA-1 of a manifest's bytes in Git. */
export function checksum(bytes: string): string {
  return createHash('sha1').update(bytes).digest('hex');
}

/** `ns:kind/name`, or `<cluster>:kind/name`; the kind in lower case. Source: pkg/resource/id.go. */
export function resourceId(options: { namespace: string | undefined; kind: string; name: string }): string {
  return `${options.namespace ?? '<cluster>'}:${options.kind.toLowerCase()}/${options.name}`;
}
