/** The TCP rules of a VirtualService. */

import { readDestinations, type WeightedDestination } from './destination.ts';
import type { Fields } from './fields.ts';
import { gatewayName } from './hosts.ts';

export interface TcpMatch {
  readonly port: number | undefined;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  readonly gateways: readonly string[];
  readonly broken: boolean;
}

/** An empty `matches` is a catch-all. */
export interface TcpRule {
  readonly matches: readonly TcpMatch[];
  readonly destinations: readonly WeightedDestination[];
}

/** Reads one rule. Source: istio/api TCPRoute. */
export function readTcpRule(fields: Fields, namespace: string): TcpRule {
  const matches = fields.records('match').map((match) => readTcpMatch(match, namespace));
  const destinations = readDestinations(fields, namespace);
  fields.finish();
  return { matches, destinations };
}

function readTcpMatch(fields: Fields, namespace: string): TcpMatch {
  const before = fields.problems.length;
  const match = {
    port: fields.number('port'),
    sourceLabels: fields.stringMap('sourceLabels'),
    sourceNamespace: fields.string('sourceNamespace'),
    gateways: fields.strings('gateways').map((name) => gatewayName(name, namespace)),
  };
  fields.finish();
  return { ...match, broken: fields.problems.length > before };
}
