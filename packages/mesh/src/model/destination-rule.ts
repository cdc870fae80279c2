/** DestinationRules as the proxies use them: subsets and how an endpoint is chosen. */

import { keyOf, type AnyObject, type Key } from '@towpath/api';
import { Fields, type Problem } from './fields.ts';
import { resolveShortName } from './hosts.ts';

export type LoadBalancing = 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM';

interface Subset {
  readonly labels: Readonly<Record<string, string>>;
  readonly balancing: LoadBalancing | undefined;
}

export interface DestinationRuleModel {
  readonly key: Key;
  readonly host: string;
  readonly exportTo: readonly string[];
  readonly balancing: LoadBalancing | undefined;
  readonly subsets: ReadonlyMap<string, Subset>;
  readonly problems: readonly Problem[];
}

/** Reads a DestinationRule. Source: istio/api networking/v1alpha3/destination_rule.proto. */
export function readDestinationRule(object: AnyObject): DestinationRuleModel {
  const problems: Problem[] = [];
  const spec = new Fields(object['spec'], { path: 'spec', problems });
  const namespace = object.metadata.namespace ?? 'default';
  const subsets = new Map<string, Subset>();
  for (const entry of spec.records('subsets')) {
    const name = entry.string('name') ?? '';
    const labels = entry.stringMap('labels');
    subsets.set(name, { labels, balancing: readTrafficPolicy(entry.record('trafficPolicy')) });
    entry.finish();
  }
  const rule = {
    key: keyOf(object),
    host: resolveShortName((spec.string('host') ?? '').toLowerCase(), namespace),
    exportTo: spec.strings('exportTo').map((name) => (name === '.' ? namespace : name)),
    balancing: readTrafficPolicy(spec.record('trafficPolicy')),
    subsets,
    problems,
  };
  spec.finish();
  return rule;
}

function readTrafficPolicy(fields: Fields | undefined): LoadBalancing | undefined {
  if (fields === undefined) return undefined;
  const tls = fields.record('tls');
  const mode = tls?.string('mode');
  // Connections of the embedded mesh stay inside one process, so these modes change nothing.
  if (mode !== undefined && mode !== 'DISABLE' && mode !== 'ISTIO_MUTUAL') {
    tls?.report('mode', `${mode} is not supported by the embedded mesh`);
  }
  const balancer = fields.record('loadBalancer');
  const simple = balancer?.string('simple');
  balancer?.finish();
  fields.finish();
  switch (simple) {
    case undefined:
    case 'UNSPECIFIED':
      return undefined;
    case 'ROUND_ROBIN':
    case 'RANDOM':
      return simple;
    case 'LEAST_REQUEST':
    case 'LEAST_CONN':
      return 'LEAST_REQUEST';
    default:
      balancer?.report('simple', `${simple} is not supported by the embedded mesh`);
      return undefined;
  }
}
