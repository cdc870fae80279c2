/** What every expression can use: functions by name, and the names of types. */

import { addressFunctions } from './functions/addresses.ts';
import { collectionFunctions } from './functions/collections.ts';
import { conversionFunctions } from './functions/conversions.ts';
import { kubernetesFunctions } from './functions/kubernetes.ts';
import { operatorFunctions } from './functions/operators.ts';
import { stringFunctions } from './functions/strings.ts';
import type { Overload } from './overload.ts';
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  nullType,
  objectType,
  opaqueType,
  optionalOf,
  stringType,
  timestampType,
  typeOf,
  typeType,
  uintType,
  type Type,
} from './types.ts';

/** Overloads by the name of their function. */
export const functions: ReadonlyMap<string, readonly Overload[]> = byName([
  ...operatorFunctions,
  ...conversionFunctions,
  ...stringFunctions,
  ...collectionFunctions,
  ...addressFunctions,
  ...kubernetesFunctions,
]);

/** Names that stand for types, with what `type(x)` prints. */
export const typeNames: ReadonlyMap<string, { readonly type: Type; readonly name: string }> = new Map(
  (
    [
      ['bool', boolType],
      ['bytes', bytesType],
      ['double', doubleType],
      ['google.protobuf.Duration', durationType],
      ['google.protobuf.Timestamp', timestampType],
      ['int', intType],
      ['list', listOf(dynType)],
      ['map', mapOf(dynType, dynType)],
      ['null_type', nullType],
      ['string', stringType],
      ['type', typeType],
      ['uint', uintType],
      ['optional_type', optionalOf(dynType)],
      ['net.IP', opaqueType('net.IP')],
      ['net.CIDR', opaqueType('net.CIDR')],
      ['kubernetes.URL', objectType('kubernetes.URL')],
      ['kubernetes.Quantity', objectType('kubernetes.Quantity')],
      ['kubernetes.Semver', objectType('kubernetes.Semver')],
      ['kubernetes.NamedFormat', objectType('kubernetes.NamedFormat')],
    ] as const
  ).map(([name, type]) => [name, { type: typeOf(type), name }]),
);

function byName(rows: readonly Overload[]): Map<string, Overload[]> {
  const found = new Map<string, Overload[]>();
  for (const row of rows) found.set(row.name, [...(found.get(row.name) ?? []), row]);
  return found;
}
