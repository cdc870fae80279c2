/** Types and kinds. Source: sprig, reflect.go. */

import { deepEqual } from '../go/deep-equal.ts';
import { kindName, typeName } from '../go/values.ts';
import { row, type FunctionRow } from './row.ts';

const any = 'interface {}';

export const reflection: readonly FunctionRow[] = [
  row({
    name: 'typeOf',
    args: [any],
    returns: 'string',
    doc: "The Go type's name.",
    example: ['{{ typeOf 1 }} {{ typeOf (list) }}', 'int []interface {}'],
    run: typeName,
  }),
  row({
    name: 'typeIs',
    args: ['string', any],
    returns: 'bool',
    doc: 'Whether the value has the named type.',
    example: ['{{ typeIs "string" "a" }}', 'true'],
    run: (target, value) => target === typeName(value),
  }),
  row({
    name: 'typeIsLike',
    args: ['string', any],
    returns: 'bool',
    doc: 'Whether the value has the named type or is a pointer to it.',
    example: ['{{ typeIsLike "string" "a" }}', 'true'],
    run: (target, value) => target === typeName(value) || `*${target}` === typeName(value),
  }),
  row({
    name: 'kindOf',
    args: [any],
    returns: 'string',
    doc: "The Go kind's name: string, int, float64, bool, map, slice, struct, invalid.",
    example: ['{{ kindOf (dict) }}', 'map'],
    run: kindName,
  }),
  row({
    name: 'kindIs',
    args: ['string', any],
    returns: 'bool',
    doc: 'Whether the value has the named kind.',
    example: ['{{ kindIs "slice" (list) }}', 'true'],
    run: (target, value) => target === kindName(value),
  }),
  row({
    name: 'deepEqual',
    args: [any, any],
    returns: 'bool',
    doc: 'Whether both have the same type and content.',
    example: ['{{ deepEqual (list 1 2) (list 1 2) }}', 'true'],
    run: deepEqual,
  }),
];
