/** Small readers of YAML values: each returns the value in its one form, or refuses it naming the place. */

import { isRecord } from '@towpath/kit';
import { pipelineError } from '../errors.ts';
import type { KeywordRule } from './keywords.ts';

/** A value with its place in the file. */
export interface Located {
  readonly value: unknown;
  /** From the top of the file. */
  readonly path: readonly (string | number)[];
  readonly where: (path: readonly (string | number)[]) => string;
}

/** The member of a map. */
export function member(located: Located, key: string): Located {
  const value = isRecord(located.value) ? located.value[key] : undefined;
  return { value, path: [...located.path, key], where: located.where };
}

/** `FILE:LINE` of a value. */
export function placeOf(located: Located): string {
  return located.where(located.path);
}

/** The name of a value, e.g. `build.cache.key`. */
function nameOf(located: Located): string {
  return located.path.join('.');
}

/** Refuses a value of the wrong form. */
export function invalid(located: Located, because: string): Error {
  return pipelineError('CI_INVALID', `${placeOf(located)}: ${nameOf(located)} ${because}`, {
    next: 'correct the file and push again',
  });
}

/** Refuses a keyword this version does not do. */
export function unsupported(located: Located, because: string): Error {
  return pipelineError(
    'CI_UNSUPPORTED',
    `${placeOf(located)}: the keyword ${nameOf(located)} is not supported: ${because}`,
    {
      next: 'remove it from the file',
    },
  );
}

/** Goes through a map's keys: refuses unknown and refused ones, returns the notes of the rest. */
export function checkKeywords(located: Located, table: Readonly<Record<string, KeywordRule>>): string[] {
  const notes: string[] = [];
  for (const key of Object.keys(isRecord(located.value) ? located.value : {})) {
    const rule = Object.hasOwn(table, key) ? table[key] : undefined;
    const here = member(located, key);
    if (rule === undefined) throw unsupported(here, 'it is unknown');
    if (rule.type === 'refused') throw unsupported(here, rule.because);
    if (rule.type === 'noted') notes.push(rule.note);
  }
  return notes;
}

/** A scalar as text; undefined when absent. */
export function optionalText(located: Located): string | undefined {
  const { value } = located;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid(located, 'must be text');
}

/** One text or a list of texts, nested lists flattened (as `!reference` and anchors make them). */
export function textList(located: Located, depth = 0): string[] {
  const { value } = located;
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return [value];
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)];
  if (!Array.isArray(value)) throw invalid(located, 'must be text or a list of texts');
  if (depth > 10) throw invalid(located, 'is nested more than 10 lists deep');
  return (value as unknown[]).flatMap((item, index) =>
    textList({ value: item, path: [...located.path, index], where: located.where }, depth + 1),
  );
}

/** True, false, or the default when absent. */
export function booleanOr(located: Located, fallback: boolean): boolean {
  if (located.value === undefined || located.value === null) return fallback;
  if (typeof located.value === 'boolean') return located.value;
  throw invalid(located, 'must be true or false');
}

/** One of `allowed`, or the default when absent. */
export function oneOf<Choice extends string>(located: Located, allowed: readonly Choice[], fallback: Choice): Choice {
  const text = optionalText(located);
  if (text === undefined) return fallback;
  const found = allowed.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw invalid(located, `must be one of ${allowed.join(', ')}, not ${text}`);
}

/** `NAME: value` or `NAME: {value, description}`; numbers and booleans become text. */
export function variablesOf(located: Located): Record<string, string> {
  if (located.value === undefined || located.value === null) return {};
  if (!isRecord(located.value)) throw invalid(located, 'must be a map');
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(located.value)) {
    const here = member(located, name);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid(here, 'is no name of a variable');
    const plain = isRecord(value) ? member(here, 'value') : here;
    if (isRecord(value)) checkKeywords(here, variableKeywords);
    variables[name] = optionalText(plain) ?? '';
  }
  return variables;
}

const variableKeywords: Readonly<Record<string, KeywordRule>> = {
  value: { type: 'done' },
  description: { type: 'done' },
  options: { type: 'done' },
  expand: { type: 'refused', because: 'variables are always expanded' },
};

/** Paths inside the project: relative, never outside. */
export function projectPaths(located: Located): string[] {
  return textList(located).map((path) => {
    if (path === '' || path.startsWith('/') || path.split('/').includes('..') || path.includes('\0')) {
      throw invalid(located, `names ${JSON.stringify(path)}, which is not inside the project`);
    }
    return path.replace(/^\.\//, '');
  });
}

const secondsPer: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  mins: 60,
  minute: 60,
  h: 3600,
  hr: 3600,
  hrs: 3600,
  hour: 3600,
  d: 86_400,
  day: 86_400,
};

/** `1h 30m`, `90 minutes`, `3600`. */
export function durationSeconds(located: Located, fallback: number): number {
  const text = optionalText(located);
  if (text === undefined) return fallback;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  const parts = [...text.toLowerCase().matchAll(/(\d{1,7})\s*([a-z]+)/g)];
  const seconds = parts.map(
    ([, count, unit = '']) => Number(count) * (secondsPer[unit] ?? secondsPer[unit.replace(/s$/, '')] ?? Number.NaN),
  );
  const total = seconds.reduce((sum, value) => sum + value, 0);
  if (parts.length === 0 || !Number.isFinite(total)) throw invalid(located, `is no duration: ${text}`);
  return total;
}
