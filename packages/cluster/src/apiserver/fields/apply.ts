/** Server-side apply. Source: kubernetes.io, "Server-Side Apply"; structured-merge-diff, merge. */

import type { AnyObject } from '@towpath/api';
import { isRecord, toTimestamp, type UnknownRecord } from '@towpath/kit';
import type { Target } from '../handlers/context.ts';
import { badRequest, invalid, StatusError, type StatusCause } from '../http/status.ts';
import { compareStates, fieldsOf } from './compare.ts';
import {
  differenceOf,
  emptySet,
  intersectionOf,
  isEmptySet,
  pathsOf,
  pathText,
  sameSet,
  unionOf,
  type FieldNode,
} from './field-set.ts';
import { blankState, managedPart, ownershipSchema } from './managed-fields.ts';
import { entriesOf, identityOf, managersOf, ownedByOthers, type Manager } from './managers.ts';
import { mergeApplied, pruneApplied } from './merge.ts';

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

export interface ApplyRequest {
  readonly target: Target;
  readonly manager: string;
  readonly force: boolean;
  readonly nowMs: number;
}

/** Checks the parameters and the body of an apply. Throws 400 or 422. */
export function checkApply(body: unknown, target: Target): UnknownRecord {
  const { query } = target;
  if ((query.get('fieldManager') ?? '') === '') {
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions', name: '' }, [
      { reason: 'FieldValueRequired', message: 'Required value: is required for apply patch', field: 'fieldManager' },
    ]);
  }
  if (!isRecord(body)) throw badRequest('error decoding YAML: the applied configuration is not an object');
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
  if (Array.isArray(metadata['managedFields'])) {
    throw badRequest('metadata.managedFields must be nil');
  }
  if (metadata['name'] === undefined) return { ...body, metadata: { ...metadata, name: target.name } };
  return body;
}

/**
 * The new state of an object, with its managers. `live` is absent when the object does not exist. Throws 409 with one
 * cause per conflicting field unless `force`.
 */
export function applyConfiguration(
  live: AnyObject | undefined,
  config: UnknownRecord,
  request: ApplyRequest,
): UnknownRecord {
  const { target, nowMs } = request;
  const schema = ownershipSchema(target.resource);
  const managers = managersOf(live?.metadata.managedFields);
  adoptUnmanaged(managers, live, request);
  const wanted = managedPart(fieldsOf(config, schema));
  const applier: Manager = {
    name: request.manager,
    operation: 'Apply',
    apiVersion: target.resource.apiVersion,
    subresource: target.subresource ?? '',
    time: toTimestamp(nowMs),
    set: wanted,
  };
  const identity = identityOf(applier);
  const before = managers.get(identity);
  const merged = mergeApplied(live ?? {}, config, schema);
  const others = ownedByOthers(managers, identity);
  const next = pruneApplied(merged, schema, { last: before?.set ?? emptySet(), now: wanted, others });
  const comparison = compareStates(live ?? blankState(target.resource), next, schema);
  const changed = managedPart(unionOf(comparison.added, comparison.modified));
  resolveConflicts(managers, { identity, changed, live, config, request });
  const removed = managedPart(comparison.removed);
  for (const [other, manager] of managers) {
    if (other !== identity) managers.set(other, { ...manager, set: differenceOf(manager.set, removed) });
  }
  const unchanged = before !== undefined && sameSet(before.set, wanted) && before.apiVersion === applier.apiVersion;
  managers.set(identity, unchanged ? before : applier);
  const object = next as UnknownRecord;
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const annotations = lastAppliedOf(metadata['annotations'], config, request);
  return { ...object, metadata: { ...metadata, ...annotations, managedFields: entriesOf(managers, nowMs) } };
}

