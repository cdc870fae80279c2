/** Functions that change labels, change the type, test for absence or order the result. */

import type { RE2JS } from 're2js';
import { metricsError } from '../../errors.ts';
import {
  labelsFromPairs,
  labelsKey,
  labelValue,
  metricNameLabel,
  noLabels,
  withLabel,
  type Labels,
} from '../../labels.ts';
import { compilePattern } from '../../matchers.ts';
import type { Expr } from '../ast.ts';
import { emptyColumn, mergeColumns, setAt, type Column, type Value } from '../value.ts';
import { fillWindows, type Call, type FunctionRow } from './row.ts';

async function labelReplace(call: Call): Promise<Value> {
  const [target, replacement, source] = [await call.text(1), await call.text(2), await call.text(3)];
  checkLabelName(target, 'label_replace');
  const pattern = compilePattern(`^(?s:${await call.text(4)})$`);
  return relabel(call, target, (labels) => {
    const matcher = pattern.matcher(labelValue(labels, source));
    return matcher.find() ? expand(replacement, pattern, matcher) : undefined;
  });
}

type Found = ReturnType<RE2JS['matcher']>;

/** Go's template syntax: `$1`, `$name`, `${1}`, `$$`. */
function expand(template: string, pattern: RE2JS, matcher: Found): string {
  return template.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_whole, dollar, plain, braced) => {
    if (dollar !== undefined) return '$';
    const name = String(plain ?? braced);
    try {
      return (/^\d+$/.test(name) ? matcher.group(Number(name)) : matcher.group(name)) ?? '';
    } catch {
      // Go's Expand gives nothing for a group the expression does not have.
      return '';
    }
  });
}

async function labelJoin(call: Call): Promise<Value> {
  const [target, separator] = [await call.text(1), await call.text(2)];
  checkLabelName(target, 'label_join');
  const sources: string[] = [];
  for (let index = 3; index < call.args.length; index++) sources.push(await call.text(index));
  return relabel(call, target, (labels) => sources.map((name) => labelValue(labels, name)).join(separator));
}

/** Sets `target` on every series to what `valueFor` says; undefined leaves the series as it is. */
async function relabel(call: Call, target: string, valueFor: (labels: Labels) => string | undefined): Promise<Value> {
  const columns = (await call.vector(0)).map((column): Column => {
    const value = valueFor(column.labels);
    if (value === undefined) return column;
    const dropName = target === metricNameLabel ? false : column.dropName;
    return { ...column, dropName, labels: withLabel(column.labels, target, value) };
  });
  return { type: 'vector', columns: mergeColumns(columns, call.steps) };
}

function checkLabelName(name: string, where: string): void {
  if (name !== '' && !/\s/.test(name) && /^[A-Za-z_]/.test(name)) return;
  throw metricsError('PROMQL_EXECUTION', `invalid destination label name in ${where}(): ${name}`);
}

/** The labels an absent series would have: those the selector names exactly once, with `=`. */
function labelsWanted(expr: Expr | undefined): Labels {
  if (expr?.type !== 'selector') return noLabels;
  const pairs = expr.matchers
    .filter((matcher) => matcher.operator === '=' && matcher.name !== metricNameLabel)
    .filter((matcher) => expr.matchers.filter((other) => other.name === matcher.name).length === 1)
    .map((matcher): [string, string] => [matcher.name, matcher.value]);
  return labelsFromPairs(pairs);
}

/** 1 at every step that `seen` has nothing for. */
function absence(call: Call, seen: Uint8Array): Value {
  const column = emptyColumn(labelsWanted(call.args[0]), call.steps.count);
  for (let index = 0; index < call.steps.count; index++) if (seen[index] !== 1) setAt(column, index, 1);
  return { type: 'vector', columns: column.present.includes(1) ? [column] : [] };
}

async function absent(call: Call): Promise<Value> {
  const seen = new Uint8Array(call.steps.count);
  for (const column of await call.vector(0)) {
    for (let index = 0; index < seen.length; index++) if (column.present[index] === 1) seen[index] = 1;
  }
  return absence(call, seen);
}

async function absentOverTime(call: Call): Promise<Value> {
  const seen = new Uint8Array(call.steps.count);
  const range = await call.range(0);
  for (const series of range.series) {
    await call.env.breathe();
    fillWindows(range, series, (_window, index) => {
      seen[index] = 1;
    });
  }
  return absence(call, seen);
}

