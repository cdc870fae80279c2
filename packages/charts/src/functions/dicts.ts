/** Dictionaries. Source: sprig, dict.go. */

import { FunctionError } from '../errors.ts';
import { toText } from '../go/cast.ts';
import { deepCopy, mergeInto } from '../go/merge.ts';
import { sortedKeys } from '../go/utf8.ts';
import { isNilContainer, stringList, typeName, type GoMap } from '../go/values.ts';
import { row, type FunctionRow } from './row.ts';

function makeDict(values: readonly unknown[]): GoMap {
  const dict = new Map<string, unknown>();
  for (let index = 0; index < values.length; index += 2) {
    const key = values[index];
    dict.set(
      key === null || key === undefined ? '<nil>' : toText(key),
      index + 1 < values.length ? values[index + 1] : '',
    );
  }
  return dict;
}

function dig(path: readonly unknown[]): unknown {
  if (path.length < 3) throw new FunctionError('dig needs at least three arguments');
  const keys = path.slice(0, -2);
  const fallback = path.at(-2);
  let dict = asDict(path.at(-1));
  const names = keys.map((key) => {
    if (typeof key !== 'string')
      throw new FunctionError(`interface conversion: interface {} is ${dynamicType(key)}, not string`);
    return key;
  });
  for (const [index, name] of names.entries()) {
    if (!dict.has(name)) return fallback;
    const step = dict.get(name);
    if (index === names.length - 1) return step;
    dict = asDict(step);
  }
  return fallback;
}

function dynamicType(value: unknown): string {
  return value === null || value === undefined ? 'nil' : typeName(value);
}

/** A type assertion, which named map types do not pass. */
function asDict(value: unknown): GoMap {
  if (value instanceof Map && typeName(value) === 'map[string]interface {}') return value;
  throw new FunctionError(`interface conversion: interface {} is ${dynamicType(value)}, not map[string]interface {}`);
}

function mergeAll(target: GoMap, sources: readonly GoMap[], overwrite: boolean): GoMap {
  for (const source of sources) mergeInto(target, source, overwrite);
  return target;
}

const any = 'interface {}';
const anys = '...interface {}';
const dict = 'map[string]interface {}';
const dicts = '...map[string]interface {}';

export const dictionaries: readonly FunctionRow[] = [
  row({
    name: 'dict',
    args: [anys],
    returns: dict,
    doc: 'Makes a dictionary of keys and values in turn.',
    example: ['{{ dict "a" 1 "b" 2 }}', 'map[a:1 b:2]'],
    run: (...values) => makeDict(values),
  }),
  row({
    name: 'get',
    args: [dict, 'string'],
    returns: any,
    doc: 'The value of a key, "" when it is missing.',
    example: ['{{ get (dict "a" 1) "a" }}', '1'],
    run: (map, key) => (map.has(key) ? map.get(key) : ''),
  }),
  row({
    name: 'set',
    args: [dict, 'string', any],
    returns: dict,
    doc: 'Sets a key in place, visible to everyone who holds the dictionary.',
    example: ['{{ set (dict "a" 1) "b" 2 }}', 'map[a:1 b:2]'],
    run: (map, key, value) => {
      if (isNilContainer(map)) throw new FunctionError('assignment to entry in nil map');
      return map.set(key, value);
    },
  }),
  row({
    name: 'unset',
    args: [dict, 'string'],
    returns: dict,
    doc: 'Removes a key in place.',
    example: ['{{ unset (dict "a" 1 "b" 2) "a" }}', 'map[b:2]'],
    run: (map, key) => {
      map.delete(key);
      return map;
    },
  }),
  row({
    name: 'hasKey',
    args: [dict, 'string'],
    returns: 'bool',
    doc: 'Whether the key is there, even with nil.',
    example: ['{{ hasKey (dict "a" 1) "a" }}', 'true'],
    run: (map, key) => map.has(key),
  }),
  row({
    name: 'pluck',
    args: ['string', dicts],
    returns: '[]interface {}',
    doc: 'The values of a key in all dictionaries that have it.',
    example: ['{{ pluck "a" (dict "a" 1) (dict "a" 2) (dict) }}', '[1 2]'],
    run: (key, ...maps) => maps.filter((map) => map.has(key)).map((map) => map.get(key)),
  }),
  row({
    name: 'keys',
    args: [dicts],
    returns: '[]string',
    doc: 'The keys of all dictionaries; sorted here, in no order in Helm.',
    example: ['{{ keys (dict "b" 1 "a" 2) }}', '[a b]'],
    run: (...maps) => stringList(maps.flatMap(sortedKeys)),
  }),
  row({
    name: 'values',
    args: [dict],
    returns: '[]interface {}',
    doc: 'The values of a dictionary, in the order of their keys here, in none in Helm.',
    example: ['{{ values (dict "b" 1 "a" 2) }}', '[2 1]'],
    run: (map) => sortedKeys(map).map((key) => map.get(key)),
  }),
  row({
    name: 'pick',
    args: [dict, '...string'],
    returns: dict,
    doc: 'A new dictionary of the named keys.',
    example: ['{{ pick (dict "a" 1 "b" 2) "a" }}', 'map[a:1]'],
    run: (map, ...keys) => new Map(keys.filter((key) => map.has(key)).map((key) => [key, map.get(key)])),
  }),
  row({
    name: 'omit',
    args: [dict, '...string'],
    returns: dict,
    doc: 'A new dictionary without the named keys.',
    example: ['{{ omit (dict "a" 1 "b" 2) "a" }}', 'map[b:2]'],
    run: (map, ...keys) => new Map([...map].filter(([key]) => !keys.includes(key))),
  }),
  ...(['merge', 'mustMerge'] as const).map((name) =>
    row({
      name,
      args: [dict, dicts],
      returns: any,
      doc: 'Fills the first dictionary, in place, with what the others have and it lacks.',
      example: [`{{ ${name} (dict "a" 1) (dict "a" 2 "b" 3) }}`, 'map[a:1 b:3]'],
      run: (target, ...sources) => mergeAll(target, sources, false),
    }),
  ),
  ...(['mergeOverwrite', 'mustMergeOverwrite'] as const).map((name) =>
    row({
      name,
      args: [dict, dicts],
      returns: any,
      doc: 'Overwrites the first dictionary, in place, with what the others have.',
      example: [`{{ ${name} (dict "a" 1) (dict "a" 2 "b" 3) }}`, 'map[a:2 b:3]'],
      run: (target, ...sources) => mergeAll(target, sources, true),
    }),
  ),
  ...(['deepCopy', 'mustDeepCopy'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: any,
      doc: 'A copy that shares nothing with the original.',
      example: [`{{ ${name} (dict "a" (list 1)) }}`, 'map[a:[1]]'],
      run: (value) => {
        if (value === null) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
        return deepCopy(value);
      },
    }),
  ),
  row({
    name: 'dig',
    args: [anys],
    returns: any,
    doc: 'Follows keys into nested dictionaries; the last but one argument is the default.',
    example: ['{{ dig "a" "b" "none" (dict "a" (dict "b" 1)) }}', '1'],
    run: (...path) => dig(path),
  }),
];
