/** Packs a chart into a reproducible archive. */

import { writeArchive } from './archive.ts';
import { loadChart, withoutIgnored } from './load.ts';
import type { Chart, ChartFiles } from './types.ts';

/** What packing changes in Chart.yaml. */
export interface PackageOptions {
  /** Overrides Chart.yaml's version. */
  readonly version?: string;
  /** Overrides Chart.yaml's appVersion. */
  readonly appVersion?: string;
}

/** An archive and its name. */
export interface PackagedChart {
  /** `name-version.tgz` */
  readonly filename: string;
  /** gzip of tar. */
  readonly data: Uint8Array;
}

/** The same files give the same bytes: sorted, fixed times and owners. Throws `CHART_INVALID`. */
export async function packageChart(source: Chart | ChartFiles, options: PackageOptions = {}): Promise<PackagedChart> {
  const files = new Map(isFiles(source) ? withoutIgnored(source) : source.raw.map((file) => [file.name, file.data]));
  const yaml = new TextDecoder().decode(files.get('Chart.yaml'));
  const versioned = override(override(yaml, 'version', options.version), 'appVersion', options.appVersion);
  files.set('Chart.yaml', new TextEncoder().encode(versioned));
  const { name, version } = (await loadChart(files)).metadata;
  return { filename: `${name}-${version}.tgz`, data: await writeArchive(name, files) };
}

function isFiles(source: Chart | ChartFiles): source is ChartFiles {
  return source instanceof Map;
}

/** Changes one top-level line; everything else of the file stays as its author wrote it. */
function override(yaml: string, key: string, value: string | undefined): string {
  if (value === undefined) return yaml;
  const line = `${key}: ${JSON.stringify(value)}`;
  const pattern = new RegExp(`^${key}:.*$`, 'm');
  return pattern.test(yaml) ? yaml.replace(pattern, () => line) : `${yaml.replace(/\n?$/, '\n')}${line}\n`;
}
