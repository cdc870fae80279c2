/** Refuses what a quota does not allow. Source: apiserver pkg/admission/plugin/resourcequota/controller.go. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';
import { forbidden } from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { addAmounts, amountsOf, amountsText, counted, type Amount, type Amounts } from './amounts.ts';
import { isInScope } from './scopes.ts';
import { named, usageOf } from './usage.ts';

const quotas = 'core/resourcequotas';

/** A write about to be stored. */
export interface CountedWrite {
  readonly resource: Resource;
  readonly object: AnyObject;
  /** Undefined for a new object. */
  readonly old: AnyObject | undefined;
}

/** Throws 403 when a quota of the namespace would be exceeded. Nothing may be awaited between it and the write. */
export function checkQuotas(objects: ObjectStore, write: CountedWrite): void {
  const { resource, object, old } = write;
  const { namespace } = object.metadata;
  if (namespace === undefined || (old !== undefined && !countsChanges(resource.collection, object, old))) return;
  for (const quota of quotasOf(objects, namespace)) checkQuota(objects, quota, write);
}

/** The quotas of a namespace. */
export function quotasOf(objects: ObjectStore, namespace: string): AnyObject[] {
  return objects
    .collection(quotas)
    .list()
    .map(({ object }) => object)
    .filter(({ metadata }) => metadata.namespace === namespace);
}

/** Changes of other kinds use nothing more. */
function countsChanges(collection: string, object: AnyObject, old: AnyObject): boolean {
  if (collection === 'core/pods') {
    const deadline = (pod: AnyObject): boolean => getIn(pod, ['spec', 'activeDeadlineSeconds']) !== undefined;
    return deadline(object) !== deadline(old);
  }
  return collection === 'core/services' || collection === 'core/persistentvolumeclaims';
}

function checkQuota(objects: ObjectStore, quota: AnyObject, { resource, object, old }: CountedWrite): void {
  const { collection } = resource;
  if (!isInScope(quota, collection, object)) return;
  const hard = amountsOf(getIn(quota, ['spec', 'hard']));
  const { name } = quota.metadata;
  if (collection === 'core/pods') {
    const missing = missingRequests(object, hard);
    if (missing !== '')
      throw forbidden(resource, object.metadata.name, `failed quota: ${name}: must specify ${missing}`);
  }
  const usage = usageOf(collection, object);
  const before = old === undefined || !isInScope(quota, collection, old) ? new Map() : usageOf(collection, old);
  const used = usedOf(objects, quota);
  const exceeded = [...usage.keys()].filter((key) => {
    const limit = hard.get(key)?.nanos;
    const more = delta(usage, before, key).nanos;
    return limit !== undefined && more > 0n && (used.get(key)?.nanos ?? 0n) + more > limit;
  });
  if (exceeded.length === 0) return;
  const only = (amounts: (key: string) => Amount): string =>
    amountsText(new Map(exceeded.map((key) => [key, amounts(key)])));
  const requested = only((key) => delta(usage, before, key));
  const [usedText, limited] = [used, hard].map((all) => only((key) => all.get(key) ?? counted(0)));
  throw forbidden(
    resource,
    object.metadata.name,
    `exceeded quota: ${name}, requested: ${requested}, used: ${usedText ?? ''}, limited: ${limited ?? ''}`,
  );
}

function delta(usage: Amounts, before: Amounts, key: string): Amount {
  const amount = usage.get(key) ?? counted(0);
  const nanos = amount.nanos - (before.get(key)?.nanos ?? 0n);
  return { ...amount, nanos: nanos < 0n ? 0n : nanos };
}

const mustBeSaid = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** Where cpu or memory is limited, every container says what it needs. */
function missingRequests(pod: AnyObject, hard: Amounts): string {
  if (getIn(pod, ['spec', 'resources']) !== undefined) return '';
  const wanted = mustBeSaid.filter((name) => hard.has(name)).toSorted();
  const containers = [getIn(pod, ['spec', 'containers']), getIn(pod, ['spec', 'initContainers'])].flatMap((list) =>
    Array.isArray(list) ? list.filter(isRecord) : [],
  );
  const lacking = wanted.flatMap((name) => {
    const names = containers
      .filter(
        ({ resources }) =>
          !named(amountsOf(getIn(resources, ['requests'])), amountsOf(getIn(resources, ['limits']))).has(name),
      )
      .map((container) => String(container['name']));
    return names.length === 0 ? [] : [`${name} for: ${names.toSorted().join(',')}`];
  });
  return lacking.join('; ');
}

/** What the objects of the namespace use of what the quota limits. */
export function usedOf(objects: ObjectStore, quota: AnyObject): Map<string, Amount> {
  const hard = amountsOf(getIn(quota, ['spec', 'hard']));
  let used: Amounts = new Map([...hard.keys()].map((name) => [name, counted(0)]));
  const { namespace } = quota.metadata;
  for (const collection of objects.collectionNames()) {
    if (!isCounted(collection, hard)) continue;
    for (const { object } of objects.collection(collection).list()) {
      if (object.metadata.namespace !== namespace || !isInScope(quota, collection, object)) continue;
      used = addAmounts(used, usageOf(collection, object));
    }
  }
  return new Map([...used].filter(([name]) => hard.has(name)));
}

/** Kinds that use something a quota may name besides their count. */
const measured = ['core/pods', 'core/services', 'core/persistentvolumeclaims'];

function isCounted(collection: string, hard: Amounts): boolean {
  if (measured.includes(collection)) return true;
  const [group = '', plural = ''] = collection.split('/');
  return hard.has(`count/${plural}${group === 'core' ? '' : `.${group}`}`) || (group === 'core' && hard.has(plural));
}