/** An object that was written before managers were kept belongs to nobody in particular. */
function adoptUnmanaged(managers: Map<string, Manager>, live: AnyObject | undefined, request: ApplyRequest): void {
  if (live === undefined || managers.size > 0) return;
  const set = managedPart(fieldsOf(live, ownershipSchema(request.target.resource)));
  set.children.delete('f:status');
  const manager: Manager = {
    name: 'before-first-apply',
    operation: 'Update',
    apiVersion: live.apiVersion,
    subresource: '',
    time: toTimestamp(request.nowMs),
    set,
  };
  managers.set(identityOf(manager), manager);
}

/** kubectl's own annotation follows what it applies, so that client-side apply can go on later. */
function lastAppliedOf(annotations: unknown, config: UnknownRecord, request: ApplyRequest): UnknownRecord {
  if (request.manager !== 'kubectl' || !isRecord(annotations)) return {};
  if (annotations[lastAppliedAnnotation] === undefined) return {};
  return { annotations: { ...annotations, [lastAppliedAnnotation]: `${JSON.stringify(sortedKeys(config))}\n` } };
}

/** Members in the order Go writes maps. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, sortedKeys(member)]));
}

interface Contest {
  readonly identity: string;
  readonly changed: FieldNode;
  readonly live: AnyObject | undefined;
  readonly config: UnknownRecord;
  readonly request: ApplyRequest;
}

function resolveConflicts(managers: Map<string, Manager>, contest: Contest): void {
  const conflicts: { manager: Manager; set: FieldNode }[] = [];
  for (const [identity, manager] of managers) {
    if (identity === contest.identity) continue;
    const set = intersectionOf(manager.set, contest.changed);
    if (isEmptySet(set)) continue;
    conflicts.push({ manager, set });
    managers.set(identity, { ...manager, set: differenceOf(manager.set, set) });
  }
  if (conflicts.length === 0 || contest.request.force || wasClientSide(conflicts, contest)) return;
  throw conflictError(conflicts);
}

/** kubectl takes fields back that its client-side apply has written. */
function wasClientSide(conflicts: readonly { set: FieldNode }[], contest: Contest): boolean {
  const text = contest.live?.metadata.annotations?.[lastAppliedAnnotation];
  if (contest.request.manager !== 'kubectl' || text === undefined) return false;
  let applied: unknown;
  try {
    applied = JSON.parse(text);
  } catch {
    return false;
  }
  const schema = ownershipSchema(contest.request.target.resource);
  // What somebody else changed since is no longer its own.
  const changed = compareStates(applied, contest.live, schema);
  const since = unionOf(unionOf(changed.added, changed.modified), changed.removed);
  const own = differenceOf(fieldsOf(applied, schema), since);
  return conflicts.every(({ set }) => isEmptySet(differenceOf(set, own)));
}

function managerText(manager: Manager): string {
  const named = JSON.stringify(manager.name);
  const subresource =
    manager.subresource === '' ? named : `${named} with subresource ${JSON.stringify(manager.subresource)}`;
  if (manager.operation === 'Apply') return subresource;
  return `${subresource} using ${manager.apiVersion}`;
}

function conflictError(conflicts: readonly { manager: Manager; set: FieldNode }[]): StatusError {
  const causes: StatusCause[] = conflicts.flatMap(({ manager, set }) =>
    pathsOf(set).map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${managerText(manager)}`,
      field: pathText(path),
    })),
  );
  const [only, second] = causes;
  const text =
    only !== undefined && second === undefined
      ? `${only.message}: ${only.field ?? ''}`
      : conflicts
          .map(({ manager, set }) =>
            [`conflicts with ${managerText(manager)}:`, ...pathsOf(set).map((path) => `- ${pathText(path)}`)].join(
              '\n',
            ),
          )
          .sort()
          .join('\n');
  const message = `Apply failed with ${causes.length} ${causes.length === 1 ? 'conflict' : 'conflicts'}: ${text}`;
  return new StatusError({ code: 409, reason: 'Conflict', message, details: { causes } });
}
