/** Renders a chart: values, dependencies, templates, then manifests apart from hooks and notes. */

import { codeOf, type UnknownRecord } from '@towpath/kit';
import type { Chart, ChartCrd } from '../chart/types.ts';
import { chartError, LimitError } from '../errors.ts';
import type { Services } from '../functions/row.ts';
import { fromPlain, toPlain } from '../go/plain.ts';
import { compareStrings } from '../go/utf8.ts';
import type { GoMap } from '../go/values.ts';
import { defaultRenderLimits } from '../limits.ts';
import { isStackOverflow } from '../template/exec-error.ts';
import { withDetails, type Repeated, type RenderState } from '../trace/failure.ts';
import { valueOrigins } from '../trace/value-origins.ts';
import type { ChartValues, ValueLayer } from '../values/chart-values.ts';
import { isCompatible, processDependencies } from '../values/dependencies.ts';
import { validateSchemas } from '../values/schema.ts';
import { coalesceValues, copyTable } from '../values/tables.ts';
import { WorkChart } from '../values/work-chart.ts';
import { addChartValues } from '../trace/chart-values.ts';
import { renderTrace, type FileLine } from '../trace/render-trace.ts';
import { Tracer } from '../trace/tracer.ts';
import { templateCacheOf, tracingCacheOf } from './cache.ts';
import { defaultCapabilities } from './capabilities.ts';
import { sortManifests } from './manifests.ts';
import { outputLines, type TemplateOutputOptions } from './output.ts';
import { scopeTemplates } from './scope.ts';
import { runTemplates } from './templates.ts';
import type { LookupRequest, RenderOptions, RenderResult, RenderWarning } from './types.ts';

/**
 * Renders as `helm template|install|upgrade` does. The message of what is thrown is Helm's sentence:
 * `RENDER_FAILED` (template), `MANIFEST_INVALID` (output that is not YAML), `VALUES_INVALID`, `VALUES_SCHEMA`,
 * `CHART_INVALID` (missing dependencies, kubeVersion), `RENDER_LIMIT`.
 */
export function render(options: RenderOptions): RenderResult {
  const state: RenderState = {};
  const { clock } = options;
  const endMs = clock.monotonicMs() + timeLimitOf(options);
  try {
    return renderAll(options, state, endMs);
  } catch (error) {
    // An answer that is not there yet is no failure.
    if (isUnanswered(error)) throw error;
    const leftMs = (): number => endMs - clock.monotonicMs();
    const failure = asLimit(error);
    // A trace takes more stack: what only it cannot do is no failure of the chart.
    if (options.trace === true && codeOf(failure) === 'RENDER_LIMIT' && leftMs() > 0) {
      return render({ ...options, limits: { ...options.limits, timeMs: leftMs() }, trace: false });
    }
    throw withDetails(failure, state, () => renderAgain(options, Math.max(leftMs(), againMs)));
  }
}

function timeLimitOf({ limits }: RenderOptions): number {
  return limits?.timeMs ?? defaultRenderLimits.timeMs;
}

/** What grew too large or too deep outside the templates. */
function asLimit(error: unknown): unknown {
  const isLimit = error instanceof LimitError || isStackOverflow(error);
  if (!isLimit) return error;
  const message = error instanceof LimitError ? error.message : 'the values are nested too deep';
  return chartError('RENDER_LIMIT', message, { next: 'look for what repeats or holds itself', cause: error });
}

/** At least that long may be spent on the reasons of a failure, also where the time of the render is short. */
const againMs = 250;

/** Renders what failed once more, to see where, in what is left of the time. */
function renderAgain(options: RenderOptions, timeMs: number): Repeated | undefined {
  const state: RenderState = {};
  const limits = { ...options.limits, timeMs };
  try {
    renderAll({ ...options, limits, trace: true }, state, options.clock.monotonicMs() + timeMs);
    return undefined;
  } catch (error) {
    return { error, state };
  }
}

