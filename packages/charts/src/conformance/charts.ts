/** Finds charts below a folder and puts each with its dependencies into a copy, the same for both engines. */

import { cp, mkdir, readFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isRecord } from '@towpath/kit';
import type { ChartFiles } from '../chart/types.ts';
import { fromYaml } from '../yaml/yaml.ts';

/** A chart on disk. */
export interface FoundChart {
  readonly folder: string;
  /** Relative to where the search began. */
  readonly label: string;
  readonly name: string;
  readonly version: string;
  readonly isLibrary: boolean;
  readonly dependencies: readonly Dependency[];
}

interface Dependency {
  readonly name: string;
  readonly repository: string;
}

const skipped = new Set(['.git', 'node_modules', 'testdata']);

/** Every chart below a folder but for those inside another one's charts/. */
export async function findCharts(from: string): Promise<FoundChart[]> {
  const found: FoundChart[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    const isChart = entries.some(({ name }) => name === 'Chart.yaml');
    const chart = isChart ? await readChart(folder, from) : undefined;
    if (chart !== undefined) found.push(chart);
    for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
      if (!entry.isDirectory() || skipped.has(entry.name)) continue;
      if (isChart && (entry.name === 'charts' || entry.name === 'templates')) continue;
      await walk(join(folder, entry.name));
    }
  };
  await walk(resolve(from));
  return found;
}

async function readChart(folder: string, from: string): Promise<FoundChart | undefined> {
  const chart = await readYaml(join(folder, 'Chart.yaml'));
  if (chart === undefined || typeof chart['name'] !== 'string') return undefined;
  const requirements = await readYaml(join(folder, 'requirements.yaml'));
  const declared = chart['dependencies'] ?? requirements?.['dependencies'];
  return {
    folder,
    label: relative(resolve(from), folder) || basename(folder),
    name: chart['name'],
    version: String(chart['version'] ?? ''),
    isLibrary: chart['type'] === 'library',
    dependencies: (Array.isArray(declared) ? declared : []).flatMap(dependencyOf),
  };
}

function dependencyOf(value: unknown): Dependency[] {
  if (!isRecord(value) || typeof value['name'] !== 'string') return [];
  return [{ name: value['name'], repository: typeof value['repository'] === 'string' ? value['repository'] : '' }];
}

async function readYaml(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value = fromYaml(await readFile(path, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Copies a chart with what it depends on. Gives the names of the dependencies that are nowhere below the search. */
export async function assemble(chart: FoundChart, all: readonly FoundChart[], target: string): Promise<string[]> {
  return assembleInto(chart, all, target, []);
}

async function assembleInto(
  chart: FoundChart,
  all: readonly FoundChart[],
  target: string,
  above: readonly string[],
): Promise<string[]> {
  await cp(chart.folder, target, {
    recursive: true,
    dereference: true,
    filter: (path) => !path.includes(`${sep}.git${sep}`),
  });
  const present = await vendored(join(target, 'charts'));
  const missing: string[] = [];
  for (const dependency of chart.dependencies) {
    if (present.has(dependency.name)) continue;
    const source = await sourceOf(chart, dependency, all);
    if (source === undefined || above.includes(source.folder)) {
      missing.push(dependency.name);
      continue;
    }
    const folder = join(target, 'charts', dependency.name);
    await mkdir(dirname(folder), { recursive: true });
    missing.push(...(await assembleInto(source, all, folder, [...above, chart.folder])));
    present.add(dependency.name);
  }
  return missing;
}

async function sourceOf(
  chart: FoundChart,
  dependency: Dependency,
  all: readonly FoundChart[],
): Promise<FoundChart | undefined> {
  if (dependency.repository.startsWith('file://')) {
    const folder = resolve(chart.folder, dependency.repository.slice('file://'.length));
    return readChart(folder, folder);
  }
  const named = all.filter(({ name }) => name === dependency.name);
  return named.toSorted((left, right) => sharedLength(right, chart) - sharedLength(left, chart))[0];
}

/** How near two charts are: several repositories have a chart of the same name. */
function sharedLength(left: FoundChart, right: FoundChart): number {
  const [ours, theirs] = [left, right].map(({ label }) => label.split('/'));
  const end = ours?.findIndex((part, index) => part !== theirs?.[index]) ?? 0;
  return end < 0 ? (ours?.length ?? 0) : end;
}

/** Names of the charts that are already there; archives count by their file's name. */
async function vendored(folder: string): Promise<Set<string>> {
  const names = new Set<string>();
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) names.add((await readChart(join(folder, entry.name), folder))?.name ?? entry.name);
    else names.add(entry.name.replace(/-v?\d.*\.(?:tgz|tar\.gz)$/, ''));
  }
  return names;
}

/** Paths of the values files that a chart's authors try it with. */
export async function valuesFilesOf(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'ci')).catch(() => []);
  const names = entries.filter((name) => /values\.ya?ml$/.test(name)).toSorted();
  return names.map((name) => join(folder, 'ci', name));
}

/** All files of a folder by their path inside it. */
export async function readFolder(folder: string): Promise<ChartFiles> {
  const files = new Map<string, Uint8Array>();
  const entries = await readdir(folder, { recursive: true });
  for (const entry of entries.toSorted()) {
    const path = join(folder, entry);
    if ((await stat(path)).isFile()) files.set(entry.split(sep).join('/'), new Uint8Array(await readFile(path)));
  }
  return files;
}
