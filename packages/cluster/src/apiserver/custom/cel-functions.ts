/** Functions Kubernetes adds to CEL for lists. Source: apiserver pkg/cel/library, lists.go. */

import { celMethod, CelScalar, listType, type CelFunc, type CelList } from '@bufbuild/cel';

const anyList = listType(CelScalar.DYN);

function compare(left: unknown, right: unknown): number {
  if (left === right) return 0;
  return (left as number) < (right as number) ? -1 : 1;
}

function itemsOf(list: CelList): unknown[] {
  return [...list];
}

function extreme(list: CelList, sign: 1 | -1): never {
  const [first, ...rest] = itemsOf(list);
  // The result has the type of the elements, which the library cannot name.
  return rest.reduce((best, item) => (compare(item, best) * sign < 0 ? item : best), first) as never;
}

/** `isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf` of lists. */
export const listFunctions: readonly CelFunc[] = [
  celMethod('isSorted', anyList, [], CelScalar.BOOL, function isSorted() {
    const items = itemsOf(this);
    return items.every((item, index) => index === 0 || compare(items[index - 1], item) <= 0);
  }),
  celMethod('sum', anyList, [], CelScalar.DYN, function sum() {
    const items = itemsOf(this) as (bigint | number)[];
    if (items.every((item) => typeof item === 'bigint'))
      return items.reduce((total, item) => total + item, 0n) as never;
    return items.reduce((total, item) => Number(total) + Number(item), 0) as never;
  }),
  celMethod('min', anyList, [], CelScalar.DYN, function min() {
    return extreme(this, 1);
  }),
  celMethod('max', anyList, [], CelScalar.DYN, function max() {
    return extreme(this, -1);
  }),
  celMethod('indexOf', anyList, [CelScalar.DYN], CelScalar.INT, function indexOf(wanted) {
    return BigInt(itemsOf(this).indexOf(wanted));
  }),
  celMethod('lastIndexOf', anyList, [CelScalar.DYN], CelScalar.INT, function lastIndexOf(wanted) {
    return BigInt(itemsOf(this).lastIndexOf(wanted));
  }),
];
