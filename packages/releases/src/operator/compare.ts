/** Compares a release with what an upgrade would make of it. */

import { isRecord, jsonEqual } from '@towpath/kit';
import type { Release } from '../storage/release.ts';

const differencesShown = 10;

/** Paths of values and chart parts that differ; empty when an upgrade would change nothing. */
export function compareReleases(current: Release, next: Release): string[] {
  const differences: string[] = [];
  collect(current.config, next.config, 'values', differences);
  for (const member of ['name', 'version', 'appVersion'] as const) {
    if (current.chart.metadata[member] !== next.chart.metadata[member]) differences.push(`chart.${member}`);
  }
  collect(current.chart.values, next.chart.values, 'chart.values', differences);
  collect(byName(current.chart.templates), byName(next.chart.templates), 'chart.templates', differences);
  collect(byName(current.chart.files), byName(next.chart.files), 'chart.files', differences);
  return differences.slice(0, differencesShown);
}

function byName(files: Release['chart']['templates']): Record<string, string> {
  return Object.fromEntries(files.map((file) => [file.name, file.data]));
}

function collect(left: unknown, right: unknown, path: string, differences: string[]): void {
  if (jsonEqual(left, right)) return;
  if (!isRecord(left) || !isRecord(right)) {
    differences.push(path);
    return;
  }
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    collect(left[key], right[key], `${path}.${key}`, differences);
  }
}
