/** The functions of text/template itself. */

import { FunctionError } from '../errors.ts';
import { printText, sprint, sprintln } from '../go/fmt.ts';
import { sprintf } from '../go/sprintf.ts';
import { byteLength, toBytes } from '../go/utf8.ts';
import { elemTypeOf, GoBytes, goInt, GoInt, isTrue, typeName } from '../go/values.ts';
import { equal, less, lessOrEqual } from '../template/compare.ts';
import { zeroOf } from '../template/zero.ts';
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts';
import { row, type FunctionRow } from './row.ts';

/** The text of html, js and urlquery: nil prints as `<no value>`, one string as it is. */
function evalArgs(values: readonly unknown[]): string {
  const [only] = values;
  if (values.length === 1 && typeof only === 'string') return only;
  return sprint(values.map((value) => value ?? '<no value>'));
}

function indexNumber(index: unknown, limit: number): number {
  if (index === null || index === undefined) throw new FunctionError('cannot index slice/array with nil');
  if (!(index instanceof GoInt)) throw new FunctionError(`cannot index slice/array with type ${typeName(index)}`);
  if (index.value < 0n || index.value > BigInt(limit)) throw new FunctionError(`index out of range: ${index.value}`);
  return Number(index.value);
}

/** Go panics where its own check lets the length itself through. */
function outOfRange(kind: string): never {
  throw new FunctionError(`reflect: ${kind} index out of range`);
}

function indexOne(item: unknown, index: unknown): unknown {
  if (item === null || item === undefined) throw new FunctionError('index of nil pointer');
  if (typeof item === 'string') {
    const bytes = toBytes(item);
    const byte = bytes[indexNumber(index, bytes.length)];
    return byte === undefined ? outOfRange('string') : new GoInt('uint8', BigInt(byte));
  }
  if (item instanceof GoBytes) {
    const byte = item.data[indexNumber(index, item.data.length)];
    return byte === undefined ? outOfRange('slice') : new GoInt('uint8', BigInt(byte));
  }
  if (Array.isArray(item)) {
    const at = indexNumber(index, item.length);
    if (at >= item.length) outOfRange('slice');
    return (item as unknown[])[at] ?? null;
  }
  if (item instanceof Map) {
    if (index === null || index === undefined) throw new FunctionError('value is nil; should be of type string');
    if (typeof index !== 'string') throw new FunctionError(`value has type ${typeName(index)}; should be string`);
    const found: unknown = item.get(index);
    return found === undefined ? zeroOf(elemTypeOf(item)) : found;
  }
  throw new FunctionError(`can't index item of type ${typeName(item)}`);
}

function length(item: unknown): GoInt {
  if (item === null) throw new FunctionError('len of nil pointer');
  if (item === undefined) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
  if (typeof item === 'string') return goInt(byteLength(item));
  if (Array.isArray(item)) return goInt(item.length);
  if (item instanceof Map) return goInt(item.size);
  if (item instanceof GoBytes) return goInt(item.data.length);
  throw new FunctionError(`len of type ${typeName(item)}`);
}

const any = 'reflect.Value';
const anys = '...reflect.Value';
const printed = '...interface {}';

