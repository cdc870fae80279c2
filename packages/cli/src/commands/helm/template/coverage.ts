/** `--coverage`: which parts of a chart's templates run with its default values and with each values file in ci/. */

import {
  mergeCoverage,
  render,
  valuesFromFlags,
  type Chart,
  type ChartValues,
  type RenderOptions,
  type RenderTrace,
  type TemplateCoverage,
} from '@towpath/charts';
import { messageOf } from '@towpath/kit';

/** What all renders of a chart together ran. */
export interface ChartCoverage {
  readonly renders: readonly CoverageRender[];
  /** Actions, texts and branches that ran, of all there are. */
  readonly ran: number;
  readonly total: number;
  readonly templates: readonly Omit<TemplateCoverage, 'units'>[];
  /** Paths of values that are set and that no render read. */
  readonly unreadValues: readonly string[];
}

export interface CoverageRender {
  /** `values.yaml` alone, or a file in ci/. */
  readonly values: string;
  /** Why it could not be rendered. */
  readonly error?: string;
}

/** Renders once with the values of the flags, and once more for each `ci/*-values.yaml`. */
export function chartCoverage(chart: Chart, options: RenderOptions): ChartCoverage {
  const traces: RenderTrace[] = [];
  const renders = cases(chart, options.values).map(({ name, values }): CoverageRender => {
    try {
      const { trace } = render({ ...options, values: values(), trace: true });
      if (trace !== undefined) traces.push(trace);
      return { values: name };
    } catch (error) {
      return { values: name, error: messageOf(error) };
    }
  });
  const merged = mergeCoverage(traces.map((trace) => trace.coverage));
  const templates = merged.map(({ units: _units, ...template }) => template);
  return {
    renders,
    ran: sum(templates.map(({ ran }) => ran)),
    total: sum(templates.map(({ total }) => total)),
    templates: templates.toSorted((left, right) => (left.template < right.template ? -1 : 1)),
    unreadValues: unreadByAll(traces, conditionPaths(chart)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

interface Case {
  readonly name: string;
  readonly values: () => ChartValues | RenderOptions['values'];
}

/** Files are named as the chart testing tool names them. */
function cases(chart: Chart, given: RenderOptions['values']): Case[] {
  const files = chart.raw.filter(({ name }) => /^ci\/[^/]*values\.ya?ml$/.test(name));
  return [
    { name: 'values.yaml', values: () => given },
    ...files.map(({ name, data }) => ({
      name,
      values: () => valuesFromFlags({ valueFiles: [{ name, text: Buffer.from(data).toString('utf8') }] }),
    })),
  ];
}

/** Values that switch dependencies on and off are read before any template is. */
function conditionPaths(chart: Chart, prefix = ''): Set<string> {
  const paths = new Set<string>();
  for (const { name, alias = name, condition = '', tags = [] } of chart.metadata.dependencies ?? []) {
    for (const path of condition.split(',')) if (path.trim() !== '') paths.add(prefix + path.trim());
    for (const tag of tags) paths.add(`tags.${tag}`);
    const inner = chart.dependencies.find((dependency) => dependency.metadata.name === name);
    if (inner !== undefined) for (const path of conditionPaths(inner, `${prefix}${alias}.`)) paths.add(path);
  }
  return paths;
}

/** A render that does not have a value could not read it. */
function unreadByAll(traces: readonly RenderTrace[], readBefore: ReadonlySet<string>): string[] {
  const unread = traces.map((trace) => new Set(trace.unreadValues));
  const candidates = [...new Set(unread.flatMap((paths) => [...paths]))];
  return candidates
    .filter((path) => !readBefore.has(path))
    .filter((path) =>
      traces.every((trace, index) => unread[index]?.has(path) === true || trace.origins(path).length === 0),
    )
    .toSorted();
}

/** A table of templates, the lines that never ran, and the values nobody read. */
export function coverageText({ renders, ran, total, templates, unreadValues }: ChartCoverage): string {
  const lines = renders.map(({ values, error }) =>
    error === undefined ? `rendered with ${values}` : `NOT rendered with ${values}: ${error}`,
  );
  const width = Math.max(0, ...templates.map(({ template }) => template.length));
  const rows = templates.map(({ template, ran: own, total: all, missedLines }) => {
    const missed = missedLines.length === 0 ? '' : `  never ran: ${rangesText(missedLines)}`;
    return `${template.padEnd(width)}  ${percent(own, all)}${missed}`;
  });
  const values =
    unreadValues.length === 0 ? [] : ['', 'values that nothing reads:', ...unreadValues.map((path) => `  ${path}`)];
  const all = `${'all templates'.padEnd(width)}  ${percent(ran, total)}  (${ran} of ${total} parts)`;
  return [...lines, '', ...rows, all, ...values].map((line) => `${line}\n`).join('');
}

function percent(ran: number, total: number): string {
  // 100 % is said of everything only.
  const share = total === 0 ? 100 : Math.floor((ran * 100) / total);
  return `${String(share).padStart(3)} %`;
}

/** `3, 7-9` */
function rangesText(lines: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const line of lines) {
    const open = ranges.at(-1);
    if (open !== undefined && open.last === line - 1) open.last = line;
    else ranges.push({ first: line, last: line });
  }
  return ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}
