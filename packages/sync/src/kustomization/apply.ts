/**
 * Server-side apply of a set of objects in stages, and the deletion of what is no longer wanted.
 * Source: fluxcd/pkg/ssa (manager_apply.go, manager_delete.go, patch.go).
 */

import {
  keyOf,
  type AnyObject,
  type Key,
  type KubeObject,
  type ManagedFieldsEntry,
  type ResourceType,
} from '@towpath/api';
import { isRecord, messageOf, type Clock, type UnknownRecord } from '@towpath/kit';
import {
  ApiError,
  isAlreadyExists,
  isConflict,
  isInvalid,
  isNotFound,
  waitForObjects,
  type Client,
} from '@towpath/runtime';
import {
  apiVersionOfRef,
  compareRefs,
  hasDrifted,
  isMarked,
  refOf,
  stageOf,
  subjectOf,
  type ObjectRef,
} from './objects.ts';

export const fieldManager = 'kustomize-controller';
const group = 'kustomize.toolkit.fluxcd.io';

export type Action = 'created' | 'configured' | 'unchanged' | 'deleted' | 'skipped' | 'unknown';

export interface Change {
  readonly ref: ObjectRef;
  readonly action: Action;
}

/** `Kind/namespace/name created`, a line each. */
export function changeLines(changes: readonly Change[]): string {
  return changes.map(({ ref, action }) => `${subjectOf(ref)} ${action}`).join('\n');
}

export interface ApplyOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Recreates objects whose immutable fields changed. */
  readonly force: boolean;
}

/** What went wrong, with what was applied until then. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError';
  readonly changes: readonly Change[];

  constructor(message: string, changes: readonly Change[], cause?: unknown) {
    super(message, { cause });
    this.changes = changes;
  }
}

/** How many objects are compared with the server at once: kustomize-controller's --concurrent-ssa. */
const concurrency = 4;
/** How long definitions and namespaces may take to be ready. */
const stageTimeoutMs = 60_000;

/** Definitions first, then classes, then the rest; a stage is checked whole before any of it is written. Throws `ApplyError`. */
export async function applyStaged(objects: readonly AnyObject[], options: ApplyOptions): Promise<Change[]> {
  const changes: Change[] = [];
  for (const stage of [0, 1, 2] as const) {
    const members = objects.filter((object) => stageOf(refOf(object)) === stage);
    if (members.length === 0) continue;
    try {
      const applied = await applyAll(members, options);
      changes.push(...applied);
      if (stage < 2) await waitForStage(applied, options);
    } catch (error) {
      if (error instanceof ApplyError) throw new ApplyError(error.message, [...changes, ...error.changes], error);
      if (options.signal.aborted) throw error;
      throw new ApplyError(messageOf(error), changes, error);
    }
  }
  return changes;
}

async function waitForStage(changes: readonly Change[], { client, clock, signal }: ApplyOptions): Promise<void> {
  const targets = changes.map(({ ref }) => ({
    apiVersion: apiVersionOfRef(ref),
    kind: ref.kind,
    name: ref.name,
    ...(ref.namespace !== '' && { namespace: ref.namespace }),
  }));
  const outcome = await waitForObjects({ client, clock, targets, timeoutMs: stageTimeoutMs, signal, failFast: false });
  if (outcome.type !== 'reached') throw new Error(outcome.message);
}

interface Planned {
  readonly object: AnyObject;
  readonly type: ResourceType | undefined;
  readonly change: Change;
}

async function applyAll(objects: readonly AnyObject[], options: ApplyOptions): Promise<Change[]> {
  const sorted = objects.toSorted((left, right) => compareRefs(refOf(left), refOf(right)));
  const planned: Planned[] = [];
  for (let at = 0; at < sorted.length; at += concurrency) {
    options.signal.throwIfAborted();
    const batch = sorted.slice(at, at + concurrency);
    planned.push(...(await Promise.all(batch.map((object) => planOne(object, options)))));
  }
  const done: Change[] = [];
  for (const { object, type, change } of planned) {
    const isWritten = change.action === 'created' || change.action === 'configured';
    if (isWritten && type !== undefined) {
      options.signal.throwIfAborted();
      try {
        await serverSideApply(options.client, type, object, false).catch((error: unknown) => {
          // Somebody else created it between our try and now: it is patched then.
          if (!isAlreadyExists(error)) throw error;
          return serverSideApply(options.client, type, object, false);
        });
      } catch (error) {
        throw new ApplyError(`${subjectOf(refOf(object))} apply failed: ${messageOf(error)}`, done, error);
      }
    }
    done.push(change);
  }
  return done;
}

