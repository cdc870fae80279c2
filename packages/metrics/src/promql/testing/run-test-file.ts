/** Runs a test file against the engine and the real store, and says which expectations do not hold. */

import { messageOf } from '@towpath/kit';
import { labelsKey, labelsText, type Labels } from '../../labels.ts';
import { SeriesStore } from '../../store/series-store.ts';
import { createEngine, type Engine, type QueryResult, type ResultSeries } from '../engine.ts';
import { formatValue } from '../format.ts';
import type { Point } from './series-text.ts';
import { parseTestFile, type EvalCommand, type LoadCommand } from './test-file.ts';

export interface TestReport {
  readonly passed: number;
  readonly skipped: number;
  /** `FILE:LINE: what is wrong` */
  readonly failures: readonly string[];
}

const relativeTolerance = 1e-6;

/** Runs every command of `text`; `file` names it in failures. */
export async function runTestFile(file: string, text: string): Promise<TestReport> {
  let store = emptyStore();
  let [passed, skipped] = [0, 0];
  const failures: string[] = [];
  for (const command of parseTestFile(text)) {
    if (command.type === 'clear') store = emptyStore();
    else if (command.type === 'load') load(store, command);
    else if (command.unsupported !== undefined) skipped++;
    else {
      const problem = await check(engineOver(store), command);
      if (problem === undefined) passed++;
      else failures.push(`${file}:${command.line}: ${command.query}: ${problem}`);
    }
  }
  return { passed, skipped, failures };
}

function emptyStore(): SeriesStore {
  return new SeriesStore({ clock: { nowMs: () => 0 }, retentionMs: Infinity });
}

function engineOver(store: SeriesStore): Engine {
  return createEngine({
    source: store,
    clock: { monotonicMs: () => 0 },
    pause: () => Promise.resolve(),
    limits: { delayedNameRemoval: true },
  });
}

function load(store: SeriesStore, { series, stepMs }: LoadCommand): void {
  // A series that is written twice counts as its last line.
  const last = new Map(series.map((one) => [labelsKey(one.labels), one]));
  for (const { labels, points } of last.values()) {
    for (const [index, point] of points.entries()) {
      if (point !== 'absent') store.append(labels, index * stepMs, point === 'stale' ? undefined : point);
    }
  }
}

/** What is wrong, or undefined. */
async function check(engine: Engine, command: EvalCommand): Promise<string | undefined> {
  let result: QueryResult;
  try {
    const { query, startMs, range } = command;
    result =
      range === undefined
        ? await engine.instant(query, startMs)
        : await engine.range(query, { startMs, endMs: range.endMs, stepMs: range.stepMs });
  } catch (error) {
    return judgeFailure(command, messageOf(error));
  }
  if (command.fails) return 'expected to fail, but did not';
  const problem = compareResult(command, result);
  if (problem !== undefined || command.range !== undefined || result.type !== 'vector') return problem;
  return asRange(engine, command);
}

function judgeFailure(command: EvalCommand, message: string): string | undefined {
  if (!command.fails) return `failed: ${message}`;
  const { failMessage, failPattern } = command;
  if (failMessage !== undefined && !message.includes(failMessage)) return `"${message}" instead of "${failMessage}"`;
  if (failPattern !== undefined && !new RegExp(failPattern).test(message)) return `"${message}" not ${failPattern}`;
  return undefined;
}

/** Every instant query must give the same at the middle of a range query. */
async function asRange(engine: Engine, command: EvalCommand): Promise<string | undefined> {
  if (command.ordered || /@\s*(start|end)\(\)/.test(command.query)) return undefined;
  const { query, startMs } = command;
  const result = await engine.range(query, { startMs: startMs - 60_000, endMs: startMs + 60_000, stepMs: 60_000 });
  if (result.type !== 'matrix') return `${result.type} from a range query`;
  const series = result.series.flatMap(({ labels, points }) => {
    const middle = points.filter(({ atMs }) => atMs === startMs);
    return middle.length === 0 ? [] : [{ labels, points: middle }];
  });
  const problem = compareResult(command, { type: 'vector', series });
  return problem === undefined ? undefined : `as a range query: ${problem}`;
}

function compareResult(command: EvalCommand, result: QueryResult): string | undefined {
  if (command.text !== undefined) {
    return result.type === 'string' && result.text === command.text ? undefined : `not the text ${command.text}`;
  }
  if (result.type === 'string') return `text "${result.text}"`;
  if (result.type === 'scalar') return compareScalar(command, result.value);
  if (command.scalar !== undefined && result.type === 'vector') return 'a vector instead of a scalar';
  const expected = expectedSeries(command);
  if (command.ordered) {
    const order = result.series.map((series) => labelsText(series.labels)).join(' ');
    const wanted = expected.map((series) => labelsText(series.labels)).join(' ');
    if (order !== wanted) return `order ${order} instead of ${wanted}`;
  }
  return compareSeries(expected, result.series);
}

function compareScalar(command: EvalCommand, value: number): string | undefined {
  const wanted = command.scalar ?? command.series[0]?.points[0];
  if (typeof wanted === 'number' && almostEqual(wanted, value)) return undefined;
  return `scalar ${formatValue(value)} instead of ${String(wanted)}`;
}

function expectedSeries(command: EvalCommand): ResultSeries[] {
  if (command.scalar !== undefined) return expectedScalarRange(command);
  const stepMs = command.range?.stepMs ?? 1;
  return command.series.flatMap(({ labels, points }) => {
    const present = points.flatMap((point: Point, index) => {
      return typeof point === 'number' ? [{ atMs: command.startMs + index * stepMs, value: point }] : [];
    });
    return present.length === 0 ? [] : [{ labels, points: present }];
  });
}

function expectedScalarRange(command: EvalCommand): ResultSeries[] {
  return [{ labels: [], points: [{ atMs: command.startMs, value: command.scalar ?? NaN }] }];
}

function compareSeries(expected: readonly ResultSeries[], actual: readonly ResultSeries[]): string | undefined {
  const found = new Map(actual.map((series) => [labelsKey(series.labels), series]));
  for (const wanted of expected) {
    const series = found.get(labelsKey(wanted.labels));
    if (series === undefined) return `no ${labelsText(wanted.labels)} (got ${shown(actual)})`;
    found.delete(labelsKey(wanted.labels));
    const same =
      series.points.length === wanted.points.length &&
      series.points.every((point, index) => {
        const other = wanted.points[index];
        return other !== undefined && other.atMs === point.atMs && almostEqual(other.value, point.value);
      });
    if (!same) return `${line(series)} instead of ${line(wanted)}`;
  }
  const extra = [...found.values()][0];
  return extra === undefined ? undefined : `unexpected ${line(extra)}`;
}

function shown(series: readonly { readonly labels: Labels }[]): string {
  return series.map(({ labels }) => labelsText(labels)).join(' ') || 'nothing';
}

function line({ labels, points }: ResultSeries): string {
  return `${labelsText(labels)} ${points.map(({ atMs, value }) => `${formatValue(value)}@${atMs / 1000}`).join(' ')}`;
}

function almostEqual(left: number, right: number): boolean {
  if (Object.is(left, right) || left === right) return true;
  if (Number.isNaN(left) || Number.isNaN(right)) return false;
  const sum = Math.abs(left) + Math.abs(right);
  if (left === 0 || right === 0 || sum < Number.MIN_VALUE) return Math.abs(left - right) < relativeTolerance;
  return Math.abs(left - right) / Math.min(sum, Number.MAX_VALUE) < relativeTolerance;
}
