/** Renders a chart against the cluster, into the parts a release stores. */

import {
  render,
  renderWithLookup,
  type Chart,
  type ChartCrd,
  type ChartValues,
  type LookupRequest,
  type RenderRelease,
  type RenderResult,
  type ValueLayer,
} from '@towpath/charts';
import { codeOf, type UnknownRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { AwaitedLookup, RenderRequest } from '../render-worker/renderer.ts';
import { loadCapabilities } from './capabilities.ts';
import type { ActionContext } from './context.ts';
import { renderedOf, type Rendered } from './rendered.ts';

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

/** Throws what the chart engine throws: messages name file and line. */
export async function renderRelease(context: ActionContext, input: RenderInput): Promise<Rendered> {
  const { chart, values, valueLayers, release, skipSchemaValidation, subchartNotes } = input;
  const { clock, random, client } = context;
  refuseLibrary(chart);
  const capabilities = await (context.capabilities?.() ?? loadCapabilities(client));
  const lookup = input.lookup ? (request: LookupRequest) => clusterLookup(client, request) : undefined;
  const request = { chart, release, capabilities, skipSchemaValidation, subchartNotes };
  const layers = valueLayers !== undefined && { valueLayers };
  const plain = await renderAside(context, { ...request, values, valueLayers }, lookup, (limits) => {
    const options = { ...request, values, ...layers, clock, random, ...limits };
    return lookup === undefined ? render(options) : renderWithLookup(options, lookup);
  });
  const rendered = context.postRender?.(plain) ?? plain;
  for (const warning of rendered.warnings) context.progress(`WARNING: ${warning}`);
  return rendered;
}

/** What takes longer holds up the API, probes and the mesh, which share the thread; a first render is cold code. */
const inPlaceMs = 150;
/** Of templates: what is larger is not even read in place. */
const inPlaceBytes = 256 * 1024;

/** In place as long as that is quick, else in the worker where there is one. */
async function renderAside(
  { renderer }: ActionContext,
  request: Omit<RenderRequest, 'values'> & { readonly values: Values },
  lookup: AwaitedLookup | undefined,
  inPlace: (limits?: { limits: { timeMs: number } }) => RenderResult | Promise<RenderResult>,
): Promise<Rendered> {
  const { values } = request;
  if (renderer === undefined || isChartValues(values)) return renderedOf(await inPlace());
  if (templateBytes(request.chart) <= inPlaceBytes) {
    try {
      return renderedOf(await inPlace({ limits: { timeMs: inPlaceMs } }));
    } catch (error) {
      if (codeOf(error) !== 'RENDER_LIMIT') throw error;
    }
  }
  return renderer.render({ ...request, values }, lookup);
}

function templateBytes(chart: Chart): number {
  const own = chart.templates.reduce((sum, { data }) => sum + data.length, 0);
  return chart.dependencies.reduce((sum, dependency) => sum + templateBytes(dependency), own);
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
export async function enabledCrds(context: ActionContext, input: RenderInput): Promise<readonly ChartCrd[]> {
  const { chart } = input;
  if (chart.crds.length === 0 || chart.dependencies.length === 0) return chart.crds;
  try {
    return (await renderRelease({ ...context, progress: () => {} }, input)).crds;
  } catch {
    // It may need the very kinds these files define: the render that counts says what is wrong.
    return chart.crds;
  }
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