function renderAll(options: RenderOptions, state: RenderState, endMs: number): RenderResult {
  const { chart } = options;
  checkInstallable(chart);
  checkDependencies(chart);
  const { work, values, files, warnings } = renderFiles(options, state);
  const notes = takeNotes(files, work.name, options.subchartNotes ?? false);
  const { manifests, hooks } = sortManifests(files, {
    warn: (message) => warnings.push({ code: 'HOOK', message }),
    step: () => {
      if (options.clock.monotonicMs() < endMs) return;
      throw new LimitError(`the render takes longer than ${timeLimitOf(options)} ms`);
    },
  });
  const rendered = new Map([...files].filter(([, text]) => text.trim() !== ''));
  const crds = crdsOf(work);
  const plain = toPlain(values) as UnknownRecord;
  const result = {
    manifests,
    hooks,
    notes,
    crds,
    warnings,
    files: rendered,
    chart: processedChart(work),
    values: plain,
  };
  const { tracer, originsOf } = state;
  if (tracer === undefined || originsOf === undefined) return result;
  const outputOf = (output: TemplateOutputOptions): readonly (FileLine | undefined)[] => outputLines(result, output);
  return { ...result, trace: renderTrace({ tracer, originsOf, outputLines: outputOf }) };
}

/** The text of every template by path, before it is taken for manifests. Throws as {@link render}. */
export function renderFiles(options: RenderOptions, state: RenderState = {}): RenderedFiles {
  const { chart } = options;
  const warnings: RenderWarning[] = [];
  const warn = (code: string, message: string): void => void warnings.push({ code, message });
  const warnValues = (message: string): void => warn('VALUES', message);
  const work = new WorkChart(chart);
  const given = copyTable(treeOf(options.values));
  processDependencies(work, given, warnValues);
  const values = coalesceValues(work, given, { warn: warnValues, merge: false });
  state.originsOf = valueOrigins(work, layersOf(options));
  if (options.skipSchemaValidation !== true) validateSchemas(work, values);
  const capabilities = options.capabilities ?? defaultCapabilities;
  if (options.lint !== true) checkKubeVersion(chart, capabilities.kubeVersion);
  const tracer = options.trace === true ? new Tracer() : undefined;
  if (tracer !== undefined) {
    addChartValues(tracer.provenance, work, values);
    state.tracer = tracer;
  }
  const templates = scopeTemplates(work, values, { release: options.release, capabilities });
  const files = runTemplates(templates, {
    cache: tracer === undefined ? templateCacheOf(chart) : tracingCacheOf(chart),
    services: servicesOf(options, warn),
    strict: options.strict ?? false,
    monotonicMs: () => options.clock.monotonicMs(),
    tracer,
  });
  return { work, values, files, warnings };
}

interface RenderedFiles {
  readonly work: WorkChart;
  readonly values: GoMap;
  readonly files: Map<string, string>;
  readonly warnings: RenderWarning[];
}

/** What the values were made of: all that is known of JSON data is that it was given. */
function layersOf({ values, valueLayers }: RenderOptions): readonly ValueLayer[] {
  if (valueLayers !== undefined) return valueLayers;
  if (isChartValues(values) && values.layers !== undefined) return values.layers;
  return [{ kind: 'file', source: 'values', values: () => treeOf(values) }];
}

/** Values as the templates take them. */
export function treeOf(values: ChartValues | UnknownRecord): GoMap {
  if (isChartValues(values)) return values.tree;
  const map = fromPlain(values);
  return map instanceof Map ? (map as GoMap) : new Map();
}

function isChartValues(values: ChartValues | UnknownRecord): values is ChartValues {
  return 'tree' in values && values.tree instanceof Map && typeof values['toJson'] === 'function';
}

function servicesOf(options: RenderOptions, warn: (code: string, message: string) => void): Services {
  const { lookup } = options;
  // Asked at the first need: one time for the whole render, and none for a chart that asks for none.
  let nowMs: number | undefined;
  return {
    nowMs: () => (nowMs ??= options.clock.nowMs()),
    random: options.random,
    limits: { ...defaultRenderLimits, ...options.limits },
    lint: options.lint ?? false,
    warn,
    resolveHost: options.resolveHost,
    lookup: (apiVersion, kind, namespace, name) => {
      const found = lookup?.({ apiVersion, kind, namespace, name });
      return found === undefined ? undefined : fromPlain(found);
    },
  };
}

function checkInstallable(chart: Chart): void {
  const { type = '' } = chart.metadata;
  if (type === '' || type === 'application') return;
  throw chartError('CHART_INVALID', `${type} charts are not installable`, {
    next: 'name it as a dependency of an application chart',
  });
}

