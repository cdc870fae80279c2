/** Follows names that changed (prefixes, suffixes, hashes, namespaces) into the fields that refer to them. */

import { isRecord, TowpathError, type UnknownRecord } from '@towpath/kit';
import {
  isClusterScoped,
  isSelected,
  nameReferences,
  updateField,
  type FieldSpec,
  type KindSelector,
} from './field-specs.ts';
import { currentId, idText, originalId, sameNamespace, type Resource } from './resource.ts';

/** Changes references in place. Throws `KUSTOMIZE_INVALID` where a name could mean several resources. */
export function fixNameReferences(resources: readonly Resource[]): void {
  const changed = resources.filter((resource) => resource.previous.length > 0);
  if (changed.length === 0) return;
  for (const referrer of resources) {
    let candidates: readonly Resource[] | undefined;
    const id = originalId(referrer);
    for (const { target, referrers } of nameReferences) {
      for (const spec of referrers) {
        if (!isSelected(id, spec)) continue;
        candidates ??= reachable(referrer, resources);
        fixField({ referrer, spec, target, candidates });
      }
    }
  }
}

interface Field {
  readonly referrer: Resource;
  readonly spec: FieldSpec;
  readonly target: KindSelector;
  readonly candidates: readonly Resource[];
}

/** What the referrer could mean: all of its namespace, all without one, and what its subjects name. */
function reachable(referrer: Resource, resources: readonly Resource[]): readonly Resource[] {
  const id = currentId(referrer);
  if (isClusterScoped(id)) return resources;
  const named = subjectNamespaces(referrer);
  return resources.filter((resource) => {
    const other = currentId(resource);
    return isClusterScoped(other) || sameNamespace(id, other) || named.has(other.namespace);
  });
}

function subjectNamespaces({ object }: Resource): ReadonlySet<string> {
  const subjects = object.kind === 'RoleBinding' && Array.isArray(object['subjects']) ? object['subjects'] : [];
  return new Set(
    subjects.flatMap((subject: unknown) =>
      isRecord(subject) && subject['kind'] === 'ServiceAccount' ? [String(subject['namespace'] ?? '')] : [],
    ),
  );
}

function fixField(field: Field): void {
  const fix = (value: unknown): unknown => {
    if (typeof value === 'string') return fixScalar(field, value);
    if (Array.isArray(value)) return value.map(fix);
    if (isRecord(value)) fixMap(field, value);
    return value;
  };
  updateField(field.referrer.object as unknown as UnknownRecord, field.spec, fix);
}

function fixScalar(field: Field, name: string): string {
  const found = selectReferral(field, name, field.candidates, (list) => new Set(list.map(nameOf)).size === 1);
  return found === undefined ? name : nameOf(found);
}

/** A map with a name and perhaps a namespace: both follow. */
function fixMap(field: Field, value: UnknownRecord): void {
  const { name, namespace } = value;
  if (typeof name !== 'string') return;
  let candidates = field.candidates;
  if (typeof namespace === 'string') {
    const before = candidates.filter((resource) => originalId(resource).namespace === namespace);
    candidates = before.length > 0 ? before : candidates.filter((one) => currentId(one).namespace === namespace);
  }
  const found = selectReferral(field, name, candidates, (list) => {
    return new Set(list.map((one) => `${nameOf(one)}|${currentId(one).namespace}`)).size === 1;
  });
  if (found === undefined) return;
  const id = currentId(found);
  if (id.name === name && id.namespace === '') return;
  value['name'] = id.name;
  if (id.namespace !== '') value['namespace'] = id.namespace;
}

function nameOf(resource: Resource): string {
  return currentId(resource).name;
}

function selectReferral(
  field: Field,
  name: string,
  from: readonly Resource[],
  areSame: (list: readonly Resource[]) => boolean,
): Resource | undefined {
  const { referrer, target, spec } = field;
  const id = currentId(referrer);
  let list = from.filter(({ previous }) => {
    return previous.some((old) => old.name === name) && previous.some((old) => isSelected(old, target));
  });
  if (spec.path.endsWith('roleRef/name')) list = list.filter((one) => isRoleOf(referrer, one));
  if (!isClusterScoped(id)) {
    list = list.filter((one) => {
      const other = currentId(one);
      return isClusterScoped(other) || other.kind === 'ServiceAccount' || sameNamespace(id, other);
    });
  }
  if (list.length === 1) return list[0];
  list = list.filter((one) => agree(one, referrer, true));
  if (list.length > 1) list = list.filter((one) => agree(one, referrer, false));
  if (list.length <= 1 || areSame(list)) return list[0];
  const texts = list.map((one) => idText(currentId(one))).join(', ');
  throw new TowpathError('KUSTOMIZE_INVALID', `${idText(id)}: ${name} in ${spec.path} could be any of ${texts}`);
}

function isRoleOf({ object }: Resource, { previous }: Resource): boolean {
  const reference = object['roleRef'];
  if (!isRecord(reference)) return true;
  const wanted = { group: String(reference['apiGroup'] ?? ''), version: '', kind: String(reference['kind'] ?? '') };
  return previous.some((old) => isSelected(old, wanted));
}

/** Resources that went through the same prefixes and suffixes belong together. */
function agree(left: Resource, right: Resource, allowEmpty: boolean): boolean {
  const same = (one: readonly string[], two: readonly string[]): boolean =>
    (allowEmpty && (one.length === 0 || two.length === 0)) || sameEnd(one, two);
  return same(left.prefixes, right.prefixes) && same(left.suffixes, right.suffixes);
}

function sameEnd(left: readonly string[], right: readonly string[]): boolean {
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  if (short.length === 0) return long.length === 0;
  return short.every((item, index) => item === long[long.length - short.length + index]);
}
