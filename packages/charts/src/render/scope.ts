/** The objects that templates see: `.Values`, `.Chart`, `.Files`, `.Release`, `.Capabilities`, `.Subcharts`, `.Template`. */

import { FunctionError } from '../errors.ts';
import { goInt, MapView, type GoMap, type GoMethod, type Tag } from '../go/values.ts';
import { printText } from '../go/fmt.ts';
import { tableAt, valueAt } from '../values/tables.ts';
import type { WorkChart } from '../values/work-chart.ts';
import { emitYaml } from '../yaml/emit.ts';
import type { ChartFile } from '../chart/types.ts';
import { CapabilitiesObject } from './capabilities.ts';
import { ChartObject } from './chart-objects.ts';
import { filesObject } from './files-object.ts';
import type { Capabilities, RenderRelease } from './types.ts';

/** A template ready to run: its file, and what `.` is in it. */
export interface ScopedTemplate {
  readonly path: string;
  /** The chart's path and `/templates`. */
  readonly basePath: string;
  readonly file: ChartFile;
  readonly scope: GoMap;
}

/** A map as `chartutil.Values`, which has methods that shadow keys of their names. */
export function valuesView(target: GoMap): MapView {
  return new MapView(valuesTag(target), target);
}

function valuesTag(target: GoMap): Tag {
  const table = (path: string): GoMap => {
    const found = tableAt(target, path);
    if (found === undefined) throw new FunctionError(`${printText(path.split('.').at(-1))} is not a table`);
    return valuesView(found);
  };
  const pathValue = (path: string): unknown => {
    if (path === '') throw new FunctionError('YAML path cannot be empty');
    const value = valueAt(target, path);
    if (value === undefined) throw new FunctionError(`${path.split('.').at(-1) ?? ''} is not a value`);
    return value;
  };
  const methods: Record<string, GoMethod> = {
    AsMap: { args: [], run: () => (target.size === 0 ? new Map<string, unknown>() : target) },
    Table: { args: ['string'], run: table },
    PathValue: { args: ['string'], run: pathValue },
    YAML: { args: [], run: () => emitYaml(target) },
  };
  return { type: 'chartutil.Values', methods };
}

/** The templates of a chart and its dependencies by path, later ones over earlier ones. Source: helm pkg/engine, allTemplates. */
export function scopeTemplates(
  root: WorkChart,
  values: GoMap,
  options: { release: RenderRelease; capabilities: Capabilities },
): Map<string, ScopedTemplate> {
  const { release } = options;
  const shared: readonly (readonly [string, unknown])[] = [
    [
      'Release',
      new Map<string, unknown>([
        ['Name', release.name],
        ['Namespace', release.namespace],
        ['IsUpgrade', release.isUpgrade],
        ['IsInstall', release.isInstall],
        ['Revision', goInt(release.revision)],
        ['Service', release.service ?? 'Helm'],
      ]),
    ],
    ['Capabilities', new CapabilitiesObject(options.capabilities)],
  ];
  const templates = new Map<string, ScopedTemplate>();
  addChart(root, values, shared, templates);
  return templates;
}

function addChart(
  chart: WorkChart,
  values: GoMap,
  shared: readonly (readonly [string, unknown])[],
  templates: Map<string, ScopedTemplate>,
): GoMap {
  const subcharts = new Map<string, unknown>();
  const scope: GoMap = new Map<string, unknown>([
    ['Chart', new ChartObject(chart.metadata, chart.isRoot)],
    ['Files', filesObject(chart.source.files)],
    ...shared,
    ['Values', valuesView(values)],
    ['Subcharts', subcharts],
  ]);
  for (const dependency of chart.dependencies) {
    const own = values.get(dependency.name);
    const theirs: GoMap = own instanceof Map ? (own as GoMap) : new Map();
    subcharts.set(dependency.name, addChart(dependency, theirs, shared, templates));
  }
  const { path } = chart;
  const isLibrary = chart.metadata.type?.toLowerCase() === 'library';
  for (const file of chart.templates) {
    const name = file.name.slice(file.name.lastIndexOf('/') + 1);
    if (isLibrary && !name.startsWith('_')) continue;
    const full = `${path}/${file.name}`;
    templates.set(full, { path: full, basePath: `${path}/templates`, file, scope });
  }
  return scope;
}
