/** Which dependencies are on, under which names, and what they export. Source: helm pkg/chartutil/dependencies.go. */

import type { ChartDependency } from '../chart/types.ts';
import { printText } from '../go/fmt.ts';
import { satisfies } from '../go/semver-constraint.ts';
import type { GoMap } from '../go/values.ts';
import { coalesceValues, copyTable, mergeTables, tableAt, valueAt, type Warn } from './tables.ts';
import type { WorkChart } from './work-chart.ts';

/** Switches, renames and imports, on the working copy. Throws `VALUES_INVALID`. */
export function processDependencies(chart: WorkChart, values: GoMap, warn: Warn): void {
  processEnabled(chart, values, '', warn);
  processImports(chart, warn);
}

/** False for versions and constraints that cannot be read. */
export function isCompatible(constraint: string, version: string): boolean {
  try {
    return satisfies(constraint, version);
  } catch {
    return false;
  }
}

function matches(chart: WorkChart, dependency: ChartDependency): boolean {
  return chart.name === dependency.name && isCompatible(dependency.version ?? '', chart.metadata.version);
}

function processEnabled(chart: WorkChart, values: GoMap, path: string, warn: Warn): void {
  const declared = chart.declared;
  if (declared === undefined) return;
  const found = chart.dependencies.filter((existing) => !declared.some((dependency) => matches(existing, dependency)));
  for (const dependency of declared) {
    const match = chart.dependencies.find((existing) => matches(existing, dependency));
    const hasAlias = dependency.alias !== undefined && dependency.alias !== '';
    if (match !== undefined) found.push(match.copy(hasAlias ? (dependency.alias ?? '') : match.name));
    if (hasAlias) dependency.name = dependency.alias ?? '';
  }
  chart.setDependencies(found);
  for (const dependency of declared) dependency.enabled = true;
  const coalesced = coalesceValues(chart, values, { warn, merge: false });
  applyTags(declared, coalesced, warn);
  applyConditions(declared, coalesced, path, warn);
  const disabled = new Set(declared.filter((dependency) => dependency.enabled !== true).map(({ name }) => name));
  const enabled = chart.dependencies.filter((dependency) => !disabled.has(dependency.name));
  for (const dependency of enabled) processEnabled(dependency, coalesced, `${path}${dependency.name}.`, warn);
  chart.metadata.dependencies = declared.filter(({ name }) => !disabled.has(name));
  chart.setDependencies(enabled);
}

/** A true tag switches on, false ones alone off. */
function applyTags(declared: readonly ChartDependency[], values: GoMap, warn: Warn): void {
  const tags = tableAt(values, 'tags');
  if (tags === undefined) return;
  for (const dependency of declared) {
    let hasTrue = false;
    let hasFalse = false;
    for (const tag of dependency.tags ?? []) {
      if (!tags.has(tag)) continue;
      const value = tags.get(tag);
      if (value === true) hasTrue = true;
      else if (value === false) hasFalse = true;
      else warn(`Warning: Tag '${tag}' for chart ${dependency.name} returned non-bool value`);
    }
    dependency.enabled = hasTrue || !hasFalse;
  }
}

/** The first path that gives a boolean decides, over the tags. */
function applyConditions(declared: readonly ChartDependency[], values: GoMap, path: string, warn: Warn): void {
  for (const dependency of declared) {
    for (const condition of (dependency.condition ?? '').trim().split(',')) {
      if (condition === '') continue;
      const value = valueAt(values, path + condition);
      if (typeof value === 'boolean') {
        dependency.enabled = value;
        break;
      }
      if (value !== undefined) {
        warn(`Warning: Condition path '${condition}' for chart ${dependency.name} returned non-bool value`);
      }
    }
  }
}

function processImports(chart: WorkChart, warn: Warn): void {
  for (const dependency of chart.dependencies) processImports(dependency, warn);
  if (chart.declared === undefined) return;
  const own = coalesceValues(chart, new Map(), { warn, merge: true });
  let imported: GoMap = new Map();
  for (const dependency of chart.declared) {
    imported = importOne(dependency, own, imported, warn);
  }
  chart.values = mergeTables(copyTable(own), imported, { prefix: '', warn, merge: true });
}

interface ImportPath {
  readonly child: string;
  readonly parent: string;
  /** How a missing table is told. */
  readonly missing: string;
}

function importPath(entry: unknown, name: string): ImportPath | undefined {
  if (typeof entry === 'string') {
    return { child: `exports.${entry}`, parent: '.', missing: 'Warning: ImportValues missing table' };
  }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined;
  const { child, parent } = entry as { child?: unknown; parent?: unknown };
  return {
    child: printText(child),
    parent: printText(parent),
    missing: `Warning: ImportValues missing table from chart ${name}`,
  };
}

function importOne(dependency: ChartDependency, own: GoMap, imported: GoMap, warn: Warn): GoMap {
  const entries = dependency['import-values'] ?? [];
  const done: unknown[] = [];
  let result = imported;
  for (const entry of entries) {
    const path = importPath(entry, dependency.name);
    if (path === undefined) continue;
    done.push({ child: path.child, parent: path.parent });
    const table = tableAt(own, `${dependency.name}.${path.child}`);
    if (table === undefined) {
      const key = firstMissing(own, `${dependency.name}.${path.child}`);
      warn(`${path.missing}: ${JSON.stringify(key)} is not a table`);
      continue;
    }
    result = mergeTables(result, placeAt(path.parent, table), { prefix: '', warn, merge: true });
  }
  dependency['import-values'] = done;
  return result;
}

/** The first key of a dotted path that holds no table. */
function firstMissing(tree: GoMap, path: string): string {
  let table: unknown = tree;
  for (const key of path.split('.')) {
    table = table instanceof Map ? table.get(key) : undefined;
    if (!(table instanceof Map)) return key;
  }
  return path;
}

/** The table below the keys of a dotted path. */
function placeAt(path: string, table: GoMap): GoMap {
  if (path === '.') return table;
  return path.split('.').reduceRight<GoMap>((inner, key) => new Map([[key, inner]]), table);
}
