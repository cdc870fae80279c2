/** What a call costs while it runs. Source: cel-go, interpreter/runtimecost.go; apiserver pkg/cel/library/cost.go. */

import { formatRegexSize } from './functions/kubernetes.ts';
import type { Overload } from './overload.ts';
import { isList, isMapValue, Opaque, sizeOf, type Value } from './values.ts';

/** Of a character that is looked at. */
export const traversal = 0.1;
/** Of a character of a regular expression. */
export const regexFactor = 0.25;

/** In cost units; undefined when it depends on the result (`join`). */
export function runtimeCost({ name, id }: Overload, args: readonly Value[]): number | undefined {
  const size = (index: number): number => sizeOf(args[index] ?? null);
  const own = byName[name]?.(size, id, args);
  if (own !== undefined) return own;
  if (name === 'join') return undefined;
  if (name === '_==_' && args[0] instanceof Opaque) return 1;
  switch (id) {
    case 'starts_with_string':
    case 'ends_with_string':
    case 'string_to_bytes':
    case 'bytes_to_string':
    case 'strings_quote':
    case 'string_format':
      return Math.ceil(size(0) * traversal);
    case 'in_list':
      return size(1);
    case 'add_string':
    case 'add_bytes':
      return Math.ceil((size(0) + size(1)) * traversal);
    case 'matches':
    case 'matches_string':
      return regexCost(size(0), size(1));
    case 'contains_string':
      return Math.ceil(size(0) * traversal) * Math.ceil(size(1) * traversal);
    default:
  }
  return isByLength(id) ? Math.ceil(Math.min(size(0), size(1)) * traversal) : 1;
}

const comparedByLength = /^(?:less|greater)(?:_equals)?_(?:string|bytes)$/;

function isByLength(id: string): boolean {
  return id === 'equals' || id === 'not_equals' || comparedByLength.test(id);
}

function regexCost(textSize: number, regexSize: number): number {
  return Math.ceil((1 + textSize) * traversal) * Math.ceil(regexSize * regexFactor);
}

type NamedCost = (size: (index: number) => number, id: string, args: readonly Value[]) => number | undefined;

const traverse: NamedCost = (size) => Math.ceil(size(0) * traversal);
const twice: NamedCost = (size) => Math.ceil(size(0) * 2 * traversal);
const whole: NamedCost = (_size, _id, args) => valueCost(args[0] ?? null);

const byName: Readonly<Record<string, NamedCost>> = {
  isSorted: whole,
  sum: whole,
  max: whole,
  min: whole,
  indexOf: whole,
  lastIndexOf: whole,
  url: traverse,
  lowerAscii: traverse,
  upperAscii: traverse,
  substring: traverse,
  trim: traverse,
  replace: twice,
  split: twice,
  find: (size) => regexCost(size(0), size(1)),
  findAll: (size) => regexCost(size(0), size(1)),
  cidr: traverse,
  isIP: traverse,
  isCIDR: traverse,
  ip: (size, id) => (id === 'cidr_ip' ? 1 : Math.ceil(size(0) * traversal)),
  'ip.isCanonical': twice,
  containsIP: (size, id) =>
    Math.ceil(size(0) * 2 * traversal) + (id === 'cidr_contains_ip_string' ? Math.ceil(size(1) * traversal) : 0),
  containsCIDR: (size, id) =>
    Math.ceil(size(0) * 2 * traversal) +
    Math.ceil(size(0) * traversal) +
    1 +
    (id === 'cidr_contains_cidr_string' ? Math.ceil(size(1) * traversal) : 0),
  quantity: traverse,
  isQuantity: traverse,
  semver: traverse,
  isSemver: traverse,
  validate: (size, _id, args) => regexCost(size(1), formatRegexSize(args[0]) ?? 0),
};

/** Of looking at a value with everything in it. */
function valueCost(value: Value): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * traversal);
  if (value instanceof Uint8Array) return Math.floor(value.length * traversal);
  if (typeof value !== 'object' || value === null) return 1;
  if (isList(value)) return value.reduce((sum: number, item) => sum + valueCost(item), 0);
  if (!isMapValue(value)) return 1;
  return value.keys().reduce((sum: number, key) => sum + valueCost(key) + valueCost(value.get(key) ?? null), 0);
}
