/** Renders a chart against the cluster, into the parts a release stores. */

import {
  manifestText,
  render,
  renderWithLookup,
  type Chart,
  type ChartCrd,
  type ChartFile,
  type ChartValues,
  type LookupRequest,
  type RenderedHook,
  type RenderOptions,
  type RenderRelease,
  type RenderResult,
  type ValueLayer,
} from '@towpath/charts';
import type { UnknownRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { ReleaseHook, StoredChart, StoredFile } from '../storage/release.ts';
import { loadCapabilities } from './capabilities.ts';
import type { ActionContext } from './context.ts';

/** Of `valuesFromFlags`, or JSON data. */
export type Values = ChartValues | UnknownRecord;

export interface RenderInput {
  readonly chart: Chart;
  readonly values: Values;
  /** Where values that are JSON data came from. */
  readonly valueLayers?: readonly ValueLayer[] | undefined;
  readonly release: RenderRelease;
  /** Templates may look objects up. */
  readonly lookup: boolean;
  readonly skipSchemaValidation: boolean;
  readonly subchartNotes: boolean;
}

export interface Rendered {
  readonly manifest: string;
  readonly hooks: ReleaseHook[];
  /** '' without NOTES.txt. */
  readonly notes: string;
  readonly chart: StoredChart;
}

/** Throws what the chart engine throws: messages name file and line. */
export async function renderRelease(context: ActionContext, input: RenderInput): Promise<Rendered> {
  const { chart, values, valueLayers, release, skipSchemaValidation, subchartNotes } = input;
  const { clock, random, client } = context;
  refuseLibrary(chart);
  const capabilities = await loadCapabilities(client);
  const options = {
    chart,
    values,
    release,
    capabilities,
    clock,
    random,
    skipSchemaValidation,
    subchartNotes,
    ...(valueLayers !== undefined && { valueLayers }),
  };
  const result = await (input.lookup
    ? renderWithLookup(options, (request) => clusterLookup(context.client, request))
    : render(options));
  for (const warning of result.warnings) context.progress(`WARNING: ${warning.message}`);
  return {
    manifest: manifestText(result),
    hooks: result.hooks.map(storedHook),
    notes: result.notes,
    chart: storedChart(result),
  };
}

function refuseLibrary(chart: Chart): void {
  const { type, name } = chart.metadata;
  if (type === undefined || type === '' || type === 'application') return;
  throw releaseError('CHART_SOURCE_INVALID', `${type} charts are not installable`, {
    next: `make "${name}" a dependency of an application chart`,
  });
}

/** Answers `lookup` from the cluster. Throws `KIND_UNKNOWN`. Source: helm 3 pkg/engine/lookup_func.go. */
export async function clusterLookup(client: Client, request: LookupRequest): Promise<UnknownRecord | undefined> {
  const { apiVersion, kind, name, namespace } = request;
  const type = await client.resourceFor({ apiVersion, kind });
  if (type === undefined) {
    throw releaseError('KIND_UNKNOWN', `lookup: the cluster has no kind "${kind}" in version "${apiVersion}"`, {
      next: 'guard the lookup with .Capabilities.APIVersions.Has',
    });
  }
  const place = type.namespaced && namespace !== '' ? { namespace } : {};
  if (name !== '') return (await client.get(type, { ...place, name })) as UnknownRecord | undefined;
  const { items, resourceVersion } = await client.list(type, place);
  return { apiVersion, kind: `${kind}List`, metadata: { resourceVersion }, items };
}

/** The CRD files of the dependencies that are enabled with these values, and the chart's own. */
export function enabledCrds(options: RenderOptions): readonly ChartCrd[] {
  const { chart } = options;
  if (chart.crds.length === 0 || chart.dependencies.length === 0) return chart.crds;
  try {
    return render(options).crds;
  } catch {
    // It may need the very kinds these files define: the render that counts says what is wrong.
    return chart.crds;
  }
}

function storedHook(hook: RenderedHook): ReleaseHook {
  const { name, kind, path, manifest, events, weight, deletePolicies, outputLogPolicies } = hook;
  return {
    name,
    kind,
    path,
    manifest,
    events: [...events],
    last_run: { started_at: '', completed_at: '', phase: '' },
    ...(weight !== 0 && { weight }),
    ...(deletePolicies.length > 0 && { delete_policies: [...deletePolicies] }),
    ...(outputLogPolicies.length > 0 && {
      output_log_policies: outputLogPolicies.filter((policy) => policy !== 'before-hook-creation'),
    }),
  };
}

function storedChart({ chart }: RenderResult): StoredChart {
  const { metadata, lock, templates, values, schema, files } = chart;
  return {
    metadata: { ...metadata },
    lock: lock ?? null,
    templates: templates.map(storedFile),
    values,
    schema: schema === undefined ? null : Buffer.from(schema).toString('base64'),
    files: files.map(storedFile),
  };
}

function storedFile({ name, data }: ChartFile): StoredFile {
  return { name, data: Buffer.from(data).toString('base64') };
}

/** Where values came from: all that is known of JSON data is that it was given. */
export function layersOf(values: Values): readonly ValueLayer[] {
  if (!isChartValues(values)) return [{ kind: 'file', source: 'values', values }];
  return values.layers ?? [{ kind: 'file', source: 'values', values: values.toJson() }];
}

/** Values as plain JSON data. */
export function plainValues(values: Values): UnknownRecord {
  return isChartValues(values) ? values.toJson() : values;
}

function isChartValues(values: Values): values is ChartValues {
  return 'tree' in values && values.tree instanceof Map && typeof values.toJson === 'function';
}
