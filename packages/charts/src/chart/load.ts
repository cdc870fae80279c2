/** Reads a chart from its files or its archive. Source: helm 3 pkg/chart/loader. */

import { posix } from 'node:path';
import type { UnknownRecord } from '@towpath/kit';
import { chartError } from '../errors.ts';
import { defaultLoadLimits, type LoadLimits } from '../limits.ts';
import { readArchive, withoutMark } from './archive.ts';
import { parseIgnore } from './ignore.ts';
import { parseLock, parseMetadata, parseRequirements, parseValues } from './metadata.ts';
import type { Chart, ChartCrd, ChartFile, ChartFiles, ChartLock, ChartMetadata } from './types.ts';

export interface LoadOptions {
  readonly limits?: Partial<LoadLimits>;
}

/** Loads a chart folder's files, or a .tgz archive. Throws `CHART_INVALID` naming the file, `CHART_TOO_LARGE`. */
export async function loadChart(source: ChartFiles | Uint8Array, options: LoadOptions = {}): Promise<Chart> {
  const limits = { ...defaultLoadLimits, ...options.limits };
  if (source instanceof Uint8Array) return loadFiles(await readArchive(source, 'the chart archive', limits), limits, 0);
  return loadFiles(withoutIgnored(source), limits, 0);
}

/** Applies .helmignore; a file below an ignored folder is ignored, too. */
export function withoutIgnored(files: ChartFiles): ChartFiles {
  const ignoreFile = files.get('.helmignore');
  const rules = parseIgnore(ignoreFile === undefined ? '' : text(ignoreFile));
  const isIgnored = (path: string): boolean => {
    const parts = path.split('/');
    const folders = parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'));
    return folders.some((folder) => rules.ignores(folder, true)) || rules.ignores(path, false);
  };
  const kept = [...files].filter(([path]) => !isIgnored(path));
  return new Map(kept.map(([path, data]) => [path, withoutMark(data)]));
}

function text(data: Uint8Array): string {
  return Buffer.from(data).toString('utf8');
}

interface Parts {
  metadata: ChartMetadata | undefined;
  values: UnknownRecord;
  rawValues: string | undefined;
  schema: Uint8Array | undefined;
  lock: ChartLock | undefined;
  readonly templates: ChartFile[];
  readonly files: ChartFile[];
  /** Subchart name → its files, relative to it; or one archive. */
  readonly subcharts: Map<string, Map<string, Uint8Array>>;
}

async function loadFiles(files: ChartFiles, limits: LoadLimits, depth: number): Promise<Chart> {
  if (depth > limits.depth) {
    throw chartError('CHART_TOO_LARGE', `charts are nested deeper than ${limits.depth} levels`, {
      next: 'vendor dependencies flat',
    });
  }
  const raw = [...files].map(([name, data]) => ({ name, data }));
  const parts = sort(raw, files);
  if (parts.metadata === undefined) {
    throw chartError('CHART_INVALID', 'Chart.yaml file is missing', { next: 'name the folder that holds Chart.yaml' });
  }
  const metadata = parts.metadata;
  if (metadata.apiVersion === '') metadata.apiVersion = 'v1';
  checkMetadata(metadata);
  const dependencies: Chart[] = [];
  for (const [name, inner] of parts.subcharts) {
    const loaded = await loadSubchart(name, inner, limits, depth);
    if (loaded !== undefined) dependencies.push(loaded);
  }
  const { values, rawValues, schema, lock, templates } = parts;
  return {
    metadata,
    values,
    ...(rawValues !== undefined && { rawValues }),
    templates,
    files: parts.files,
    crds: crdsOf(metadata.name, parts.files, dependencies),
    dependencies,
    ...(schema !== undefined && { schema }),
    ...(lock !== undefined && { lock }),
    raw,
  };
}

/** Source: helm 3 pkg/chart/loader/load.go, LoadFiles. */
function sort(raw: readonly ChartFile[], all: ChartFiles): Parts {
  const chartYaml = all.get('Chart.yaml');
  const parts: Parts = {
    metadata: chartYaml === undefined ? undefined : parseMetadata(text(chartYaml)),
    values: {},
    rawValues: undefined,
    schema: undefined,
    lock: undefined,
    templates: [],
    files: [],
    subcharts: new Map(),
  };
  for (const file of raw) place(parts, file);
  return parts;
}

