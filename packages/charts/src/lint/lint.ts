/** `helm lint`: what an author should mend. Source: helm 3 pkg/lint/rules. */

import { messageOf } from '@towpath/kit';
import { loadChart } from '../chart/load.ts';
import type { Chart, ChartFiles } from '../chart/types.ts';
import { chartError } from '../errors.ts';
import { treeOf } from '../render/render.ts';
import type { RenderOptions, RenderWarning } from '../render/types.ts';
import { lintChartFile, lintValuesFile } from './chart-file.ts';
import { lintTemplates } from './templates.ts';

/** One finding; an ERROR means that the chart does not pass. */
export interface LintMessage {
  readonly severity: 'INFO' | 'WARNING' | 'ERROR';
  /** Chart-relative; '' for the chart as a whole, where Helm names its folder. */
  readonly path: string;
  readonly message: string;
}

export interface LintOptions extends Pick<RenderOptions, 'values' | 'capabilities' | 'clock' | 'random' | 'limits'> {
  readonly files: ChartFiles;
  readonly namespace?: string;
  readonly skipSchemaValidation?: boolean;
  /** Told what the render warns of: helm logs it. */
  readonly onWarning?: (warning: RenderWarning) => void;
}

/** Takes one finding. */
export type Say = (severity: LintMessage['severity'], path: string, message: string) => void;

/**
 * Every finding in Helm's order: Chart.yaml, values.yaml, templates/, then dependencies; a chart with an ERROR does
 * not pass. Throws `CHART_INVALID` for files that are no chart.
 */
export async function lintChart(options: LintOptions): Promise<LintMessage[]> {
  const { files } = options;
  if (!files.has('Chart.yaml')) {
    throw chartError('CHART_INVALID', 'unable to check Chart.yaml file in chart: it does not exist', {
      next: 'name the folder that holds Chart.yaml',
    });
  }
  const messages: LintMessage[] = [];
  const say: Say = (severity, path, message) => void messages.push({ severity, path, message });
  lintChartFile(files, say);
  lintValuesFile(files, treeOf(options.values), say);
  try {
    const chart = await loadChart(files);
    for (const warning of lintTemplates(chart, { ...options, chart, release: releaseOf(options) }, say)) {
      options.onWarning?.(warning);
    }
    lintDependencies(chart, say);
  } catch (error) {
    say('ERROR', 'templates/', messageOf(error));
    say('ERROR', '', `unable to load chart\n\t${messageOf(error)}`);
  }
  return messages;
}

function releaseOf({ namespace = 'default' }: LintOptions): RenderOptions['release'] {
  return { name: 'test-release', namespace, revision: 0, isInstall: false, isUpgrade: false };
}

function lintDependencies(chart: Chart, say: Say): void {
  const declared = chart.metadata.dependencies ?? [];
  const declaredNames = new Set(declared.map(({ name }) => name));
  const present = chart.dependencies.map(({ metadata }) => metadata.name);
  const unlisted = present.filter((name) => !declaredNames.has(name));
  if (unlisted.length > 0) say('ERROR', '', `chart metadata is missing these dependencies: ${unlisted.join(',')}`);
  const missing = declared.map(({ name }) => name).filter((name) => !present.includes(name));
  if (missing.length > 0) say('WARNING', '', `chart directory is missing these dependencies: ${missing.join(',')}`);
}
