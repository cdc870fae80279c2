/** Where a rule sends traffic, and how much of it. */

import type { Fields } from './fields.ts';
import { resolveShortName } from './hosts.ts';
import { readHeaderOperations, type HeaderOperations } from './http-policy.ts';

/** Where a request goes. `host` is a full name when it was short. */
export interface Destination {
  readonly host: string;
  readonly subset: string | undefined;
  readonly port: number | undefined;
}

export interface WeightedDestination extends Destination {
  readonly weight: number;
  readonly headers: HeaderOperations;
}

/** Reads the `route` list of a rule. Source: route.go: a single destination gets everything, a negative weight is refused. */
export function readDestinations(fields: Fields, namespace: string): WeightedDestination[] {
  const list = fields.records('route').map((entry) => {
    const weight = entry.number('weight') ?? 0;
    const destination = readDestination(entry.record('destination'), namespace);
    const headers = readHeaderOperations(entry.record('headers'));
    if (weight < 0) entry.report('weight', `${weight} is below 0`);
    entry.finish();
    return { ...destination, weight: Math.max(0, weight), headers };
  });
  const only = list[0];
  if (list.length === 1 && only !== undefined) return [{ ...only, weight: 1 }];
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  if (list.length > 1 && total === 0) fields.report('route', 'total destination weight is 0');
  return list;
}

/** One `destination`; short hosts resolve in `namespace`. */
export function readDestination(fields: Fields | undefined, namespace: string): Destination {
  if (fields === undefined) return { host: '', subset: undefined, port: undefined };
  const port = fields.record('port');
  const destination = {
    host: resolveShortName((fields.string('host') ?? '').toLowerCase(), namespace),
    subset: fields.string('subset'),
    port: port?.number('number'),
  };
  port?.finish();
  fields.finish();
  return destination;
}
