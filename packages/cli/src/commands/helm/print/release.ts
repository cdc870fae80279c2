/** A release as `helm install`, `upgrade`, `status` and `get all` print it. */

import type { Release, ReleaseHook } from '@towpath/releases';
import { mergeValues } from '@towpath/releases';
import { yamlText } from './output.ts';
import { ansiTime } from './time.ts';

export interface StatusText {
  readonly showDescription?: boolean;
  /** Chart, version and app version. */
  readonly showMetadata?: boolean;
  readonly hideNotes?: boolean;
  /** Values, hooks and manifest as well. */
  readonly everything?: boolean;
}

/** Source: helm 3 cmd/helm/status.go. */
export function statusText(release: Release, options: StatusText = {}): string {
  const { info, name, namespace, version, chart } = release;
  const { metadata } = chart;
  const dryRun = info.description?.toLowerCase() === 'dry run complete';
  return [
    `NAME: ${name}\n`,
    info.last_deployed === '' ? '' : `LAST DEPLOYED: ${ansiTime(info.last_deployed)}\n`,
    `NAMESPACE: ${namespace}\nSTATUS: ${info.status}\nREVISION: ${version}\n`,
    options.showMetadata === true
      ? `CHART: ${text(metadata['name'])}\nVERSION: ${text(metadata['version'])}\nAPP_VERSION: ${text(metadata['appVersion'])}\n`
      : '',
    options.showDescription === true ? `DESCRIPTION: ${info.description ?? ''}\n` : '',
    testsText(release.hooks),
    options.everything === true ? valuesText(release) : '',
    options.everything === true || dryRun ? `HOOKS:\n${hooksText(release.hooks)}MANIFEST:\n${release.manifest}\n` : '',
    options.hideNotes === true || (info.notes ?? '') === '' ? '' : `NOTES:\n${(info.notes ?? '').trim()}\n`,
  ].join('');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function testsText(hooks: readonly ReleaseHook[]): string {
  const tests = hooks.filter((hook) => hook.events.includes('test'));
  if (tests.length === 0) return 'TEST SUITE: None\n';
  return tests
    .filter((hook) => hook.last_run.started_at !== '')
    .map(
      ({ name, last_run: run }) =>
        `TEST SUITE:     ${name}\nLast Started:   ${ansiTime(run.started_at)}\n` +
        `Last Completed: ${ansiTime(run.completed_at)}\nPhase:          ${run.phase}\n`,
    )
    .join('');
}

function valuesText(release: Release): string {
  const given = Object.keys(release.config).length === 0 ? null : release.config;
  const computed = mergeValues(release.config, release.chart.values);
  return `USER-SUPPLIED VALUES:\n${yamlText(given)}\nCOMPUTED VALUES:\n${yamlText(computed)}\n`;
}

/** Each hook under the path of its template. */
export function hooksText(hooks: readonly ReleaseHook[]): string {
  return hooks.map((hook) => `---\n# Source: ${hook.path}\n${hook.manifest}\n`).join('');
}

/** The members of a release in the order and with the omissions of Helm's JSON. */
export function releaseJson(release: Release, options: { chart: boolean }): Record<string, unknown> {
  const { name, info, chart, config, manifest, hooks, version, namespace } = release;
  return {
    name,
    info: {
      first_deployed: info.first_deployed,
      last_deployed: info.last_deployed,
      deleted: info.deleted,
      ...(info.description !== undefined && info.description !== '' && { description: info.description }),
      status: info.status,
      ...(info.notes !== undefined && info.notes !== '' && { notes: info.notes }),
    },
    ...(options.chart && { chart }),
    ...(Object.keys(config).length > 0 && { config }),
    ...(manifest !== '' && { manifest }),
    ...(hooks.length > 0 && { hooks }),
    ...(version !== 0 && { version }),
    namespace,
  };
}

/** `frontend-0.21.0`. */
export function chartName(release: Release): string {
  const { metadata } = release.chart;
  if (typeof metadata['name'] !== 'string') return 'MISSING';
  return `${metadata['name']}-${text(metadata['version'])}`;
}

export function appVersion(release: Release): string {
  return text(release.chart.metadata['appVersion']);
}
