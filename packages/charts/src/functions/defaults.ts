/** Defaults and emptiness. Source: sprig, defaults.go. */

import { isTrue } from '../go/values.ts';
import { row, type FunctionRow } from './row.ts';

/** sprig's empty: nil, false, 0, and what has no length; an object never is. */
export function isEmpty(value: unknown): boolean {
  return value === undefined || !isTrue(value);
}

const any = 'interface {}';
const anys = '...interface {}';

export const defaults: readonly FunctionRow[] = [
  row({
    name: 'default',
    args: [any, anys],
    returns: any,
    doc: 'The second argument, or the first when that is empty.',
    example: ['{{ default "a" "" }} {{ "b" | default "a" }}', 'a b'],
    run: (fallback, ...given) => (given.length === 0 || isEmpty(given[0]) ? fallback : given[0]),
  }),
  row({
    name: 'empty',
    args: [any],
    returns: 'bool',
    doc: 'Whether the argument is nil, false, 0 or has no length.',
    example: ['{{ empty "" }}', 'true'],
    run: isEmpty,
  }),
  row({
    name: 'coalesce',
    args: [anys],
    returns: any,
    doc: 'The first argument that is not empty, else nil.',
    example: ['{{ coalesce "" 0 "a" }}', 'a'],
    run: (...values) => values.find((value) => !isEmpty(value)) ?? null,
  }),
  row({
    name: 'all',
    args: [anys],
    returns: 'bool',
    doc: 'Whether no argument is empty.',
    example: ['{{ all 1 "a" }}', 'true'],
    run: (...values) => values.every((value) => !isEmpty(value)),
  }),
  row({
    name: 'any',
    args: [anys],
    returns: 'bool',
    doc: 'Whether some argument is not empty.',
    example: ['{{ any 0 "a" }}', 'true'],
    run: (...values) => values.some((value) => !isEmpty(value)),
  }),
  row({
    name: 'ternary',
    args: [any, any, 'bool'],
    returns: any,
    doc: 'The first argument when the third is true, else the second.',
    example: ['{{ true | ternary "yes" "no" }}', 'yes'],
    run: (yes, no, condition) => (condition ? yes : no),
  }),
];
