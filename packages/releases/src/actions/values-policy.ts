/** Which values an upgrade renders with: the new ones, the last ones, or both. */

import type { Chart } from '@towpath/charts';
import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Release } from '../storage/release.ts';
import { plainValues, type Values } from './render.ts';

/**
 * - `default`: the new values; the last ones when no new ones are given
 * - `reset`: only the new values
 * - `reuse`: the last values and the last chart's defaults, with the new values on top
 * - `reset-then-reuse`: the new chart's defaults, the last values, the new values on top
 */
export type ValuesPolicy = 'default' | 'reset' | 'reuse' | 'reset-then-reuse';

export interface ChosenValues {
  /** The user's values, as the release stores and templates see them. */
  readonly values: Values;
  /** The chart with the defaults to render with. */
  readonly chart: Chart;
}

/** Source: helm 3 pkg/action/upgrade.go, reuseValues. */
export function chooseValues(
  input: { chart: Chart; values: Values; valuesPolicy: ValuesPolicy },
  current: Release,
): ChosenValues {
  const { chart, values } = input;
  switch (input.valuesPolicy) {
    case 'reset':
      return { chart, values };
    case 'reuse': {
      const defaults = mergeValues(current.config, current.chart.values);
      return { chart: { ...chart, values: defaults }, values: mergeValues(plainValues(values), current.config) };
    }
    case 'reset-then-reuse':
      return { chart, values: mergeValues(plainValues(values), current.config) };
    case 'default':
      return Object.keys(plainValues(values)).length === 0 ? { chart, values: current.config } : { chart, values };
  }
}

/** `over` on top of `under`: tables are merged, a null in `over` takes the key away. */
export function mergeValues(over: UnknownRecord, under: UnknownRecord): UnknownRecord {
  const merged: UnknownRecord = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = under[key];
    if (value === null && key in under) delete merged[key];
    else merged[key] = isRecord(value) && isRecord(below) ? mergeValues(value, below) : value;
  }
  return merged;
}