/** By name only: versions are looked at when dependencies are switched. Source: helm pkg/action, CheckDependencies. */
function checkDependencies(chart: Chart): void {
  const present = new Set(chart.dependencies.map((dependency) => dependency.metadata.name));
  const missing = (chart.metadata.dependencies ?? []).filter(({ name }) => !present.has(name)).map(({ name }) => name);
  if (missing.length === 0) return;
  throw chartError(
    'CHART_INVALID',
    'An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing ' +
      `dependencies: found in Chart.yaml, but missing in charts/ directory: ${missing.join(', ')}`,
    { next: 'vendor the missing charts below charts/' },
  );
}

function checkKubeVersion(chart: Chart, kubeVersion: string): void {
  const { kubeVersion: wanted = '' } = chart.metadata;
  if (wanted === '' || isCompatible(wanted, kubeVersion)) return;
  throw chartError(
    'CHART_INVALID',
    `chart requires kubeVersion: ${wanted} which is incompatible with Kubernetes ${kubeVersion}`,
    { next: 'use a chart for this Kubernetes version' },
  );
}

/** Takes the notes out of the rendered files, in the order of their paths. */
function takeNotes(files: Map<string, string>, name: string, withSubcharts: boolean): string {
  const suffix = 'NOTES.txt';
  const own = `${name}/templates/${suffix}`;
  const parts: string[] = [];
  for (const path of [...files.keys()].toSorted(compareStrings)) {
    if (!path.endsWith(suffix)) continue;
    if (withSubcharts || path === own) parts.push(files.get(path) ?? '');
    files.delete(path);
  }
  return parts.join('\n');
}

/** The CRDs of the charts that are on, under the names they go by. */
function crdsOf(work: WorkChart): ChartCrd[] {
  const own = work.source.crds
    .slice(0, ownCrdCount(work.source))
    .map((crd) => ({ ...crd, filename: `${work.path}/${crd.name}` }));
  return [...own, ...work.dependencies.flatMap(crdsOf)];
}

/** A chart's list holds its dependencies' after its own. */
function ownCrdCount(chart: Chart): number {
  return chart.crds.length - chart.dependencies.reduce((count, dependency) => count + dependency.crds.length, 0);
}

function processedChart(work: WorkChart): Chart {
  const { source } = work;
  return {
    ...source,
    metadata: work.metadata,
    values: toPlain(work.values) as UnknownRecord,
    crds: crdsOf(work),
    dependencies: work.dependencies.map(processedChart),
  };
}

/** Asked for an answer that is not known yet. */
class MissingLookup extends Error {
  readonly code = 'LOOKUP_MISSING';
  readonly request: LookupRequest;

  constructor(request: LookupRequest) {
    super('a lookup is not answered yet');
    this.request = request;
  }
}

/** Each round answers one lookup: a chart that asks for more is refused. */
const lookupRoundsMax = 1000;

/** `render` with a lookup that must be awaited: renders again each time an answer is still missing. */
export async function renderWithLookup(
  options: Omit<RenderOptions, 'lookup'>,
  lookup: (request: LookupRequest) => Promise<UnknownRecord | undefined>,
): Promise<RenderResult> {
  const answers = new Map<string, UnknownRecord | undefined>();
  const keyOf = (request: LookupRequest): string => JSON.stringify(request);
  const answer = (request: LookupRequest): UnknownRecord | undefined => {
    const key = keyOf(request);
    if (!answers.has(key)) throw new MissingLookup(request);
    return answers.get(key);
  };
  for (let round = 0; round < lookupRoundsMax; round += 1) {
    try {
      return render({ ...options, lookup: answer });
    } catch (error) {
      const missing = missingLookup(error);
      if (missing === undefined) throw error;
      answers.set(keyOf(missing.request), await lookup(missing.request));
    }
  }
  throw chartError('RENDER_LIMIT', `the chart asks for more than ${lookupRoundsMax} objects by lookup`, {
    next: 'look up lists instead of single objects',
  });
}

/** True where a `lookup` threw an error with the code `LOOKUP_MISSING`: the render is to be repeated with the answer. */
function isUnanswered(error: unknown): boolean {
  return chainOf(error).some((link) => codeOf(link) === 'LOOKUP_MISSING');
}

function missingLookup(error: unknown): MissingLookup | undefined {
  return chainOf(error).find((link) => link instanceof MissingLookup);
}

/** An error and its causes. */
function chainOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...chainOf(error.cause)] : [];
}
