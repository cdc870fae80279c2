/** Compares this engine with what the real Helm answered: rows of measured templates, functions and value merges. */

import { seededRandom, type Clock } from '@towpath/kit';
import type { Chart, ChartFile } from '../chart/types.ts';
import { loadChart } from '../chart/load.ts';
import { standInAddress } from '../go/fmt.ts';
import { fromPlain } from '../go/plain.ts';
import { printable } from '../go/utf8.ts';
import { defaultRenderLimits } from '../limits.ts';
import { lintChart } from '../lint/lint.ts';
import { functions } from '../functions/index.ts';
import { defaultCapabilities } from '../render/capabilities.ts';
import { templateOutput } from '../render/output.ts';
import { render } from '../render/render.ts';
import { scopeTemplates } from '../render/scope.ts';
import { runTemplates } from '../render/templates.ts';
import { valuesSchema } from '../schema/values-schema.ts';
import { TemplateCache } from '../template/templates.ts';
import type { ChartValues } from '../values/chart-values.ts';
import { addChartValues } from '../trace/chart-values.ts';
import type { TracedText } from '../trace/pieces.ts';
import { Tracer } from '../trace/tracer.ts';
import { TracingCompiler } from '../trace/tracing-compiler.ts';
import { tracingFunctions } from '../trace/tracing-functions.ts';
import { coalesceValues } from '../values/tables.ts';
import { valuesFromFlags } from '../values/flags.ts';
import { WorkChart } from '../values/work-chart.ts';
import { decodeYaml } from '../yaml/decode.ts';

/** What one row gave. */
export interface OracleOutcome {
  /** Shown for a row that disagrees. */
  readonly title: string;
  readonly agrees: boolean;
  readonly expected: string;
  readonly actual: string;
}

interface TemplateRow {
  readonly tpl: string;
  readonly values?: string;
  readonly out?: string;
  readonly err?: string;
}

interface ValuesRow {
  readonly case: string;
  readonly files: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly rc: number;
  /** What `helm lint` printed for the same files. */
  readonly lint?: string;
}

interface SchemaRow {
  readonly schema: string;
  readonly values: string;
  /** Empty when the values are fine. */
  readonly error: string;
}

type Row = TemplateRow | ValuesRow | SchemaRow | { readonly values_for_all: string };

/** When the rows were measured: some show the date. */
const measuredAtMs = Date.UTC(2026, 10, 23, 2, 2);
const clock: Pick<Clock, 'nowMs' | 'monotonicMs'> = { nowMs: () => measuredAtMs, monotonicMs: () => 0 };
const capabilities = { ...defaultCapabilities, helmVersion: 'v3.19' };
const release = { name: 'r', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false };

/** How rows are run. */
export interface OracleOptions {
  /** Renders with a trace, which must change nothing. */
  readonly trace?: boolean;
}

/** Runs the rows of one file in any of the formats: a JSON object a line. */
export async function runOracle(text: string, { trace = false }: OracleOptions = {}): Promise<OracleOutcome[]> {
  const rows = text.split('\n').filter((line) => line.trim() !== '');
  const cache = trace
    ? new TemplateCache(tracingFunctions(), (known) => new TracingCompiler(known))
    : new TemplateCache(functions);
  const outcomes: OracleOutcome[] = [];
  let sharedValues = '';
  for (const line of rows) {
    const row = JSON.parse(line) as Row;
    if ('values_for_all' in row) sharedValues = row.values_for_all;
    else if ('case' in row) outcomes.push(...(await runChartRow(row, trace)));
    else if ('schema' in row) outcomes.push(runSchemaRow(row));
    else outcomes.push(runTemplateRow({ ...row, values: row.values ?? sharedValues }, cache, trace));
  }
  return outcomes;
}

/** The chart that the template rows were measured in. */
function templateChart(file: ChartFile): Chart {
  return {
    metadata: {
      apiVersion: 'v2',
      name: 'c',
      version: '1.2.3',
      appVersion: '4.5',
      keywords: ['a', 'b'],
      annotations: { k: 'v' },
    },
    values: {},
    templates: [file],
    files: [],
    crds: [],
    dependencies: [],
    raw: [],
  };
}

function runTemplateRow(row: TemplateRow, cache: TemplateCache, trace: boolean): OracleOutcome {
  const expected = row.err === undefined ? `out: ${printable(row.out ?? '')}` : `err: ${row.err}`;
  let actual: string;
  try {
    actual = `out: ${printable(renderTemplate(row, cache, trace ? new Tracer() : undefined))}`;
  } catch (error) {
    actual = `err: ${printable(error instanceof Error ? error.message : String(error))}`;
  }
  return { title: row.tpl, agrees: isSame(expected, actual), expected, actual };
}