/** Reads, tries without writing, and says what applying would do. */
async function planOne(object: AnyObject, options: ApplyOptions): Promise<Planned> {
  const { client } = options;
  const type = await client.resourceFor(object);
  const wanted = refOf(object);
  if (type === undefined) {
    const { apiVersion, kind } = object;
    throw new Error(`${subjectOf(wanted)} dry-run failed: no matches for kind "${kind}" in version "${apiVersion}"`);
  }
  const ref = type.namespaced ? wanted : { ...wanted, namespace: '' };
  const key = keyFor(type, object);
  const live = await client.get(type, key);
  const isExcluded = [object, live].some(
    (one) => isMarked(one, `${group}/reconcile`, 'disabled') || hasMode(one, 'Ignore'),
  );
  if (isExcluded || (live !== undefined && hasMode(object, 'IfNotPresent'))) {
    return { object, type, change: { ref, action: 'skipped' } };
  }
  let tried: KubeObject;
  let isGone = false;
  try {
    tried = await serverSideApply(client, type, object, true);
  } catch (error) {
    if (live === undefined || !mayRecreate([object, live], error, options.force)) throw dryRunError(ref, error);
    await recreate({ type, key, ref }, options);
    isGone = true;
    tried = await serverSideApply(client, type, object, true).catch((again: unknown) => {
      throw dryRunError(ref, again);
    });
  }
  if (live === undefined || isGone) return { object, type, change: { ref, action: 'created' } };
  const isCleaned = await cleanMetadata({ type, key, live, object }, options);
  const action = isCleaned || hasDrifted(live, tried) ? 'configured' : 'unchanged';
  return { object, type, change: { ref, action } };
}

function keyFor(type: ResourceType, object: KubeObject): Key {
  const { name } = object.metadata;
  return type.namespaced ? keyOf(object) : { name };
}

function hasMode(object: KubeObject | undefined, mode: string): boolean {
  return isMarked(object, `${group}/ssa`, mode);
}

function serverSideApply(client: Client, type: ResourceType, object: AnyObject, dryRun: boolean): Promise<KubeObject> {
  return client.patch(type, keyFor(type, object), object, { kind: 'apply', force: true, fieldManager, dryRun });
}

function dryRunError(ref: ObjectRef, error: unknown): Error {
  const message = messageOf(error);
  const subject = subjectOf(ref);
  if (isNotFound(error)) {
    const what = ref.namespace === '' ? 'namespace not specified' : 'not found';
    return new Error(`${subject} ${what}: ${message}`, { cause: error });
  }
  const reason =
    error instanceof ApiError && error.reason !== '' && error.reason !== 'Unknown' ? ` (${error.reason})` : '';
  return new Error(`${subject} dry-run failed${reason}: ${message}`, { cause: error });
}

function mayRecreate(objects: readonly KubeObject[], error: unknown, force: boolean): boolean {
  const isImmutable = isConflict(error) || isInvalid(error) || /is\simmutable|immutable\sfield/.test(messageOf(error));
  return isImmutable && (force || objects.some((object) => isMarked(object, `${group}/force`, 'enabled')));
}

interface Place {
  readonly type: ResourceType;
  readonly key: Key;
  readonly ref: ObjectRef;
}

async function recreate({ type, key, ref }: Place, options: ApplyOptions): Promise<void> {
  const { client, clock, signal } = options;
  await client.delete(type, key, { propagationPolicy: 'Background' });
  const target = { apiVersion: apiVersionOfRef(ref), kind: ref.kind, ...key };
  const wait = { client, clock, signal, targets: [target], until: 'NotFound' as const, timeoutMs: stageTimeoutMs };
  const outcome = await waitForObjects(wait);
  if (outcome.type === 'reached') return;
  throw new Error(
    `${subjectOf(ref)} immutable field detected, failed to wait for object to be deleted: ${outcome.message}`,
  );
}

/** Left by kubectl and by Flux before server-side apply. */
const oldAnnotations = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'kustomize.toolkit.fluxcd.io/checksum',
  'fluxcd.io/sync-checksum',
];
const oldLabels = ['fluxcd.io/sync-gc-mark'];
/** Managers whose fields become ours, so that what they added by hand goes again; matched by the start of the name. */
const takenManagers = [
  { name: 'kubectl', operation: 'Apply' },
  { name: 'kubectl', operation: 'Update' },
  { name: 'before-first-apply', operation: 'Update' },
  { name: fieldManager, operation: 'Update' },
];

