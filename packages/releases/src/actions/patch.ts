/** What an upgrade sends for one object: from the last manifest, the new one and the live object to a patch. */

import { createJsonMergePatch, createThreeWayMergePatch, mergeSchemaFor, type AnyObject } from '@towpath/api';
import { isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';
import { keepOwnedFields } from './owned-fields.ts';

/** The controller whose fields an upgrade leaves alone. */
const trafficManager = 'flagger';

export interface PatchInput {
  readonly last: AnyObject;
  readonly next: AnyObject;
  readonly live: AnyObject;
  /**
   * Helm's way: fields Flagger owns are put back as well. Otherwise a field that did not change between the manifests
   * and is Flagger's on the live object keeps its live value: selectors, replicas and route weights of a canary.
   */
  readonly strictThreeWay: boolean;
  /** Looks at the live object of a custom kind too; Helm compares the manifests only. */
  readonly threeWayForCustom: boolean;
}

export interface ObjectPatch {
  readonly kind: 'strategic' | 'merge';
  readonly body: UnknownRecord;
}

/**
 * The patch, or undefined when there is nothing to change. Built-in kinds get a strategic three-way merge, custom ones
 * a JSON merge patch from the last manifest to the new one. Source: helm 3 pkg/kube/client.go, createPatch.
 */
export function createObjectPatch(input: PatchInput): ObjectPatch | undefined {
  const { last, live } = input;
  const next = input.strictThreeWay ? input.next : withOwnedFields(input);
  const schema = mergeSchemaFor(next);
  if (schema !== undefined) return nonEmpty('strategic', createThreeWayMergePatch(last, next, live, schema));
  if (input.threeWayForCustom) return nonEmpty('merge', threeWayJsonMergePatch(last, next, live));
  // The manifests decide whether there is a change; the values sent are those that keep what Flagger owns.
  const change = createJsonMergePatch(last, input.next);
  return change === undefined ? undefined : nonEmpty('merge', withValuesOf(change, next));
}

/** `next` with the live values of fields that Flagger owns and that did not change between the manifests. */
export function withOwnedFields(input: Pick<PatchInput, 'last' | 'next' | 'live'>): AnyObject {
  const { last, next, live } = input;
  const kept = keepOwnedFields({
    last,
    next,
    live,
    managedFields: live.metadata.managedFields,
    manager: trafficManager,
  });
  return kept as AnyObject;
}

function nonEmpty(kind: ObjectPatch['kind'], body: unknown): ObjectPatch | undefined {
  return isRecord(body) && Object.keys(body).length > 0 ? { kind, body } : undefined;
}

/** Additions and changes from the live object to `next`, deletions from `last` to `next`. */
export function threeWayJsonMergePatch(last: unknown, next: unknown, live: unknown): unknown {
  const patch: UnknownRecord = {};
  if (!isRecord(next)) return patch;
  const previous = isRecord(last) ? last : {};
  const current = isRecord(live) ? live : {};
  for (const key of Object.keys(previous)) {
    if (next[key] === undefined && current[key] !== undefined) patch[key] = null;
  }
  for (const [key, value] of Object.entries(next)) {
    if (value === undefined || jsonEqual(current[key], value)) continue;
    if (!isRecord(value) || !isRecord(current[key])) {
      patch[key] = value;
      continue;
    }
    const inner = threeWayJsonMergePatch(previous[key], value, current[key]);
    if (isRecord(inner) && Object.keys(inner).length > 0) patch[key] = inner;
  }
  return patch;
}

/** `patch` with its values taken from `source`. */
function withValuesOf(patch: unknown, source: unknown): unknown {
  if (!isRecord(patch) || !isRecord(source)) return source;
  return Object.fromEntries(
    Object.entries(patch).map(([key, value]) => [key, value === null ? null : withValuesOf(value, source[key])]),
  );
}
