/**
 * `towpath/charts`: the chart engine as programs outside this repository import it, in Node, a browser or a worker.
 *
 * Pure: what a render knows of the world comes in as arguments. What may be left out here has a default that reads
 * nothing; see docs/reference/chart-engine.md.
 */

import { systemTime, type Random, type Time, type UnknownRecord } from '@towpath/kit';
import type { ChartFiles } from './chart/types.ts';
import { FunctionError } from './errors.ts';
import { lintChart as lintWith, type LintMessage, type LintOptions } from './lint/lint.ts';
import { render as renderWith, renderWithLookup as renderWithLookupWith } from './render/render.ts';
import type { LookupRequest, RenderOptions, RenderRelease, RenderResult } from './render/types.ts';
import type { ChartValues } from './values/chart-values.ts';

export {
  seededRandom,
  systemRandom,
  systemTime,
  TowpathError,
  type Random,
  type Time,
  type UnknownRecord,
} from '@towpath/kit';
export type { LintMessage } from './lint/lint.ts';
export * from './shared.ts';

/** `.Release` of a render that names none: what `helm template CHART` has. */
export const defaultRelease: RenderRelease = {
  name: 'release-name',
  namespace: 'default',
  revision: 1,
  isInstall: true,
  isUpgrade: false,
};

type WithDefault = 'values' | 'release' | 'clock' | 'random';

/** What {@link render} takes: only `chart` must be named. */
export interface RenderInput extends Omit<RenderOptions, WithDefault> {
  /** The user's values: of {@link valuesFromFlags}, or JSON data; none when left out. */
  readonly values?: ChartValues | UnknownRecord;
  /** {@link defaultRelease} when left out. */
  readonly release?: RenderRelease;
  /** {@link systemTime} or {@link fixedTime}; without one `now` and new certificates fail with a sentence that says so. */
  readonly clock?: Time;
  /** {@link systemRandom} or {@link seededRandom}; without one random functions fail with a sentence that says so. */
  readonly random?: Random;
}

/**
 * Renders as `helm template` does. Throws {@link TowpathError}, its message Helm's sentence: `RENDER_FAILED` (template),
 * `MANIFEST_INVALID` (output that is not YAML), `VALUES_INVALID`, `VALUES_SCHEMA`, `CHART_INVALID` (missing
 * dependencies, kubeVersion), `RENDER_LIMIT`.
 */
export function render(input: RenderInput): RenderResult {
  return renderWith({ ...defaults, ...input });
}

/** {@link render} with a lookup that must be awaited: renders again each time an answer is still missing. */
export async function renderWithLookup(
  input: Omit<RenderInput, 'lookup'>,
  lookup: (request: LookupRequest) => Promise<UnknownRecord | undefined>,
): Promise<RenderResult> {
  return renderWithLookupWith({ ...defaults, ...input }, lookup);
}

/** What {@link lintChart} takes: only `files` must be named. */
export type LintInput = Omit<LintOptions, WithDefault> & Pick<RenderInput, 'values' | 'clock' | 'random'>;

/** Every finding of `helm lint`, in its order. Throws `CHART_INVALID` for files that are no chart. */
export async function lintChart(input: LintInput): Promise<LintMessage[]> {
  return lintWith({ ...defaults, ...input });
}

/** A time that stands still at `nowMs` since the epoch, for renders that repeat; the time limit still holds. */
export function fixedTime(nowMs: number): Time {
  return { nowMs: () => nowMs, monotonicMs: () => systemTime.monotonicMs() };
}

/** The files of a chart from texts by path, for charts that are written in a program or an editor. */
export function filesFromTexts(texts: Readonly<Record<string, string>>): ChartFiles {
  const encoder = new TextEncoder();
  return new Map(Object.entries(texts).map(([path, text]) => [path, encoder.encode(text)]));
}

function absent(what: string, choices: string): () => never {
  return () => {
    throw new FunctionError(`this render was given no ${what}: pass ${choices}`);
  };
}

const noRandom = absent(
  'randomness',
  '`random: systemRandom`, or `random: seededRandom(1)` for the same output each time',
);

const defaults = {
  values: {},
  release: defaultRelease,
  clock: {
    nowMs: absent('time', '`clock: systemTime`, or `clock: fixedTime(0)` for the same output each time'),
    monotonicMs: () => systemTime.monotonicMs(),
  },
  random: { bytes: noRandom, integer: noRandom },
};
