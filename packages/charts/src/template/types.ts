/** Go types of parameters: what may be given for them, and what the error says otherwise. */

import { GoInt, GoObject, TaggedMap, taggedList, tagOf, typeName } from '../go/values.ts';
import { fail } from './exec-error.ts';
import type { Frame } from './frame.ts';

/** Any value, nil included. */
export const anyType = 'interface {}';
/** The builtins' parameters: they see nil and "no value" themselves. */
export const rawType = 'reflect.Value';

/** True when nil may be given for the type. */
export function canBeNil(type: string): boolean {
  return (
    type === anyType || type === rawType || type.startsWith('map[') || type.startsWith('[]') || type.startsWith('*')
  );
}

/** The nil of a type that has one. */
export function nilOf(type: string): unknown {
  if (type === rawType) return undefined;
  if (type.startsWith('map[')) return new TaggedMap({ isNil: true, elem: type.slice('map[string]'.length) });
  if (type.startsWith('[]')) return taggedList({ isNil: true, elem: type.slice(2) }, []);
  return null;
}

/** Whether a value (not nil) may be assigned to the type. */
function isAssignable(value: unknown, type: string): boolean {
  if (type === anyType || type === rawType) return true;
  const actual = typeName(value);
  if (actual === type) return true;
  // A named map or slice type goes where its underlying type is wanted.
  if (value instanceof Map) return type === `map[string]${tagOf(value)?.elem ?? anyType}`;
  if (Array.isArray(value)) return type === `[]${tagOf(value)?.elem ?? anyType}`;
  return value instanceof GoObject && actual === `*${type}`;
}

/** Checks a value against a parameter's type and gives what the function receives. Source: text/template validateType. */
export function validate(frame: Frame, value: unknown, type: string): unknown {
  if (type === anyType) return value === undefined ? null : value;
  if (type === rawType) return value;
  if (value === undefined) {
    if (canBeNil(type)) return nilOf(type);
    fail(frame, `invalid value; expected ${type}`);
  }
  if (value === null) fail(frame, `wrong type for value; expected ${type}; got ${anyType}`);
  if (type === 'string' ? typeof value !== 'string' : !isAssignable(value, type)) {
    fail(frame, `wrong type for value; expected ${type}; got ${typeName(value)}`);
  }
  // Integer parameters are JavaScript numbers inside functions.
  return value instanceof GoInt ? Number(value.value) : value;
}
