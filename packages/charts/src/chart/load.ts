/** Reads a chart from its files or its archive. Source: helm 3 pkg/chart/loader. */

import { messageOf, type UnknownRecord } from '@towpath/kit';
import { chartError } from '../errors.ts';
import { extension } from '../functions/paths.ts';
import { compareStrings, fromBytes } from '../go/utf8.ts';
import { defaultLoadLimits, type LoadLimits } from '../limits.ts';
import { readArchive, withoutMark } from './archive.ts';
import { parseIgnore } from './ignore.ts';
import { parseLock, parseMetadata, parseValues, validateMetadata } from './metadata.ts';
import type { Chart, ChartCrd, ChartFile, ChartFiles, ChartLock, ChartMetadata } from './types.ts';

/** How a chart is loaded. */
export interface LoadOptions {
  /** {@link defaultLoadLimits} for what is left out. */
  readonly limits?: Partial<LoadLimits>;
}

/** Loads a chart folder's files, or a .tgz archive. Throws `CHART_INVALID` naming the file, `CHART_TOO_LARGE`. */
export async function loadChart(source: ChartFiles | Uint8Array, options: LoadOptions = {}): Promise<Chart> {
  const limits = { ...defaultLoadLimits, ...options.limits };
  if (source instanceof Uint8Array) return loadFiles(await readArchive(source, 'the chart archive', limits), limits, 0);
  checkSizes(source, limits);
  return loadFiles(withoutIgnored(source), limits, 0);
}

function checkSizes(files: ChartFiles, limits: LoadLimits): void {
  const next = 'leave out what is no chart';
  if (files.size > limits.files) {
    throw chartError('CHART_TOO_LARGE', `the chart has more than ${limits.files} files`, { next });
  }
  for (const [path, data] of files) {
    if (data.length <= limits.fileBytes) continue;
    const message = `chart file "${path}" is larger than the maximum file size ${limits.fileBytes}`;
    throw chartError('CHART_TOO_LARGE', message, { next });
  }
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
  const kept = [...files].filter(([path]) => !isIgnored(path)).toSorted(([left], [right]) => compareWalk(left, right));
  return new Map(kept.map(([path, data]) => [path, withoutMark(data)]));
}

/** The order in which folders are walked: by name, level by level. */
function compareWalk(left: string, right: string): number {
  const rights = right.split('/');
  for (const [index, part] of left.split('/').entries()) {
    const order = compareStrings(part, rights[index] ?? '');
    if (order !== 0) return order;
  }
  return -1;
}

function text(data: Uint8Array): string {
  return fromBytes(data);
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
  const metadata = validateMetadata(parts.metadata);
  const dependencies: Chart[] = [];
  for (const [name, inner] of parts.subcharts) {
    // Not charts: Helm passes over them.
    if (name.startsWith('_') || name.startsWith('.')) continue;
    try {
      dependencies.push(await loadSubchart(name, inner, limits, depth));
    } catch (error) {
      const message = `error unpacking subchart ${name} in ${metadata.name}: ${messageOf(error)}`;
      const code = isTooLarge(error) ? 'CHART_TOO_LARGE' : 'CHART_INVALID';
      throw chartError(code, message, { next: `correct or remove charts/${name}`, cause: error });
    }
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
  const metadata = chartYaml === undefined ? undefined : parseMetadata(text(chartYaml));
  if (metadata?.apiVersion === '') metadata.apiVersion = 'v1';
  const parts: Parts = {
    metadata,
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
      parts.metadata = parseMetadata(text(data), name, parts.metadata);
      if (parts.metadata.apiVersion === 'v1') parts.files.push({ name, data });
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
  if (extension(file.name) === '.prov') {
    parts.files.push(file);
    return;
  }
  const inner = file.name.slice('charts/'.length);
  const [name = ''] = inner.split('/');
  const files = parts.subcharts.get(name) ?? new Map<string, Uint8Array>();
  files.set(inner, file.data);
  parts.subcharts.set(name, files);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'CHART_TOO_LARGE';
}

async function loadSubchart(
  name: string,
  files: ReadonlyMap<string, Uint8Array>,
  limits: LoadLimits,
  depth: number,
): Promise<Chart> {
  if (extension(name) === '.tgz') {
    const data = files.get(name);
    if (data === undefined) throw chartError('CHART_INVALID', `expected ${name}, got ${[...files.keys()].join(' ')}`);
    return loadFiles(await readArchive(data, `charts/${name}`, limits), limits, depth + 1);
  }
  const own = [...files]
    .filter(([path]) => path.includes('/'))
    .map(([path, data]) => [path.slice(name.length + 1), data] as const);
  return loadFiles(new Map(own), limits, depth + 1);
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