export const builtins: readonly FunctionRow[] = [
  row({
    name: 'and',
    args: [any, anys],
    returns: 'reflect.Value',
    doc: 'Gives its first empty argument, or the last one; later arguments are not evaluated.',
    example: ['{{ and "a" 0 "b" }}', '0'],
    run: (first, rest) => rest ?? first,
  }),
  row({
    name: 'or',
    args: [any, anys],
    returns: 'reflect.Value',
    doc: 'Gives its first non-empty argument, or the last one; later arguments are not evaluated.',
    example: ['{{ or "" "b" "c" }}', 'b'],
    run: (first, rest) => rest ?? first,
  }),
  row({
    name: 'not',
    args: [any],
    returns: 'bool',
    doc: 'True for an empty argument.',
    example: ['{{ not "" }}', 'true'],
    run: (value) => !isTrue(value),
  }),
  row({
    name: 'call',
    args: [any, anys],
    returns: 'reflect.Value',
    doc: 'Calls a function value; charts have none, so it always fails.',
    // The executor puts the name of the callee before its value.
    run: (name, value) => {
      if (value === null || value === undefined) throw new FunctionError('call of nil');
      // A piped callee has no words of its own: Go shows its text, or its type.
      const shown = name ?? (typeof value === 'string' ? value : `<${typeName(value)} Value>`);
      throw new FunctionError(`non-function ${printText(shown)} of type ${typeName(value)}`);
    },
  }),
  row({
    name: 'html',
    args: [printed],
    returns: 'string',
    doc: 'Escapes its arguments for HTML.',
    example: ['{{ html "<a>" }}', '&lt;a&gt;'],
    run: (...values) => escapeHtml(evalArgs(values)),
  }),
  row({
    name: 'js',
    args: [printed],
    returns: 'string',
    doc: 'Escapes its arguments for JavaScript strings.',
    example: ['{{ js "it\'s" }}', "it\\'s"],
    run: (...values) => escapeJs(evalArgs(values)),
  }),
  row({
    name: 'urlquery',
    args: [printed],
    returns: 'string',
    doc: 'Escapes its arguments for a URL query.',
    example: ['{{ urlquery "a b&c" }}', 'a+b%26c'],
    run: (...values) => escapeQuery(evalArgs(values)),
  }),
  row({
    name: 'index',
    args: [any, anys],
    returns: 'reflect.Value',
    doc: 'Looks up list positions and map keys, one after the other.',
    example: ['{{ index (dict "a" (list "x" "y")) "a" 1 }}', 'y'],
    run: (item, ...indexes) => {
      if (item === null || item === undefined) throw new FunctionError('index of untyped nil');
      return indexes.reduce(indexOne, item);
    },
  }),
  row({
    name: 'len',
    args: [any],
    returns: 'int',
    doc: 'The number of elements, or of bytes of a string.',
    example: ['{{ len (list 1 2) }} {{ len "é" }}', '2 2'],
    run: length,
  }),
  row({
    name: 'print',
    args: [printed],
    returns: 'string',
    doc: 'Prints its arguments, with a space between two that are no strings.',
    example: ['{{ print 1 2 "x" 3 }}', '1 2x3'],
    run(...values) {
      this.printing(values);
      return sprint(values);
    },
  }),
  row({
    name: 'printf',
    args: ['string', printed],
    returns: 'string',
    doc: "Formats its arguments with Go's verbs.",
    example: ['{{ printf "%s-%03d" "a" 7 }}', 'a-007'],
    run(format, ...values) {
      if (format.includes('%v')) this.printing(values);
      return sprintf(format, values);
    },
  }),
  row({
    name: 'println',
    args: [printed],
    returns: 'string',
    doc: 'Prints its arguments with spaces between them and a newline.',
    example: ['{{ println "a" 1 }}', 'a 1\n'],
    run: (...values) => sprintln(values),
  }),
  row({
    name: 'eq',
    args: [any, anys],
    returns: 'bool',
    doc: 'True when the first argument equals any of the others, of the same kind.',
    example: ['{{ eq "a" "b" "a" }}', 'true'],
    run: (first, ...others) => equal(first, others),
  }),
  row({
    name: 'ne',
    args: [any, any],
    returns: 'bool',
    doc: 'True when the arguments differ.',
    example: ['{{ ne 1 2 }}', 'true'],
    run: (left, right) => !equal(left, [right]),
  }),
  row({
    name: 'lt',
    args: [any, any],
    returns: 'bool',
    doc: 'True when the first is less than the second.',
    example: ['{{ lt 1 2 }}', 'true'],
    run: less,
  }),
  row({
    name: 'le',
    args: [any, any],
    returns: 'bool',
    doc: 'True when the first is not more than the second.',
    example: ['{{ le 2 2 }}', 'true'],
    run: lessOrEqual,
  }),
  row({
    name: 'gt',
    args: [any, any],
    returns: 'bool',
    doc: 'True when the first is more than the second.',
    example: ['{{ gt 2 1 }}', 'true'],
    run: (left, right) => !lessOrEqual(left, right),
  }),
  row({
    name: 'ge',
    args: [any, any],
    returns: 'bool',
    doc: 'True when the first is not less than the second.',
    example: ['{{ ge 2 2 }}', 'true'],
    run: (left, right) => !less(left, right),
  }),
];
