/** Which pods a quota is about. Source: pkg/quota/v1/evaluator/core/pods.go. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import { podSpecOf, qosClass } from '../strategies/pod.ts';

/** True when a quota counts an object of a collection; quotas with scopes count pods only. */
export function isInScope(quota: AnyObject, collection: string, object: AnyObject): boolean {
  const selectors = scopesOf(quota);
  if (selectors.length === 0) return true;
  return collection === 'core/pods' && selectors.every((selector) => matches(selector, object));
}

function scopesOf(quota: AnyObject): UnknownRecord[] {
  const scopes = getIn(quota, ['spec', 'scopes']);
  const expressions = getIn(quota, ['spec', 'scopeSelector', 'matchExpressions']);
  return [
    ...(Array.isArray(scopes)
      ? scopes.map((scopeName) => ({ scopeName: scopeName as unknown, operator: 'Exists' }))
      : []),
    ...(Array.isArray(expressions) ? expressions.filter(isRecord) : []),
  ];
}

function matches(selector: UnknownRecord, pod: AnyObject): boolean {
  const isTerminating = Number(getIn(pod, ['spec', 'activeDeadlineSeconds']) ?? -1) >= 0;
  const isBestEffort = qosClass(podSpecOf(pod)) === 'BestEffort';
  switch (selector['scopeName']) {
    case 'Terminating':
      return isTerminating;
    case 'NotTerminating':
      return !isTerminating;
    case 'BestEffort':
      return isBestEffort;
    case 'NotBestEffort':
      return !isBestEffort;
    case 'PriorityClass':
      return matchesPriority(selector, String(getIn(pod, ['spec', 'priorityClassName']) ?? ''));
    case 'CrossNamespacePodAffinity':
      return reachesNamespaces(pod);
    default:
      return false;
  }
}

function matchesPriority({ operator, values }: UnknownRecord, name: string): boolean {
  const listed = Array.isArray(values) && values.includes(name);
  switch (operator) {
    case 'Exists':
      return name !== '';
    case 'DoesNotExist':
      return name === '';
    case 'In':
      return listed;
    default:
      return !listed;
  }
}

function reachesNamespaces(pod: AnyObject): boolean {
  const terms = ['podAffinity', 'podAntiAffinity'].flatMap((kind) => {
    const affinity = getIn(pod, ['spec', 'affinity', kind]);
    const required = getIn(affinity, ['requiredDuringSchedulingIgnoredDuringExecution']);
    const preferred = getIn(affinity, ['preferredDuringSchedulingIgnoredDuringExecution']);
    const weighted = (Array.isArray(preferred) ? preferred : []).map((term: unknown) =>
      getIn(term, ['podAffinityTerm']),
    );
    return [...(Array.isArray(required) ? (required as unknown[]) : []), ...weighted];
  });
  return terms.some((term) => {
    const namespaces = getIn(term, ['namespaces']);
    return (Array.isArray(namespaces) && namespaces.length > 0) || getIn(term, ['namespaceSelector']) !== undefined;
  });
}
