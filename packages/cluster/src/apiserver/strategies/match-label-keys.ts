/** `matchLabelKeys` of a new pod become requirements of its selectors. Source: pkg/registry/core/pod/strategy.go. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { qualifiedNameProblem } from '../names.ts';

/** Changes the affinity terms and spread constraints of the pod. */
export function mergeLabelKeys(pod: AnyObject): void {
  const labels = pod.metadata.labels ?? {};
  for (const term of affinityTerms(pod)) {
    addRequirements(term, 'matchLabelKeys', 'In', labels);
    addRequirements(term, 'mismatchLabelKeys', 'NotIn', labels);
  }
  for (const constraint of records(getIn(pod, ['spec', 'topologySpreadConstraints']))) {
    addRequirements(constraint, 'matchLabelKeys', 'In', labels);
  }
}

/** Validation of a term or constraint, whose selector has got its requirements by now if it is that of a pod. */
export function labelKeyCauses(term: UnknownRecord, path: string): StatusCause[] {
  const [matched, mismatched] = [textsOf(term['matchLabelKeys']), textsOf(term['mismatchLabelKeys'])];
  const selector = term['labelSelector'];
  const causes = [
    ...keyCauses(matched, selector, `${path}.matchLabelKeys`),
    ...keyCauses(mismatched, selector, `${path}.mismatchLabelKeys`),
  ];
  const seen = new Set(Object.keys(asRecord(getIn(selector, ['matchLabels']))));
  for (const { key } of records(getIn(selector, ['matchExpressions']))) {
    const name = String(key);
    if (matched.includes(name) && seen.has(name)) {
      const field = `${path}[${matched.lastIndexOf(name)}]`;
      causes.push(cause.invalid(field, name, 'exists in both matchLabelKeys and labelSelector'));
    }
    seen.add(name);
  }
  for (const [index, key] of matched.entries()) {
    if (!mismatched.includes(key)) continue;
    const field = `${path}.matchLabelKeys[${index}]`;
    causes.push(cause.invalid(field, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  }
  return causes;
}

function keyCauses(keys: readonly string[], selector: unknown, path: string): StatusCause[] {
  if (keys.length === 0) return [];
  if (!isRecord(selector)) return [cause.forbidden(path, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((key, index) => {
    const problem = qualifiedNameProblem(key);
    return problem === undefined ? [] : [cause.invalid(`${path}[${index}]`, key, problem)];
  });
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function asRecord(value: unknown): UnknownRecord {
  return isRecord(value) ? value : {};
}

function affinityTerms(pod: AnyObject): UnknownRecord[] {
  return ['podAffinity', 'podAntiAffinity'].flatMap((member) => {
    const affinity = getIn(pod, ['spec', 'affinity', member]);
    const preferred = records(getIn(affinity, ['preferredDuringSchedulingIgnoredDuringExecution']));
    return [
      ...preferred.flatMap(({ podAffinityTerm }) => records([podAffinityTerm])),
      ...records(getIn(affinity, ['requiredDuringSchedulingIgnoredDuringExecution'])),
    ];
  });
}

/** A term without a selector selects nothing, whatever the keys. */
function addRequirements(
  term: UnknownRecord,
  member: string,
  operator: string,
  labels: Readonly<Record<string, string>>,
): void {
  const { [member]: keys, labelSelector: selector } = term;
  if (!Array.isArray(keys) || !isRecord(selector)) return;
  const added = keys.map(String).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  if (added.length > 0) selector['matchExpressions'] = [...records(selector['matchExpressions']), ...added];
}

function records(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
