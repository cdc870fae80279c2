/** Applies one object the way `kubectl apply` does: last applied, wanted and live, merged three ways. */

import {
  createThreeWayMergePatch,
  keyOf,
  mergeSchemaFor,
  type AnyObject,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

export type ApplyVerb = 'created' | 'configured' | 'unchanged';

/** Creates or patches; what others added to the live object stays. Source: kubectl pkg/cmd/apply/patcher.go. */
export async function applyObject(client: Client, type: ResourceType, wanted: AnyObject): Promise<ApplyVerb> {
  const modified = withLastApplied(wanted);
  const live = await client.get(type, keyOf(wanted));
  if (live === undefined) {
    try {
      await client.create(type as ResourceType<AnyObject>, modified);
      return 'created';
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  const current = live ?? (await client.get(type, keyOf(wanted)));
  if (current === undefined) throw new Error(`${type.kind} ${wanted.metadata.name} was deleted while it was applied`);
  const patch = patchFor(wanted, modified, current);
  if (Object.keys(patch.body).length === 0) return 'unchanged';
  await client.patch(type, keyOf(wanted), patch.body, { kind: patch.kind });
  return 'configured';
}

function withLastApplied(wanted: AnyObject): AnyObject {
  const { [lastAppliedAnnotation]: _old, ...annotations } = wanted.metadata.annotations ?? {};
  const clean = { ...wanted, metadata: { ...wanted.metadata, annotations } };
  const text = `${JSON.stringify(clean)}\n`;
  return { ...clean, metadata: { ...clean.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } } };
}

function patchFor(
  wanted: AnyObject,
  modified: AnyObject,
  current: KubeObject,
): { body: UnknownRecord; kind: 'strategic' | 'merge' } {
  const original = lastApplied(current);
  const schema = mergeSchemaFor(wanted);
  if (schema === undefined) return { body: threeWayJsonMerge(original, modified, current), kind: 'merge' };
  return { body: createThreeWayMergePatch(original, modified, current, schema), kind: 'strategic' };
}

function lastApplied(current: KubeObject): unknown {
  const text = current.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Written by something else: nothing is known to be ours, so nothing is deleted.
    return {};
  }
}

/** As {@link createThreeWayMergePatch}, for kinds without a schema: lists are replaced whole. */
export function threeWayJsonMerge(original: unknown, modified: unknown, current: unknown): UnknownRecord {
  const before = isRecord(original) ? original : {};
  const wanted = isRecord(modified) ? modified : {};
  const live = isRecord(current) ? current : {};
  const patch: UnknownRecord = {};
  for (const [name, value] of Object.entries(wanted)) {
    if (isRecord(value) && isRecord(live[name])) {
      const nested = threeWayJsonMerge(before[name], value, live[name]);
      if (Object.keys(nested).length > 0) patch[name] = nested;
    } else if (!jsonEqual(value, live[name])) patch[name] = value;
  }
  for (const name of Object.keys(before)) {
    if (wanted[name] === undefined && live[name] !== undefined) patch[name] = null;
  }
  return patch;
}

/** How kubectl names an object: `namespace/shop`, `helmrelease.helm.fluxcd.io/frontend`. */
export function kubectlName(type: ResourceType, name: string): string {
  return `${type.kind.toLowerCase()}${type.group === '' ? '' : `.${type.group}`}/${name}`;
}
