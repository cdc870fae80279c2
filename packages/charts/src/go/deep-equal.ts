/** reflect.DeepEqual over template values: types count. */

import { LimitError } from '../errors.ts';
import { compareByteArrays } from './utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject, isNilContainer, typeName } from './values.ts';

/** True when both have the same type and content. Throws `LimitError` for what is too deep or too large. */
export function deepEqual(left: unknown, right: unknown, above?: Compared): boolean {
  if (left === right) return !(typeof left === 'number' && Number.isNaN(left));
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return (left ?? null) === (right ?? null);
  }
  if (typeName(left) !== typeName(right) || isNilContainer(left) !== isNilContainer(right)) return false;
  if (left instanceof GoInt && right instanceof GoInt) return left.value === right.value;
  if (left instanceof GoComplex && right instanceof GoComplex) return left.re === right.re && left.im === right.im;
  if (left instanceof GoBytes && right instanceof GoBytes) return compareByteArrays(left.data, right.data) === 0;
  if (Array.isArray(left) && Array.isArray(right)) {
    const within = entered(above, left.length);
    return left.length === right.length && left.every((item, index) => deepEqual(item, right[index], within));
  }
  if (left instanceof Map && right instanceof Map) {
    if (left.size !== right.size) return false;
    const within = entered(above, left.size);
    for (const [key, value] of left) if (!right.has(key) || !deepEqual(value, right.get(key), within)) return false;
    return true;
  }
  if (left instanceof GoObject && right instanceof GoObject) return left.equals(right);
  return false;
}

/** How far a comparison has come. */
interface Compared {
  readonly depth: number;
  readonly all: { items: number };
}

const depthMax = 1000;
/** What is shared counts as often as it is met. */
const itemsMax = 300_000;

function entered(above: Compared | undefined, items: number): Compared {
  const depth = (above?.depth ?? 0) + 1;
  const all = above?.all ?? { items: 0 };
  all.items += items;
  if (depth > depthMax || all.items > itemsMax) {
    throw new LimitError(
      `values nested more than ${depthMax} levels or with more than ${itemsMax} items cannot be compared`,
    );
  }
  return { depth, all };
}
