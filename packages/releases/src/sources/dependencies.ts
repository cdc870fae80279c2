/** Dependencies that a chart names but does not carry: fetched from the repositories it names. */

import { fromYaml, type ChartFiles } from '@towpath/charts';
import { isRecord } from '@towpath/kit';
import { releaseError } from '../errors.ts';

export interface WantedDependency {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
}

/** Fetches one dependency's archive. */
export type PullDependency = (dependency: WantedDependency) => Promise<Uint8Array>;

/** Chart.yaml (or requirements.yaml) names these; none of them is below charts/. */
export function missingDependencies(files: ChartFiles): WantedDependency[] {
  const carried = carriedCharts(files);
  return namedDependencies(files).filter((dependency) => !carried.has(dependency.name));
}

function namedDependencies(files: ChartFiles): WantedDependency[] {
  const named = ['Chart.yaml', 'requirements.yaml'].flatMap((file) => {
    const bytes = files.get(file);
    const parsed = bytes === undefined ? undefined : fromYaml(Buffer.from(bytes).toString('utf8'), { file });
    return isRecord(parsed) && Array.isArray(parsed['dependencies']) ? parsed['dependencies'].filter(isRecord) : [];
  });
  return named.map((entry) => ({
    name: String(entry['name'] ?? ''),
    version: String(entry['version'] ?? ''),
    repository: String(entry['repository'] ?? ''),
  }));
}

/** Names of the charts below charts/: folders by their Chart.yaml, archives by their file name. */
function carriedCharts(files: ChartFiles): Set<string> {
  const names = new Set<string>();
  for (const [path, bytes] of files) {
    if (/^charts\/[^/]+\/Chart\.yaml$/.test(path)) {
      const parsed = fromYaml(Buffer.from(bytes).toString('utf8'), { file: path });
      if (isRecord(parsed)) names.add(String(parsed['name']));
    }
    const archive = /^charts\/([^/]+)-v?\d+\.[^/]*\.tgz$/.exec(path);
    if (archive?.[1] !== undefined) names.add(archive[1]);
  }
  return names;
}

/** `files` with the missing dependencies' archives below charts/. Throws `CHART_DEPENDENCY_MISSING`. */
export async function withDependencies(files: ChartFiles, pull: PullDependency): Promise<ChartFiles> {
  const missing = missingDependencies(files);
  if (missing.length === 0) return files;
  const complete = new Map(files);
  for (const dependency of missing) {
    if (!/^(https?|oci):\/\//.test(dependency.repository)) {
      throw releaseError(
        'CHART_DEPENDENCY_MISSING',
        `found in Chart.yaml, but missing in charts/ directory: ${dependency.name}`,
        { next: 'commit the dependency below charts/, or name its repository by an http, https or oci address' },
      );
    }
    complete.set(`charts/${dependency.name}-${dependency.version}.tgz`, await pull(dependency));
  }
  return complete;
}
