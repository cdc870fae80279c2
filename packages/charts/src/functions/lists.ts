/** Lists. Source: sprig, list.go. */

import { FunctionError } from '../errors.ts';
import { toIntNumber, toText, toTexts } from '../go/cast.ts';
import { deepEqual } from '../go/deep-equal.ts';
import { compareStrings } from '../go/utf8.ts';
import { GoBytes, GoInt, kindName, stringList, tagOf, taggedList } from '../go/values.ts';
import { isEmpty } from './defaults.ts';
import { guardItems, guardSize } from './guard.ts';
import { row, type FunctionRow, type Services } from './row.ts';

/** What Go says when a nil is asked for its type. */
export const nilPanic = 'runtime error: invalid memory address or nil pointer dereference';

/** The items of a list; anything else is refused with sprig's sentence. */
export function itemsOf(value: unknown, refusal: string): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof GoBytes) return Array.from(value.data, (byte) => new GoInt('uint8', BigInt(byte)));
  if (value === null || value === undefined) throw new FunctionError(nilPanic);
  throw new FunctionError(`${refusal} ${kindName(value)}`);
}

/** `[]interface {}(nil)`. */
function nilList(): unknown[] {
  return taggedList({ isNil: true }, []);
}

function inList(list: readonly unknown[], value: unknown): boolean {
  return list.some((item) => deepEqual(value, item));
}

function push(list: unknown, value: unknown): unknown[] {
  return [...itemsOf(list, 'Cannot push on type'), value];
}

function prepend(list: unknown, value: unknown): unknown[] {
  return [value, ...itemsOf(list, 'Cannot prepend on type')];
}

function first(list: unknown): unknown {
  return itemsOf(list, 'Cannot find first on type')[0] ?? null;
}

function last(list: unknown): unknown {
  return itemsOf(list, 'Cannot find last on type').at(-1) ?? null;
}

function rest(list: unknown): unknown[] {
  const items = itemsOf(list, 'Cannot find rest on type');
  return items.length === 0 ? nilList() : items.slice(1);
}

function initial(list: unknown): unknown[] {
  const items = itemsOf(list, 'Cannot find initial on type');
  // Sprig makes one element too many room for: the last stays nil.
  return items.length === 0 ? nilList() : items.slice(0, -1);
}

function reverse(list: unknown): unknown[] {
  return itemsOf(list, 'Cannot find reverse on type').toReversed();
}

function compact(list: unknown): unknown[] {
  return itemsOf(list, 'Cannot compact on type').filter((item) => !isEmpty(item));
}

function uniq(list: unknown): unknown[] {
  const seen: unknown[] = [];
  const texts = new Set<string>();
  for (const item of itemsOf(list, 'Cannot find uniq on type')) {
    if (typeof item === 'string' ? texts.has(item) : inList(seen, item)) continue;
    if (typeof item === 'string') texts.add(item);
    seen.push(item);
  }
  return seen;
}

function without(list: unknown, omitted: readonly unknown[]): unknown[] {
  return itemsOf(list, 'Cannot find without on type').filter((item) => !inList(omitted, item));
}

function has(needle: unknown, haystack: unknown): boolean {
  if (haystack === null || haystack === undefined) return false;
  return inList(itemsOf(haystack, 'Cannot find has on type'), needle);
}

function slice(list: unknown, indexes: readonly unknown[]): unknown {
  const items = itemsOf(list, 'list should be type of slice or array but');
  if (items.length === 0) return null;
  const start = indexes.length > 0 ? toIntNumber(indexes[0]) : 0;
  const end = indexes.length < 2 ? items.length : toIntNumber(indexes[1]);
  if (start < 0 || start > end || end > items.length)
    throw new FunctionError('reflect.Value.Slice: slice index out of bounds');
  if (list instanceof GoBytes) return new GoBytes(list.data.slice(start, end));
  const part = items.slice(start, end);
  const tag = tagOf(items);
  return tag === undefined ? part : taggedList(tag, part);
}

function concat(services: Services, lists: readonly unknown[]): unknown {
  const all: unknown[] = [];
  for (const list of lists) {
    if (list === null || list === undefined) throw new FunctionError(nilPanic);
    if (!Array.isArray(list) && !(list instanceof GoBytes)) {
      throw new FunctionError(`Cannot concat type ${kindName(list)} as list`);
    }
    const items = itemsOf(list, '');
    guardItems(services, all.length + items.length);
    for (const item of items) all.push(item);
  }
  return all.length === 0 ? nilList() : all;
}

/** Sprig computes the number of chunks in floating point: a size of 0 or less has its own outcomes. */
function chunk(size: number, list: unknown): unknown {
  const items = itemsOf(list, 'Cannot chunk type');
  const outOfRange = 'runtime error: makeslice: len out of range';
  const count = Math.floor((items.length - 1) / size) + 1;
  if (!Number.isFinite(count) || count < 0) throw new FunctionError(outOfRange);
  const chunks = Array.from({ length: count }, (_, index) => {
    let length = size;
    if (index === count - 1) length = items.length % size === 0 ? size : items.length % size;
    if (length < 0) throw new FunctionError(outOfRange);
    return items.slice(index * size, index * size + length);
  });
  return taggedList({ elem: '[]interface {}' }, chunks);
}

