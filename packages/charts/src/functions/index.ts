/** All template functions by name: the groups in one table. */

import { builtins } from './builtins.ts';
import { crypto } from './crypto.ts';
import { dates } from './dates.ts';
import { defaults } from './defaults.ts';
import { dictionaries } from './dicts.ts';
import { encoding } from './encoding.ts';
import { flow } from './flow.ts';
import { hashes } from './hashes.ts';
import { lists } from './lists.ts';
import { math } from './math.ts';
import { paths } from './paths.ts';
import { random } from './random.ts';
import { reflection } from './reflection.ts';
import { regex } from './regex.ts';
import type { FunctionRow } from './row.ts';
import { semver } from './semver.ts';
import { strings } from './strings.ts';
import { toml } from './toml.ts';
import { urls } from './urls.ts';
import { words } from './words.ts';

/** The groups in the order of the reference page. */
export const functionGroups: Readonly<Record<string, readonly FunctionRow[]>> = {
  builtins,
  flow,
  strings,
  words,
  regex,
  math,
  defaults,
  lists,
  dictionaries,
  reflection,
  encoding,
  toml,
  semver,
  dates,
  paths,
  urls,
  hashes,
  random,
  crypto,
};

/** Every function a chart can call. */
export const functions: ReadonlyMap<string, FunctionRow> = new Map(
  Object.values(functionGroups).flatMap((group) => group.map((row): [string, FunctionRow] => [row.name, row])),
);
