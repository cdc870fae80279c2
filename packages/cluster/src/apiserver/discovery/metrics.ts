/** `/metrics`: how many objects of each resource are stored, in the text form of Prometheus. */

import type { ResourceRegistry } from '../resources/registry.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export function metricsText(registry: ResourceRegistry, objects: ObjectStore): string {
  const counts = new Map<string, number>();
  for (const { collection, plural, group } of registry.all()) {
    const name = group === '' ? plural : `${plural}.${group}`;
    counts.set(name, objects.collection(collection).list().length);
  }
  const lines = [...counts]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, count]) => `apiserver_storage_objects{resource=${JSON.stringify(name)}} ${count}`);
  return [
    '# HELP apiserver_storage_objects Number of stored objects at the time of last check split by kind.',
    '# TYPE apiserver_storage_objects gauge',
    ...lines,
    '',
  ].join('\n');
}
