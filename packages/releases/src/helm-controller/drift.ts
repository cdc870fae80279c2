/** Drift: what server-side apply of the stored manifest would change in the live objects. */

import { applyJsonPatch, type AnyObject } from '@towpath/api';
import { codeOf, getIn, isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import { buildObjects, keyOfObject, type ReleaseObject } from '../actions/objects.ts';
import { withOwner } from '../actions/ownership.ts';
import { withOwnedFields } from '../actions/patch.ts';
import type { Release } from '../storage/release.ts';
import { helmGroup, type IgnoreRule } from './helm-release.ts';
import { jsonDiff, type JsonChange } from './json-diff.ts';
import { selectsObject } from './object-patches.ts';
import { subjectOf } from './waiter.ts';

export interface Drifted {
  readonly item: ReleaseObject;
  /** `removed`: it is not there; `changed`: the patch brings it back; `excluded`: an annotation or a rule says so. */
  readonly type: 'removed' | 'changed' | 'excluded';
  readonly patch: readonly JsonChange[];
}

const disabledMark = `${helmGroup}/driftDetection`;

/** Throws what the API says of objects it does not take. Source: helm-controller internal/action/diff.go. */
export async function findDrift(
  release: Release,
  { client, ignore }: { readonly client: Client; readonly ignore: readonly IgnoreRule[] },
): Promise<Drifted[]> {
  const objects = (await buildObjects(release.manifest, { client, namespace: release.namespace })).map((item) =>
    withOwner(item, release),
  );
  const found: Drifted[] = [];
  for (const item of objects) {
    const drifted = await driftOf(item, client, ignoredPaths(item.object, ignore));
    if (drifted !== undefined) found.push(drifted);
  }
  return found;
}

/** True when there is something to say or to correct. */
export function hasChanges(drift: readonly Drifted[]): boolean {
  return drift.some(({ type }) => type !== 'excluded');
}

function ignoredPaths(object: AnyObject, rules: readonly IgnoreRule[]): string[] {
  return rules.flatMap(({ paths, target }) => (target === undefined || selectsObject(target, object) ? paths : []));
}

async function driftOf(item: ReleaseObject, client: Client, ignored: readonly string[]): Promise<Drifted | undefined> {
  const excluded: Drifted = { item, type: 'excluded', patch: [] };
  if (isExcluded(item.object) || ignored.includes('')) return excluded;
  const live = (await client.get(item.type, keyOfObject(item))) as AnyObject | undefined;
  if (live === undefined) return { item, type: 'removed', patch: [] };
  if (isExcluded(live)) return excluded;
  const wanted = await dryRun(item, live, client);
  const left = without(live, ignored);
  const right = without(wanted, ignored);
  const patch = [...metadataChanges(left, right), ...jsonDiff(content(left), content(right))];
  return patch.length === 0 ? undefined : { item, type: 'changed', patch };
}

function isExcluded({ metadata }: AnyObject): boolean {
  const values = [metadata.labels?.[disabledMark], metadata.annotations?.[disabledMark]];
  return values.some((value) => value?.toLowerCase() === 'disabled');
}

/** What Flagger owns counts as wanted as it is. */
async function dryRun(item: ReleaseObject, live: AnyObject, client: Client): Promise<AnyObject> {
  const { object, type } = item;
  const wanted = withOwnedFields({ last: object, next: object, live });
  try {
    const options = { kind: 'apply', force: true, dryRun: true } as const;
    return (await client.patch(type, keyOfObject(item), wanted, options)) as AnyObject;
  } catch (error) {
    const subject = subjectOf(item);
    if (isNotFound(error)) throw new Error(`${subject} not found: ${messageOf(error)}`, { cause: error });
    const reason = getIn(error, ['reason']);
    const why = typeof reason === 'string' && reason !== '' ? ` (${reason})` : '';
    throw new Error(`${subject} dry-run failed${why}: ${messageOf(error)}`, { cause: error });
  }
}

/** A path that is not there is left out already. */
function without(object: AnyObject, paths: readonly string[]): AnyObject {
  return paths.reduce<AnyObject>((current, path) => {
    try {
      return applyJsonPatch(current, [{ op: 'remove', path }]) as AnyObject;
    } catch (error) {
      if (codeOf(error) === 'PATCH_INVALID') return current;
      throw error;
    }
  }, object);
}

/** Labels and annotations that are missing or differ; further ones are nobody's business. */
function metadataChanges(live: AnyObject, wanted: AnyObject): JsonChange[] {
  const part = ({ metadata }: AnyObject): UnknownRecord => ({
    metadata: {
      name: metadata.name,
      ...(metadata.annotations !== undefined && { annotations: metadata.annotations }),
      ...(metadata.labels !== undefined && { labels: metadata.labels }),
    },
  });
  return jsonDiff(part(live), part(wanted)).filter(({ op }) => op !== 'remove');
}

function content(object: AnyObject): UnknownRecord {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return rest;
}

/** A line for each object: `Deployment/shop/web changed (0 additions, 1 changes, 0 removals)`. */
export function driftText(drift: readonly Drifted[]): string {
  const count = (patch: readonly JsonChange[], op: JsonChange['op']): number =>
    patch.filter((change) => change.op === op).length;
  return drift
    .map(({ item, type, patch }) => {
      if (type !== 'changed') return `${subjectOf(item)} ${type}`;
      const counts = [
        `${count(patch, 'add')} additions`,
        `${count(patch, 'replace')} changes`,
        `${count(patch, 'remove')} removals`,
      ];
      return `${subjectOf(item)} changed (${counts.join(', ')})`;
    })
    .join('\n');
}

export interface DriftCorrection {
  /** `Deployment/shop/web configured` */
  readonly done: readonly string[];
  readonly failures: readonly string[];
}

/** Creates what is missing, then patches what changed; a failure does not stop the others. */
export async function correctDrift(drift: readonly Drifted[], client: Client): Promise<DriftCorrection> {
  const done: string[] = [];
  const failures: string[] = [];
  for (const { item } of drift.filter(({ type }) => type === 'removed')) {
    try {
      await client.create(item.type, item.object);
      done.push(`${subjectOf(item)} created`);
    } catch (error) {
      failures.push(`${subjectOf(item)} creation failure: ${messageOf(error)}`);
    }
  }
  for (const { item, patch } of drift.filter(({ type }) => type === 'changed')) {
    try {
      await client.patch(item.type, keyOfObject(item), patch, { kind: 'json' });
      done.push(`${subjectOf(item)} configured`);
    } catch (error) {
      failures.push(`${subjectOf(item)} patch failure: ${maskedMessage(item, error)}`);
    }
  }
  return { done, failures };
}

/** The API repeats the values of a Secret that it refuses. */
function maskedMessage({ object }: ReleaseObject, error: unknown): string {
  const message = messageOf(error);
  const isInvalid = isRecord(error) && error['reason'] === 'Invalid';
  if (object.kind !== 'Secret' || !isInvalid) return message;
  return message.slice(message.lastIndexOf(':') + 1).trim();
}
