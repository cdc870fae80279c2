/** Merging of value tables, with nulls as Helm 3.19 treats them. Source: helm pkg/chartutil/coalesce.go, values.go. */

import { chartError } from '../errors.ts';
import { printText } from '../go/fmt.ts';
import { deepCopy } from '../go/merge.ts';
import { sprintf } from '../go/sprintf.ts';
import { quote } from '../go/strconv.ts';
import type { GoMap } from '../go/values.ts';

export type Warn = (message: string) => void;

/** What coalescing needs of a chart. */
export interface ValuesChart {
  readonly name: string;
  values: GoMap;
  readonly dependencies: readonly ValuesChart[];
}

export function isTable(value: unknown): value is GoMap {
  return value instanceof Map;
}

/** A copy of a table that shares nothing. */
export function copyTable(table: GoMap): GoMap {
  const copy = deepCopy(table);
  return isTable(copy) ? copy : new Map();
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

interface Coalescing {
  readonly warn: Warn;
  /** Nulls are kept for a later pass instead of deleting keys. */
  readonly merge: boolean;
}

/**
 * The chart's defaults below the given values, its dependencies included. The given tree is copied first.
 * Throws `VALUES_INVALID` where a dependency's values are no table.
 */
export function coalesceValues(chart: ValuesChart, values: GoMap, options: Coalescing): GoMap {
  const target = copyTable(values);
  coalesceChart(chart, target, '', options);
  return target;
}

function coalesceChart(chart: ValuesChart, target: GoMap, prefix: string, options: Coalescing): void {
  coalesceOwn(chart, target, prefix, options);
  for (const dependency of chart.dependencies) {
    const { name } = dependency;
    const existing = target.get(name);
    if (!target.has(name)) target.set(name, new Map());
    else if (!isTable(existing)) {
      throw chartError('VALUES_INVALID', sprintf('type mismatch on %s: %t', [name, existing]), {
        next: `make "${name}" a table of values for that dependency`,
      });
    }
    const own = target.get(name);
    if (!isTable(own)) continue;
    const subPrefix = join(prefix, chart.name);
    coalesceGlobals(own, target, subPrefix, options.warn);
    coalesceChart(dependency, own, subPrefix, options);
  }
}

/** The parent's globals over the child's. */
function coalesceGlobals(target: GoMap, source: GoMap, prefix: string, warn: Warn): void {
  const own = target.has('global') ? target.get('global') : new Map<string, unknown>();
  if (!isTable(own)) {
    warn('warning: skipping globals because destination global is not a table.');
    return;
  }
  const given = source.has('global') ? source.get('global') : new Map<string, unknown>();
  if (!isTable(given)) {
    warn('warning: skipping globals because source global is not a table.');
    return;
  }
  for (const [key, value] of given) {
    const existing = own.get(key);
    if (isTable(value)) {
      const copy = new Map(value);
      if (!own.has(key)) own.set(key, copy);
      else if (!isTable(existing)) warn(`Conflict: cannot merge map onto non-map for ${quote(key)}. Skipping.`);
      else {
        mergeTables(copy, existing, { prefix: join(prefix, key), warn, merge: true });
        own.set(key, copy);
      }
    } else if (isTable(existing)) {
      warn(`key ${key} is table. Skipping`);
    } else {
      own.set(key, value);
    }
  }
  target.set('global', own);
}

function coalesceOwn(chart: ValuesChart, target: GoMap, prefix: string, options: Coalescing): void {
  const subPrefix = join(prefix, chart.name);
  for (const [key, value] of copyTable(chart.values)) {
    const existing = target.get(key);
    if (!target.has(key)) {
      target.set(key, value);
    } else if (existing === null && !options.merge) {
      target.delete(key);
    } else if (isTable(existing)) {
      if (isTable(value)) {
        const merge = options.merge || chart.dependencies.some((dependency) => dependency.name === key);
        mergeTables(existing, value, { prefix: join(subPrefix, key), warn: options.warn, merge });
      } else if (value !== null) {
        options.warn(`warning: skipped value for ${subPrefix}.${key}: Not a table.`);
      }
    }
  }
}

/** Fills `target` in place with what `source` has and it lacks; a null in the target deletes the key unless `merge`. */
export function mergeTables(target: GoMap, source: GoMap, options: Coalescing & { readonly prefix: string }): GoMap {
  const { prefix, warn, merge } = options;
  for (const [key, value] of source) {
    const existing = target.get(key);
    const fullKey = join(prefix, key);
    if (target.has(key) && !merge && existing === null) {
      target.delete(key);
    } else if (!target.has(key)) {
      target.set(key, value);
    } else if (isTable(value)) {
      if (isTable(existing)) mergeTables(existing, value, { ...options, prefix: fullKey });
      else warn(`warning: cannot overwrite table with non table for ${fullKey} (${printText(value)})`);
    } else if (isTable(existing) && value !== null) {
      warn(`warning: destination for ${fullKey} is a table. Ignoring non-table value (${printText(value)})`);
    }
  }
  return target;
}

/** The table at a dotted path, or undefined. */
export function tableAt(values: GoMap, path: string): GoMap | undefined {
  let table: GoMap = values;
  for (const name of path.split('.')) {
    const next = table.get(name);
    if (!isTable(next)) return undefined;
    table = next;
  }
  return table;
}

/** The value at a dotted path that is no table, or undefined when there is none. */
export function valueAt(values: GoMap, path: string): unknown {
  const names = path.split('.');
  const last = names.pop() ?? '';
  const table = names.length === 0 ? values : tableAt(values, names.join('.'));
  if (table === undefined || !table.has(last)) return undefined;
  const value = table.get(last);
  return isTable(value) ? undefined : value;
}
