/** Names an API resource and ties it to the TypeScript type of its objects. */

import type { KubeObject } from './object.ts';

/**
 * One resource of the API. `group` is '' for core.
 * The phantom `object` member only carries the type; it is never set.
 */
export interface ResourceType<Object extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly object?: Object;
}

/** `v1` or `group/version`. */
export function apiVersionOf(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** Splits an `apiVersion`. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  if (slash < 0) return { group: '', version: apiVersion };
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/**
 * The URL path of a collection or, with `name`, of one object.
 * Source: Kubernetes API concepts, "Resource URIs".
 */
export function resourcePath(
  type: Pick<ResourceType, 'group' | 'version' | 'plural'>,
  target: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {},
): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const parts = [root];
  if (target.namespace !== undefined) parts.push('namespaces', encodeURIComponent(target.namespace));
  parts.push(type.plural);
  if (target.name !== undefined) parts.push(encodeURIComponent(target.name));
  if (target.subresource !== undefined) parts.push(target.subresource);
  return parts.join('/');
}
