/** Which resources a patch or a replacement is for. Source: kustomize api/types/selector.go. */

import { matchesRequirements, parseLabelSelector } from '@towpath/api';
import { TowpathError } from '@towpath/kit';
import { RE2JS } from 're2js';
import { currentId, effectiveNamespace, originalId, type Resource } from './resource.ts';

/** Every member is a regular expression that has to match whole; the selectors are label expressions. */
export interface Selector {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

/** The resources that match in their original or their current name. Throws `KUSTOMIZE_INVALID` for a bad expression. */
export function selectResources(resources: readonly Resource[], selector: Selector): Resource[] {
  const [group, version, kind] = [selector.group, selector.version, selector.kind].map(matcher);
  const [name, namespace] = [selector.name, selector.namespace].map(matcher);
  return resources.filter((resource) => {
    const [current, original] = [currentId(resource), originalId(resource)];
    if (namespace?.(effectiveNamespace(original)) === false && !namespace(effectiveNamespace(current))) return false;
    if (name?.(original.name) === false && !name(current.name)) return false;
    const isKind = group?.(current.group) !== false && version?.(current.version) !== false;
    return isKind && kind?.(current.kind) !== false && matchesMetadata(resource, selector);
  });
}

/** True when labels and annotations match the selector's expressions. */
export function matchesMetadata({ object }: Resource, selector: Selector): boolean {
  const { labels, annotations } = object.metadata;
  const holds = (text: string | undefined, values: Record<string, string> | undefined): boolean =>
    text === undefined || text === '' || matchesRequirements(parseLabelSelector(text), values ?? {});
  return holds(selector.labelSelector, labels) && holds(selector.annotationSelector, annotations);
}

/** Whole matches in linear time, as Go's: a pattern of a repository cannot hold up the program. Throws `KUSTOMIZE_INVALID`. */
export function wholeMatcher(pattern: string): (text: string) => boolean {
  try {
    const expression = RE2JS.compile(pattern);
    return (text) => expression.matches(text);
  } catch (error) {
    throw new TowpathError('KUSTOMIZE_INVALID', `${JSON.stringify(pattern)} is not a regular expression`, {
      cause: error,
    });
  }
}

function matcher(pattern: string | undefined): ((text: string) => boolean) | undefined {
  return pattern === undefined || pattern === '' ? undefined : wholeMatcher(pattern);
}
