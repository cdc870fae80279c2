/** Which values an upgrade renders with: the new ones, the last ones, or both. */

import type { Chart, ValueLayer } from '@towpath/charts';
import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Release } from '../storage/release.ts';
import { layersOf, plainValues, type Values } from './render.ts';

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
  /** Where the values came from. */
  readonly layers: readonly ValueLayer[];
}

/** Source: helm 3 pkg/action/upgrade.go, reuseValues. */
export function chooseValues(
  input: {
    readonly chart: Chart;
    readonly values: Values;
    readonly valuesPolicy: ValuesPolicy;
    readonly valueLayers?: readonly ValueLayer[];
  },
  current: Release,
): ChosenValues {
  const { chart, values } = input;
  const given = input.valueLayers ?? layersOf(values);
  // Values of Secrets may be among them.
  const last: ValueLayer = {
    kind: 'file',
    source: `revision ${current.version}`,
    values: current.config,
    isSecret: true,
  };
  switch (input.valuesPolicy) {
    case 'reset':
      return { chart, values, layers: given };
    case 'reuse': {
      const defaults = mergeValues(current.config, current.chart.values);
      return {
        chart: { ...chart, values: defaults },
        values: mergeValues(plainValues(values), current.config),
        layers: [last, ...given],
      };
    }
    case 'reset-then-reuse':
      return { chart, values: mergeValues(plainValues(values), current.config), layers: [last, ...given] };
    case 'default':
      return Object.keys(plainValues(values)).length === 0
        ? { chart, values: current.config, layers: [last] }
        : { chart, values, layers: given };
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