/** Whether two answers are the same but for memory addresses, which differ from run to run. */
function isSame(expected: string, actual: string): boolean {
  if (expected === actual) return true;
  if (!actual.includes(standInAddress)) return false;
  const parts = actual.split(standInAddress).map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('0x[0-9a-f]+')}$`).test(expected);
}

function isSchemaError(text: string): boolean {
  return text.startsWith("err: values don't meet the specifications");
}

/** Helm walks maps in no order: the lines and the lists in them are compared sorted. */
function runSchemaRow(row: SchemaRow): OracleOutcome {
  const values = readValues(row.values);
  const problems = valuesSchema(row.schema)(values)?.text;
  const actual = problems === undefined ? '' : `c:\n${problems}`;
  const agrees = inOrder(actual) === inOrder(row.error);
  return { title: `${row.schema} ${row.values}`, agrees, expected: row.error, actual };
}

function inOrder(text: string): string {
  const lists = text.replaceAll(/'[^'\n]*'(?:, '[^'\n]*')+/g, (list) => list.split(', ').toSorted().join(', '));
  return lists.split('\n').toSorted().join('\n');
}

function renderTemplate(row: TemplateRow, cache: TemplateCache, tracer: Tracer | undefined): string {
  const file: ChartFile = { name: 'templates/t.yaml', data: new TextEncoder().encode(row.tpl) };
  const work = new WorkChart(templateChart(file));
  const given = readValues(row.values ?? '');
  const values = coalesceValues(work, given instanceof Map ? given : new Map(), { warn: () => {}, merge: false });
  if (tracer !== undefined) addChartValues(tracer.provenance, work, values);
  const rendered = runTemplates(scopeTemplates(work, values, { release, capabilities }), {
    cache,
    services: {
      nowMs: clock.nowMs,
      random: seededRandom(1),
      limits: defaultRenderLimits,
      lint: false,
      warn: () => {},
      lookup: () => undefined,
    },
    strict: false,
    monotonicMs: () => 0,
    tracer,
  });
  const text = rendered.get('c/templates/t.yaml') ?? '';
  const traced = tracer?.files.get('c/templates/t.yaml');
  return traced === undefined || isTraceOf(traced, text) ? text : `the trace is of another text: ${traced.text}`;
}

/** Whether the pieces of a trace cover the text. */
function isTraceOf({ text, pieces }: TracedText, rendered: string): boolean {
  return text === rendered && (pieces.at(-1)?.end ?? 0) === text.length;
}

/** The measuring program marked wrong values so. */
function readValues(text: string): unknown {
  try {
    return fromPlain(decodeYaml(text));
  } catch (error) {
    throw new Error(`VALUES error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function runChartRow(row: ValuesRow, trace: boolean): Promise<OracleOutcome[]> {
  const outcome = await runValuesRow(row, trace);
  return row.lint === undefined ? [outcome] : [outcome, await runLint(row, row.lint)];
}

/** Where Helm names the chart's folder, only the rest is compared; so are the lines of schema problems, sorted. */
async function runLint(row: ValuesRow, printed: string): Promise<OracleOutcome> {
  const expected = printed
    .replace(/^==> Linting .*\n/, '')
    .replace(/\n(?:\d+ chart\(s\) linted.*\n)?$/, '')
    .replaceAll(/^(\[[A-Z]+\]) \/\S*:/gm, '$1 :');
  let actual: string;
  try {
    const messages = await lintChart({
      files: filesOf(row),
      values: valuesOf(row),
      clock,
      random: seededRandom(1),
      capabilities,
    });
    actual = messages.map(({ severity, path, message }) => `[${severity}] ${path}: ${message}\n`).join('');
  } catch (error) {
    actual = `Error ${error instanceof Error ? error.message : String(error)}`;
  }
  return {
    title: `lint ${row.case}`,
    agrees: actual === expected || inOrder(actual) === inOrder(expected),
    expected,
    actual,
  };
}

async function runValuesRow(row: ValuesRow, trace: boolean): Promise<OracleOutcome> {
  const expected = row.rc === 0 ? `out: ${row.stdout}` : `err: ${errorLine(row.stderr)}`;
  let actual: string;
  try {
    actual = `out: ${await renderValues(row, trace)}`;
  } catch (error) {
    actual = `err: ${error instanceof Error ? error.message.trimEnd() : String(error)}`;
  }
  const agrees = actual === expected || (isSchemaError(expected) && inOrder(actual) === inOrder(expected));
  return { title: `case ${row.case} ${row.args.join(' ')}`, agrees, expected, actual };
}

/** The error without the warnings before it and the hint after it. */
function errorLine(stderr: string): string {
  const at = stderr.search(/^Error: /m);
  const text = stderr.slice(at + 'Error: '.length);
  return text.replace('\n\nUse --debug flag to render out invalid YAML\n', '').trimEnd();
}

function filesOf(row: ValuesRow): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(
    Object.entries(row.files)
      .filter(([path]) => path.startsWith('root/'))
      .map(([path, text]) => [path.slice('root/'.length), encoder.encode(text)]),
  );
}

function valuesOf(row: ValuesRow): ChartValues {
  const flags = readFlags(row.args);
  return valuesFromFlags({
    valueFiles: (flags.get('-f') ?? []).map((name) => ({ name, text: row.files[name] ?? '' })),
    set: flags.get('--set') ?? [],
    setString: flags.get('--set-string') ?? [],
    setJson: flags.get('--set-json') ?? [],
    setFile: flags.get('--set-file') ?? [],
    setLiteral: flags.get('--set-literal') ?? [],
    readFile: (path) => row.files[path] ?? '',
  });
}

async function renderValues(row: ValuesRow, trace: boolean): Promise<string> {
  const values = valuesOf(row);
  const chart = await loadChart(filesOf(row));
  const options = { name: 'release-name', namespace: 'default', revision: 1, isInstall: true, isUpgrade: false };
  const result = render({ chart, values, release: options, capabilities, clock, random: seededRandom(1), trace });
  return templateOutput(result, { includeCrds: row.args.includes('--include-crds') });
}

function readFlags(args: readonly string[]): Map<string, string[]> {
  const flags = new Map<string, string[]>();
  const pairs = args.filter((arg) => arg !== '--include-crds');
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index] ?? '';
    flags.set(name, [...(flags.get(name) ?? []), pairs[index + 1] ?? '']);
  }
  return flags;
}
