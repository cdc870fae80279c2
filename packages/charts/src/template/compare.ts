/** eq, ne, lt and their like. Source: Go's text/template/funcs.go. */

import { FunctionError } from '../errors.ts';
import { sprintf } from '../go/sprintf.ts';
import { compareStrings } from '../go/utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject, isNilContainer, kindName, typeName } from '../go/values.ts';

type BasicKind = 'bool' | 'int' | 'uint' | 'float' | 'complex' | 'string' | 'other';

function basicKind(value: unknown): BasicKind {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'float';
    case 'boolean':
      return 'bool';
    default:
      if (value instanceof GoInt) return value.kind.startsWith('int') ? 'int' : 'uint';
      return value instanceof GoComplex ? 'complex' : 'other';
  }
}

function isNil(value: unknown): boolean {
  return value === null || value === undefined || isNilContainer(value);
}

const badType = 'invalid type for comparison';

/** eq: whether the first equals any of the others; stops at the first that does. */
export function equal(first: unknown, others: readonly unknown[]): boolean {
  if (others.length === 0) throw new FunctionError('missing argument for comparison');
  return others.some((other) => equalTwo(first, other));
}

function equalTwo(left: unknown, right: unknown): boolean {
  if (typeof left === 'string' && typeof right === 'string') return left === right;
  const leftKind = basicKind(left);
  const rightKind = basicKind(right);
  if (leftKind !== rightKind) {
    if (left instanceof GoInt && right instanceof GoInt) return left.value === right.value;
    if (left === null || left === undefined || right === null || right === undefined) return false;
    throw new FunctionError(`incompatible types for comparison: ${typeName(left)} and ${typeName(right)}`);
  }
  if (leftKind !== 'other') {
    if (left instanceof GoInt && right instanceof GoInt) return left.value === right.value;
    if (left instanceof GoComplex && right instanceof GoComplex) return left.re === right.re && left.im === right.im;
    return left === right;
  }
  return equalOther(left, right);
}

function equalOther(left: unknown, right: unknown): boolean {
  if (!isNoValue(left) && !isNoValue(right) && kindName(left) !== kindName(right)) {
    throw new FunctionError(
      sprintf('non-comparable types %s: %s, %s: %v', [left, typeName(left), typeName(right), right]),
    );
  }
  if (isNil(left) || isNil(right)) return isNil(left) === isNil(right);
  if (right instanceof Map || Array.isArray(right) || right instanceof GoBytes || isIncomparable(right)) {
    throw new FunctionError(sprintf('non-comparable type %s: %s', [right, typeName(right)]));
  }
  return left === right;
}

function isNoValue(value: unknown): boolean {
  return value === null || value === undefined;
}

/** A struct with a map or list in it cannot be compared. */
function isIncomparable(value: unknown): boolean {
  return (
    value instanceof GoObject &&
    value.kind === 'struct' &&
    value.fields().some(([, field]) => field instanceof Map || Array.isArray(field) || isIncomparable(field))
  );
}

/** lt. */
export function less(left: unknown, right: unknown): boolean {
  const leftKind = basicKind(left);
  if (leftKind === 'other') throw new FunctionError(badType);
  const rightKind = basicKind(right);
  if (rightKind === 'other') throw new FunctionError(badType);
  if (left instanceof GoInt && right instanceof GoInt) return left.value < right.value;
  if (leftKind !== rightKind) {
    throw new FunctionError(`incompatible types for comparison: ${typeName(left)} and ${typeName(right)}`);
  }
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  if (typeof left === 'string' && typeof right === 'string') return compareStrings(left, right) < 0;
  throw new FunctionError(badType);
}

/** le: lt or eq. */
export function lessOrEqual(left: unknown, right: unknown): boolean {
  return less(left, right) || equalTwo(left, right);
}
