/** Everything an explanation is made of: read once, so that all of it is of one moment. */

import { parseApiVersion, type AnyObject, type Condition, type Event } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';
import type { ObjectName } from './explanation.ts';

export interface Snapshot {
  readonly objects: readonly AnyObject[];
  readonly events: readonly Event[];
  /** The last lines of a container, by `namespace/pod/container`; of the run before for one that crashes. */
  readonly logs: ReadonlyMap<string, string>;
  /** Error lines of flux and helm-operator, by the resource they name: `ns:kind/name`, or '' for all. */
  readonly controllerErrors: ReadonlyMap<string, string>;
  /** Kinds that could not be listed. */
  readonly unread: readonly string[];
}

export function nameOf({ kind, metadata }: AnyObject): ObjectName {
  const { namespace, name } = metadata;
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

export function nameText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

export function groupOf(object: AnyObject): string {
  return parseApiVersion(object.apiVersion).group;
}

export function conditionsOf(object: AnyObject): readonly Condition[] {
  const found = getIn(object, ['status', 'conditions']);
  return Array.isArray(found) ? (found as Condition[]) : [];
}

/** The condition of that type when it is not as it should be. */
export function failedCondition(object: AnyObject, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type && condition.status === 'False');
}

/** Newest first. */
export function eventsOf({ events }: Snapshot, object: AnyObject): readonly Event[] {
  const { kind, metadata } = object;
  const time = (event: Event): number => Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp ?? '') || 0;
  return events
    .filter(({ involvedObject, metadata: { namespace } }) => {
      const isSame = involvedObject['kind'] === kind && involvedObject['name'] === metadata.name;
      return (
        isSame &&
        (metadata.namespace === undefined || (involvedObject['namespace'] ?? namespace) === metadata.namespace)
      );
    })
    .toSorted((left, right) => time(right) - time(left));
}

export function textAt(object: unknown, path: readonly (string | number)[]): string | undefined {
  const found = getIn(object, path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function numberAt(object: unknown, path: readonly (string | number)[]): number | undefined {
  const found = getIn(object, path);
  return typeof found === 'number' ? found : undefined;
}

export function recordsAt(object: unknown, path: readonly (string | number)[]): Record<string, unknown>[] {
  const found = getIn(object, path);
  return Array.isArray(found) ? found.filter(isRecord) : [];
}
