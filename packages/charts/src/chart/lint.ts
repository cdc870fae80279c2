/** `helm lint`: what an author should mend. Source: helm 3 pkg/lint/rules. */

import { messageOf } from '@towpath/kit';
import { parseVersion } from '../go/semver.ts';
import { render } from '../render/render.ts';
import type { RenderOptions } from '../render/types.ts';
import { loadChart } from './load.ts';
import type { Chart, ChartFiles, ChartMetadata } from './types.ts';

export interface LintMessage {
  readonly severity: 'INFO' | 'WARNING' | 'ERROR';
  /** Chart-relative; '' for the chart as a whole. */
  readonly path: string;
  readonly message: string;
}

export interface LintOptions extends Pick<RenderOptions, 'values' | 'capabilities' | 'clock' | 'random' | 'limits'> {
  readonly files: ChartFiles;
  readonly namespace?: string;
  readonly skipSchemaValidation?: boolean;
}

type Severity = LintMessage['severity'];

/** Every finding: Chart.yaml, values.yaml, templates/, then dependencies; a chart with an ERROR does not pass. */
export async function lintChart(options: LintOptions): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  const say = (severity: Severity, path: string, message: string): void => {
    messages.push({ severity, path, message });
  };
  let chart: Chart | undefined;
  let broken: string | undefined;
  try {
    chart = await loadChart(options.files);
  } catch (error) {
    broken = messageOf(error);
  }
  if (!options.files.has('Chart.yaml')) say('ERROR', 'Chart.yaml', 'unable to parse YAML\n\tthe file does not exist');
  if (chart !== undefined) lintMetadata(chart.metadata, say);
  if (!options.files.has('values.yaml')) say('INFO', 'values.yaml', 'file does not exist');
  lintFolders(options.files, say);
  if (chart === undefined) {
    say('ERROR', '', `unable to load chart\n\t${broken ?? ''}`);
    return messages;
  }
  // Without its dependencies a chart cannot be rendered: that is said instead.
  if (missingDependencies(chart).length === 0) lintTemplates(chart, options, say);
  lintDependencies(chart, say);
  return messages;
}

type Say = (severity: Severity, path: string, message: string) => void;

function lintMetadata(metadata: ChartMetadata, say: Say): void {
  const { apiVersion, version, type, icon, dependencies } = metadata;
  const file = 'Chart.yaml';
  if (apiVersion !== 'v1' && apiVersion !== 'v2') {
    say('ERROR', file, `apiVersion '${apiVersion}' is not valid. The value must be either "v1" or "v2"`);
  }
  if (!isVersion(version)) say('ERROR', file, `version '${version}' is not a valid SemVer`);
  if (type !== undefined && apiVersion !== 'v2') {
    say('ERROR', file, "chart type is not valid in apiVersion 'v1'. It is valid in apiVersion 'v2'");
  }
  if (dependencies !== undefined && apiVersion === 'v1') {
    say(
      'ERROR',
      file,
      "dependencies are not valid in the Chart file with apiVersion 'v1'. They are valid in apiVersion 'v2'",
    );
  }
  for (const { name, email, url } of metadata.maintainers ?? []) {
    if (name === undefined) say('ERROR', file, 'each maintainer requires a name');
    else if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email)) {
      say('ERROR', file, `invalid email '${email}' for maintainer '${name}'`);
    } else if (url !== undefined && !URL.canParse(url)) {
      say('ERROR', file, `invalid url '${url}' for maintainer '${name}'`);
    }
  }
  if (icon === undefined) say('INFO', file, 'icon is recommended');
  else if (!URL.canParse(icon)) say('ERROR', file, `invalid icon URL '${icon}'`);
}

function isVersion(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}

const templateExtensions = ['.yaml', '.yml', '.tpl', '.txt'];

function lintFolders(files: ChartFiles, say: Say): void {
  const templates = [...files.keys()].filter((name) => name.startsWith('templates/'));
  if (templates.length === 0) say('WARNING', 'templates/', 'directory does not exist');
  for (const name of templates) {
    if (templateExtensions.some((extension) => name.endsWith(extension))) continue;
    const extension = /\.[^./]*$/.exec(name)?.[0] ?? '';
    say('ERROR', name, `file extension '${extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt`);
  }
}

function lintTemplates(chart: Chart, options: LintOptions, say: Say): void {
  const { values, clock, random, capabilities, limits, skipSchemaValidation } = options;
  try {
    const result = render({
      chart,
      values,
      clock,
      random,
      lint: true,
      release: {
        name: 'test-release',
        namespace: options.namespace ?? 'default',
        revision: 1,
        isInstall: true,
        isUpgrade: false,
      },
      ...(capabilities !== undefined && { capabilities }),
      ...(limits !== undefined && { limits }),
      ...(skipSchemaValidation !== undefined && { skipSchemaValidation }),
    });
    for (const { message } of result.warnings) say('WARNING', 'templates/', message);
  } catch (error) {
    say('ERROR', 'templates/', messageOf(error));
  }
}

function missingDependencies(chart: Chart): string[] {
  const there = new Set(chart.dependencies.map((dependency) => dependency.metadata.name));
  const wanted = (chart.metadata.dependencies ?? []).map((dependency) => dependency.name);
  return wanted.filter((name) => !there.has(name));
}

function lintDependencies(chart: Chart, say: Say): void {
  const missing = missingDependencies(chart);
  if (missing.length > 0) say('WARNING', '', `chart directory is missing these dependencies: ${missing.join(',')}`);
  const wanted = new Set((chart.metadata.dependencies ?? []).map((dependency) => dependency.name));
  const unlisted = chart.dependencies.map(({ metadata }) => metadata.name).filter((name) => !wanted.has(name));
  if (unlisted.length > 0) say('ERROR', '', `chart metadata is missing these dependencies: ${unlisted.join(',')}`);
}