async function scalarOf(call: Call): Promise<Value> {
  const columns = await call.vector(0);
  const values = new Float64Array(call.steps.count).fill(NaN);
  for (let index = 0; index < values.length; index++) {
    const present = columns.filter((column) => column.present[index] === 1);
    if (present.length === 1) values[index] = present[0]?.values[index] ?? NaN;
  }
  return { type: 'scalar', values };
}

async function vectorOf(call: Call): Promise<Value> {
  const values = await call.scalar(0);
  const present = new Uint8Array(call.steps.count).fill(1);
  return { type: 'vector', columns: [{ labels: noLabels, dropName: false, values, present }] };
}

/** Order means something only for an instant query; over a range the result is ordered by labels anyway. */
function sortedBy(compare: (left: number, right: number) => number): FunctionRow['run'] {
  return async (call) => {
    const columns = await call.vector(0);
    if (call.steps.count !== 1) return { type: 'vector', columns };
    const sorted = columns.toSorted((left, right) => compare(left.values[0] ?? NaN, right.values[0] ?? NaN));
    return { type: 'vector', columns: sorted };
  };
}

/** NaN last, whichever way. */
function nanLast(direction: 1 | -1): (left: number, right: number) => number {
  return (left, right) => {
    if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
    if (Number.isNaN(right)) return -1;
    return left === right ? 0 : direction * (left - right);
  };
}

function sortByLabels(direction: 1 | -1): FunctionRow['run'] {
  return async (call) => {
    const columns = await call.vector(0);
    const names: string[] = [];
    for (let index = 1; index < call.args.length; index++) names.push(await call.text(index));
    const sorted = columns.toSorted((left, right) => {
      for (const name of names) {
        const order = compareNatural(labelValue(left.labels, name), labelValue(right.labels, name));
        if (order !== 0) return direction * order;
      }
      return direction * (labelsKey(left.labels) < labelsKey(right.labels) ? -1 : 1);
    });
    return { type: 'vector', columns: sorted };
  };
}

/** Runs of digits compare as numbers, everything else by code unit. */
function compareNatural(left: string, right: string): number {
  const parts = [left, right].map((text) => text.match(/\d+|\D+/g) ?? []);
  const [first = [], second = []] = parts;
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const [a, b] = [first[index], second[index]];
    if (a === undefined) return -1;
    if (b === undefined) return 1;
    if (a === b) continue;
    if (/^\d/.test(a) && /^\d/.test(b)) return Number(a) - Number(b);
    return a < b ? -1 : 1;
  }
  return 0;
}

const vectorArgs = { args: ['vector'], variadic: 0, returns: 'vector' } as const;
const byLabel = { args: ['vector', 'string'], variadic: -1, returns: 'vector' } as const;

export const labelFunctions: readonly FunctionRow[] = [
  {
    name: 'label_replace',
    args: ['vector', 'string', 'string', 'string', 'string'],
    variadic: 0,
    returns: 'vector',
    doc: 'Sets a label from a replacement when an expression matches another label.',
    run: labelReplace,
  },
  {
    name: 'label_join',
    args: ['vector', 'string', 'string', 'string'],
    variadic: -1,
    returns: 'vector',
    doc: 'Sets a label to other labels joined by a separator.',
    run: labelJoin,
  },
  { ...vectorArgs, name: 'absent', doc: '1 when the vector has no series, else nothing.', run: absent },
  {
    ...vectorArgs,
    name: 'absent_over_time',
    args: ['matrix'],
    doc: '1 when the range has no sample, else nothing.',
    run: absentOverTime,
  },
  {
    ...vectorArgs,
    name: 'scalar',
    returns: 'scalar',
    doc: 'The value of the only series, or NaN when there is not exactly one.',
    run: scalarOf,
  },
  {
    ...vectorArgs,
    name: 'vector',
    args: ['scalar'],
    doc: 'A vector with one series without labels.',
    run: vectorOf,
  },
  { ...vectorArgs, name: 'sort', doc: 'Series by value, ascending.', run: sortedBy(nanLast(1)) },
  { ...vectorArgs, name: 'sort_desc', doc: 'Series by value, descending.', run: sortedBy(nanLast(-1)) },
  { ...byLabel, name: 'sort_by_label', doc: 'Series by label values, ascending.', run: sortByLabels(1) },
  { ...byLabel, name: 'sort_by_label_desc', doc: 'Series by label values, descending.', run: sortByLabels(-1) },
];
