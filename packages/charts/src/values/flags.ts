/** The values of `helm`'s flags: files first, then --set-json, --set, --set-string, --set-file and --set-literal. */

import { chartError } from '../errors.ts';
import type { GoMap } from '../go/values.ts';
import { decodeYaml } from '../yaml/decode.ts';
import { yamlErrorLine } from '../yaml/error-line.ts';
import { jsonKind } from '../go/json-decode.ts';
import { toPlain } from '../go/plain.ts';
import type { UnknownRecord } from '@towpath/kit';
import type { ChartValues, ValueLayer } from './chart-values.ts';
import { readTyped, setInto, type SetOptions } from './set-parser.ts';

/** The texts of Helm's value flags; each list is applied in its order. */
export interface ValueFlags {
  /** `--values`: in order, later ones win. */
  readonly valueFiles?: readonly { readonly name: string; readonly text: string }[];
  readonly setJson?: readonly string[];
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  /** `--set-file key=path`; the paths are read through `readFile`. */
  readonly setFile?: readonly string[];
  readonly setLiteral?: readonly string[];
  /** Answers the text of a file named by `setFile`. */
  readonly readFile?: (path: string) => string;
}

/** Merges the flags in Helm's fixed order. Throws `VALUES_INVALID` with Helm's text. */
export function valuesFromFlags(flags: ValueFlags): ChartValues {
  let tree: GoMap = new Map();
  const layers: ValueLayer[] = [];
  for (const { name, text } of flags.valueFiles ?? []) {
    tree = mergeFiles(tree, readValuesFile(name, text));
    layers.push({ kind: 'file', source: name, text, values: () => readValuesFile(name, text) });
  }
  for (const text of flags.setJson ?? []) {
    const options = { read: readTyped, isJson: true };
    apply(tree, text, options, () => `failed parsing --set-json data ${text}`);
    layers.push(flagLayer('--set-json', text, options));
  }
  const readFile = (path: string): unknown => {
    if (flags.readFile === undefined) throw new Error(`open ${path}: no files can be read here`);
    return flags.readFile(path);
  };
  const kinds: readonly (readonly [flag: string, texts: readonly string[], options: SetOptions])[] = [
    ['--set', flags.set ?? [], { read: readTyped }],
    ['--set-string', flags.setString ?? [], { read: (text) => text }],
    ['--set-file', flags.setFile ?? [], { read: readFile }],
    ['--set-literal', flags.setLiteral ?? [], { read: (text) => text, isLiteral: true }],
  ];
  for (const [flag, texts, options] of kinds) {
    for (const text of texts) {
      apply(tree, text, options, (problem) => `failed parsing ${flag} data: ${problem}`);
      layers.push(flagLayer(flag, text, options));
    }
  }
  return { ...chartValues(tree), layers };
}

/** What one flag sets by itself: the content of files does not matter for that. */
function flagLayer(flag: string, text: string, options: SetOptions): ValueLayer {
  return {
    kind: 'flag',
    source: `${flag} ${text}`,
    values: () => {
      const tree: GoMap = new Map();
      setInto(tree, text, flag === '--set-file' ? { ...options, read: (path) => path } : options);
      return tree;
    },
  };
}

/** Wraps a tree of template values. */
export function chartValues(tree: GoMap): ChartValues {
  return { tree, toJson: () => toPlain(tree) as UnknownRecord };
}

function apply(tree: GoMap, text: string, options: SetOptions, describe: (problem: string) => string): void {
  try {
    setInto(tree, text, options);
  } catch (error) {
    throw chartError('VALUES_INVALID', describe(error instanceof Error ? error.message : String(error)), {
      cause: error,
    });
  }
}

/** One values file. Throws `VALUES_INVALID` naming it. */
function readValuesFile(name: string, text: string): GoMap {
  const fail = (problem: string, cause?: unknown): never => {
    throw chartError('VALUES_INVALID', `failed to parse ${name}: ${problem}`, {
      next: `correct ${name}`,
      details: { at: { file: name, line: yamlErrorLine(cause, text), column: 1 }, problem },
      ...(cause === undefined ? {} : { cause }),
    });
  };
  let value: unknown;
  try {
    value = decodeYaml(text);
  } catch (error) {
    return fail(`error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (value === null) return new Map();
  if (value instanceof Map) return value as GoMap;
  return fail(
    `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`,
  );
}

/** Tables merge, everything else is replaced; a null is kept. */
function mergeFiles(base: GoMap, over: GoMap): GoMap {
  const merged = new Map(base);
  for (const [key, value] of over) {
    const existing = merged.get(key);
    merged.set(key, value instanceof Map && existing instanceof Map ? mergeFiles(existing, value) : value);
  }
  return merged;
}
