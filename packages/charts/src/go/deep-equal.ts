/** reflect.DeepEqual over template values: types count. */

import { compareByteArrays } from './utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject, isNilContainer, typeName } from './values.ts';

/** True when both have the same type and content. */
export function deepEqual(left: unknown, right: unknown): boolean {
  if (left === right) return !(typeof left === 'number' && Number.isNaN(left));
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return (left ?? null) === (right ?? null);
  }
  if (typeName(left) !== typeName(right) || isNilContainer(left) !== isNilContainer(right)) return false;
  if (left instanceof GoInt && right instanceof GoInt) return left.value === right.value;
  if (left instanceof GoComplex && right instanceof GoComplex) return left.re === right.re && left.im === right.im;
  if (left instanceof GoBytes && right instanceof GoBytes) return compareByteArrays(left.data, right.data) === 0;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => deepEqual(item, right[index]));
  }
  if (left instanceof Map && right instanceof Map) {
    if (left.size !== right.size) return false;
    for (const [key, value] of left) if (!right.has(key) || !deepEqual(value, right.get(key))) return false;
    return true;
  }
  if (left instanceof GoObject && right instanceof GoObject) return left.equals(right);
  return false;
}