interface Cleaned {
  readonly type: ResourceType;
  readonly key: Key;
  readonly live: KubeObject;
  readonly object: AnyObject;
}

async function cleanMetadata({ type, key, live, object }: Cleaned, { client }: ApplyOptions): Promise<boolean> {
  if (hasMode(object, 'Merge') || hasMode(live, 'Merge')) return false;
  const { annotations = {}, labels = {} } = live.metadata;
  const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
  const operations: UnknownRecord[] = [
    ...oldAnnotations.filter((name) => name in annotations).map((name) => `/metadata/annotations/${escaped(name)}`),
    ...oldLabels.filter((name) => name in labels).map((name) => `/metadata/labels/${escaped(name)}`),
  ].map((path) => ({ op: 'remove', path }));
  const managers = takeOver(live.metadata.managedFields ?? []);
  if (managers !== undefined) operations.push({ op: 'replace', path: '/metadata/managedFields', value: managers });
  if (operations.length === 0) return false;
  await client.patch(type, key, operations, { kind: 'json', fieldManager });
  return true;
}

/** The entries with those of the taken managers merged into ours; undefined when there are none. */
export function takeOver(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] | undefined {
  const isOurs = (entry: ManagedFieldsEntry): boolean => entry.manager === fieldManager && entry.operation === 'Apply';
  const taken = entries.filter((entry) => !isOurs(entry) && isTaken(entry));
  const [first] = taken;
  if (first === undefined) return undefined;
  const ours = entries.find(isOurs) ?? { ...first, manager: fieldManager, operation: 'Apply' as const };
  const fieldsV1 = taken.reduce<UnknownRecord>(
    (fields, entry) => unionFields(fields, entry.fieldsV1 ?? {}),
    ours.fieldsV1 ?? {},
  );
  const others = entries.filter((entry) => !isOurs(entry) && !taken.includes(entry));
  return [...others, { ...ours, fieldsV1 }];
}

function isTaken({ manager = '', operation, subresource = '' }: ManagedFieldsEntry): boolean {
  if (subresource !== '') return false;
  return takenManagers.some((taken) => taken.operation === operation && manager.startsWith(taken.name));
}

function unionFields(left: UnknownRecord, right: UnknownRecord): UnknownRecord {
  const union: UnknownRecord = { ...left };
  for (const [name, value] of Object.entries(right)) {
    const old = union[name];
    union[name] = isRecord(old) && isRecord(value) ? unionFields(old, value) : value;
  }
  return union;
}

export interface DeleteOptions {
  readonly client: Client;
  /** Labels an object must have to be ours. */
  readonly owner: Readonly<Record<string, string>>;
}

export interface DeleteOutcome {
  readonly changes: readonly Change[];
  /** What could not be deleted, and why. */
  readonly failures: readonly { readonly ref: ObjectRef; readonly message: string }[];
}

/** Deletes in the reverse order of applying; what is not labelled as ours, or says so, stays. */
export async function deleteAll(refs: readonly ObjectRef[], options: DeleteOptions): Promise<DeleteOutcome> {
  const changes: Change[] = [];
  const failures: { ref: ObjectRef; message: string }[] = [];
  for (const ref of refs.toSorted(compareRefs).toReversed()) {
    try {
      changes.push({ ref, action: await deleteOne(ref, options) });
    } catch (error) {
      changes.push({ ref, action: 'unknown' });
      failures.push({ ref, message: `${subjectOf(ref)} delete failed: ${messageOf(error)}` });
    }
  }
  return { changes, failures };
}

async function deleteOne(ref: ObjectRef, { client, owner }: DeleteOptions): Promise<Action> {
  const type = await client.resourceFor({ apiVersion: apiVersionOfRef(ref), kind: ref.kind });
  // A kind that is no longer served holds no objects.
  if (type === undefined) return 'deleted';
  const key = type.namespaced ? { namespace: ref.namespace, name: ref.name } : { name: ref.name };
  const live = await client.get(type, key);
  if (live === undefined) return 'deleted';
  const isOurs = Object.entries(owner).every(([label, value]) => live.metadata.labels?.[label] === value);
  const isKept =
    isMarked(live, `${group}/prune`, 'disabled') ||
    isMarked(live, `${group}/reconcile`, 'disabled') ||
    hasMode(live, 'Ignore');
  if (!isOurs || isKept) return 'skipped';
  const { uid } = live.metadata;
  await client.delete(type, key, { propagationPolicy: 'Background', ...(uid !== undefined && { uid }) });
  return 'deleted';
}