function sortAlpha(list: unknown): unknown {
  if (Array.isArray(list) || list instanceof GoBytes) return stringList(toTexts(list).toSorted(compareStrings));
  return stringList([list === null || list === undefined ? '<nil>' : toText(list)]);
}

const any = 'interface {}';
const anys = '...interface {}';
const list = '[]interface {}';
const orError = (type: string): string => `(${type}, error)`;

export const lists: readonly FunctionRow[] = [
  ...(['list', 'tuple'] as const).map((name) =>
    row({
      name,
      args: [anys],
      returns: list,
      doc: 'Makes a list of its arguments.',
      example: [`{{ ${name} 1 "a" }}`, '[1 a]'],
      run: (...items) => items,
    }),
  ),
  ...(['append', 'push', 'mustAppend', 'mustPush'] as const).map((name) =>
    row({
      name,
      args: [any, any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'A new list with one more item at the end.',
      example: [`{{ ${name} (list 1) 2 }}`, '[1 2]'],
      run: push,
    }),
  ),
  ...(['prepend', 'mustPrepend'] as const).map((name) =>
    row({
      name,
      args: [any, any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'A new list with one more item at the front.',
      example: [`{{ ${name} (list 1) 2 }}`, '[2 1]'],
      run: prepend,
    }),
  ),
  ...(['first', 'mustFirst'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(any) : any,
      doc: 'The first item, nil of an empty list.',
      example: [`{{ ${name} (list 1 2) }}`, '1'],
      run: first,
    }),
  ),
  ...(['last', 'mustLast'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(any) : any,
      doc: 'The last item, nil of an empty list.',
      example: [`{{ ${name} (list 1 2) }}`, '2'],
      run: last,
    }),
  ),
  ...(['rest', 'mustRest'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'All items but the first.',
      example: [`{{ ${name} (list 1 2 3) }}`, '[2 3]'],
      run: rest,
    }),
  ),
  ...(['initial', 'mustInitial'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'All items but the last.',
      example: [`{{ ${name} (list 1 2 3) }}`, '[1 2]'],
      run: initial,
    }),
  ),
  ...(['reverse', 'mustReverse'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'The items from last to first.',
      example: [`{{ ${name} (list 1 2 3) }}`, '[3 2 1]'],
      run: reverse,
    }),
  ),
  ...(['compact', 'mustCompact'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'The items that are not empty.',
      example: [`{{ ${name} (list 1 0 "" "a") }}`, '[1 a]'],
      run: compact,
    }),
  ),
  ...(['uniq', 'mustUniq'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'The items without repetitions; 1 and 1.0 differ.',
      example: [`{{ ${name} (list 1 1 2) }}`, '[1 2]'],
      run: uniq,
    }),
  ),
  ...(['without', 'mustWithout'] as const).map((name) =>
    row({
      name,
      args: [any, anys],
      returns: name.startsWith('must') ? orError(list) : list,
      doc: 'The items that are none of the others.',
      example: [`{{ ${name} (list 1 2 3) 2 }}`, '[1 3]'],
      run: (items, ...omitted) => without(items, omitted),
    }),
  ),
  ...(['has', 'mustHas'] as const).map((name) =>
    row({
      name,
      args: [any, any],
      returns: name.startsWith('must') ? orError('bool') : 'bool',
      doc: 'Whether the list (second) has the item (first), types included.',
      example: [`{{ ${name} "a" (list "a") }}`, 'true'],
      run: has,
    }),
  ),
  ...(['slice', 'mustSlice'] as const).map((name) =>
    row({
      name,
      args: [any, anys],
      returns: name.startsWith('must') ? orError(any) : any,
      doc: 'The items from the first index up to, not including, the second.',
      example: [`{{ ${name} (list 1 2 3) 1 2 }}`, '[2]'],
      run: (items, ...indexes) => slice(items, indexes),
    }),
  ),
  row({
    name: 'concat',
    args: [anys],
    returns: any,
    doc: 'One list of the items of all.',
    example: ['{{ concat (list 1) (list 2 3) }}', '[1 2 3]'],
    run(...all) {
      return concat(this.services, all);
    },
  }),
  ...(['chunk', 'mustChunk'] as const).map((name) =>
    row({
      name,
      args: ['int', any],
      returns: name.startsWith('must') ? orError('[][]interface {}') : '[][]interface {}',
      doc: 'Splits a list into lists of the given size.',
      example: [`{{ ${name} 2 (list 1 2 3) }}`, '[[1 2] [3]]'],
      run: chunk,
    }),
  ),
  row({
    name: 'sortAlpha',
    args: [any],
    returns: '[]string',
    doc: 'The items as strings, sorted by bytes.',
    example: ['{{ sortAlpha (list "b" "a" 1) }}', '[1 a b]'],
    run: sortAlpha,
  }),
  row({
    name: 'join',
    args: ['string', any],
    returns: 'string',
    doc: 'Joins the items, nils left out.',
    example: ['{{ join "-" (list 1 "a") }}', '1-a'],
    run(separator, items) {
      const texts = toTexts(items);
      guardSize(this.services, texts.length * separator.length);
      return texts.join(separator);
    },
  }),
  row({
    name: 'toStrings',
    args: [any],
    returns: '[]string',
    doc: 'The items as strings.',
    example: ['{{ toStrings (list 1 2.5) }}', '[1 2.5]'],
    run: (items) => (Array.isArray(items) && tagOf(items)?.elem === 'string' ? items : stringList(toTexts(items))),
  }),
];