function place(parts: Parts, { name, data }: ChartFile): void {
  switch (name) {
    case 'Chart.yaml':
      return;
    case 'Chart.lock':
      parts.lock = parseLock(text(data), name);
      return;
    case 'values.yaml':
      parts.rawValues = text(data);
      parts.values = parseValues(parts.rawValues);
      return;
    case 'values.schema.json':
      parts.schema = data;
      return;
    case 'requirements.yaml':
      if (parts.metadata !== undefined) parts.metadata.dependencies = parseRequirements(text(data));
      if (parts.metadata?.apiVersion === 'v1') parts.files.push({ name, data });
      return;
    case 'requirements.lock':
      parts.lock = parseLock(text(data), name);
      if (parts.metadata?.apiVersion === 'v1') parts.files.push({ name, data });
      return;
    default:
      placeByFolder(parts, { name, data });
  }
}

function placeByFolder(parts: Parts, file: ChartFile): void {
  if (file.name.startsWith('templates/')) parts.templates.push(file);
  else if (file.name.startsWith('charts/')) placeSubchart(parts, file);
  else parts.files.push(file);
}

function placeSubchart(parts: Parts, file: ChartFile): void {
  if (posix.extname(file.name) === '.prov') {
    parts.files.push(file);
    return;
  }
  const inner = file.name.slice('charts/'.length);
  const [name = ''] = inner.split('/');
  const files = parts.subcharts.get(name) ?? new Map<string, Uint8Array>();
  files.set(inner, file.data);
  parts.subcharts.set(name, files);
}

/** Entries whose names start with `_` or `.` are no charts. */
async function loadSubchart(
  name: string,
  files: Map<string, Uint8Array>,
  limits: LoadLimits,
  depth: number,
): Promise<Chart | undefined> {
  if (name.startsWith('_') || name.startsWith('.')) return undefined;
  if (posix.extname(name) === '.tgz') {
    const data = files.get(name);
    if (data === undefined)
      throw chartError('CHART_INVALID', `error unpacking subchart tar in charts/${name}: it is a folder`);
    return loadFiles(await readArchive(data, `charts/${name}`, limits), limits, depth + 1);
  }
  const own = [...files]
    .filter(([path]) => path.includes('/'))
    .map(([path, data]) => [path.slice(name.length + 1), data] as const);
  // A lone file below charts/ is no chart.
  if (own.length === 0) return undefined;
  try {
    return await loadFiles(new Map(own), limits, depth + 1);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw chartError('CHART_INVALID', `error unpacking subchart ${name}: ${why}`, { cause: error });
  }
}

function checkMetadata(metadata: ChartMetadata): void {
  const refuse = (why: string): never => {
    throw chartError('CHART_INVALID', `validation: ${why}`, { next: 'correct Chart.yaml' });
  };
  if (metadata.name === '') refuse('chart.metadata.name is required');
  if (metadata.name.includes('/') || metadata.name === '.' || metadata.name === '..') {
    refuse(`chart.metadata.name ${JSON.stringify(metadata.name)} is invalid`);
  }
  if (metadata.version === '') refuse('chart.metadata.version is required');
  if (metadata.type !== undefined && metadata.type !== 'application' && metadata.type !== 'library') {
    refuse('chart.metadata.type must be application or library');
  }
}

/** The chart's own files below crds/, then those of the dependencies: the order in which Helm installs them. */
function crdsOf(name: string, files: readonly ChartFile[], dependencies: readonly Chart[]): ChartCrd[] {
  const own = files
    .filter((file) => file.name.startsWith('crds/') && /\.(ya?ml|json)$/i.test(file.name))
    .map((file) => ({ filename: `${name}/${file.name}`, name: file.name, text: text(file.data) }));
  const below = dependencies.flatMap((dependency) =>
    dependency.crds.map((crd) => ({ ...crd, filename: `${name}/charts/${crd.filename}` })),
  );
  return [...own, ...below];
}
