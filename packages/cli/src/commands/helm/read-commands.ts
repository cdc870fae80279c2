/** Commands that only read releases: list, history, status. */

import { Command } from '@commander-js/extra-typings';
import { listedByDefault, listReleases, notFound, type Release, type ReleaseStatus } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { parseWhole, withClusterFlags, withOutputFlag, type ClusterFlags } from './flags.ts';
import { formatOutput, jsonText, tableText, yamlText, type OutputFormat } from './print/output.ts';
import { appVersion, chartName, releaseJson, statusText } from './print/release.ts';
import { ansiTime, goTime } from './print/time.ts';
import { openSession } from './session.ts';

const listPageSize = 256;

export function listCommand(context: CliContext) {
  return withOutputFlag(withClusterFlags(new Command('list').alias('ls').description('list releases')))
    .option('-q, --short', 'output short (quiet) listing format')
    .option('--no-headers', 'leave the header line out')
    .option('-d, --date', 'sort by release date')
    .option('-r, --reverse', 'reverse the sort order')
    .option('-a, --all', 'show all releases without any filter applied')
    .option('--deployed', 'show deployed releases')
    .option('--failed', 'show failed releases')
    .option('--pending', 'show pending releases')
    .option('--superseded', 'show superseded releases')
    .option('--uninstalled', 'show uninstalled releases')
    .option('--uninstalling', 'show releases that are being uninstalled')
    .option('-A, --all-namespaces', 'list releases across all namespaces')
    .option('-m, --max <count>', 'maximum number of releases to fetch', parseWhole, listPageSize)
    .option('--offset <count>', 'releases to pass over', parseWhole, 0)
    .option('-f, --filter <regex>', 'only releases whose name matches')
    .option('-l, --selector <labels>', 'only releases with these labels')
    .action(async (flags) => {
      const session = await openSession(context, flags, { allNamespaces: flags.allNamespaces === true });
      const releases = await listReleases(session.storage, {
        statuses: statusesOf(flags),
        filter: flags.filter,
        selector: flags.selector,
        byDate: flags.date === true,
        reverse: flags.reverse === true,
        offset: flags.offset,
        max: flags.max,
      });
      context.stdout(flags.short === true ? shortList(releases, flags.output) : longList(releases, flags));
    });
}

interface StatusFlags {
  readonly all?: boolean | undefined;
  readonly deployed?: boolean | undefined;
  readonly failed?: boolean | undefined;
  readonly pending?: boolean | undefined;
  readonly superseded?: boolean | undefined;
  readonly uninstalled?: boolean | undefined;
  readonly uninstalling?: boolean | undefined;
}

const pendingStatuses = ['pending-install', 'pending-upgrade', 'pending-rollback'] as const;

function statusesOf(flags: StatusFlags): ReadonlySet<ReleaseStatus> {
  if (flags.all === true) {
    const rest = ['unknown', 'deployed', 'uninstalled', 'superseded', 'failed', 'uninstalling'] as const;
    return new Set<ReleaseStatus>([...rest, ...pendingStatuses]);
  }
  const asked = new Set<ReleaseStatus>();
  for (const status of ['deployed', 'failed', 'superseded', 'uninstalled', 'uninstalling'] as const) {
    if (flags[status] === true) asked.add(status);
  }
  if (flags.pending === true) for (const status of pendingStatuses) asked.add(status);
  return asked.size === 0 ? listedByDefault : asked;
}

function shortList(releases: readonly Release[], output: OutputFormat): string {
  const names = releases.map((release) => release.name);
  return formatOutput(output, names, () => names.map((name) => `${name}\n`).join(''));
}

function longList(releases: readonly Release[], flags: { output: OutputFormat; headers: boolean }): string {
  const elements = releases.map((release) => ({
    name: release.name,
    namespace: release.namespace,
    revision: String(release.version),
    updated: goTime(release.info.last_deployed),
    status: release.info.status,
    chart: chartName(release),
    app_version: appVersion(release),
  }));
  return formatOutput(flags.output, elements, () => {
    const header = ['NAME', 'NAMESPACE', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION'];
    const rows = elements.map((element) => Object.values(element));
    return tableText(flags.headers ? [header, ...rows] : rows);
  });
}

export function historyCommand(context: CliContext) {
  return withOutputFlag(withClusterFlags(new Command('history').alias('hist').description('fetch release history')))
    .argument('<release>')
    .option('--max <count>', 'maximum number of revisions', parseWhole, listPageSize)
    .action(async (name, flags) => {
      const { storage, namespace } = await openSession(context, flags);
      const history = await storage.history(name);
      if (history.length === 0) throw notFound(name, namespace);
      const elements = history.slice(flags.max === 0 ? 0 : -flags.max).map((release) => ({
        revision: release.version,
        updated: release.info.last_deployed,
        status: release.info.status,
        chart: chartName(release),
        app_version: appVersion(release),
        description: release.info.description ?? '',
      }));
      const table = (): string => {
        const header = ['REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION', 'DESCRIPTION'];
        const rows = elements.map((element) =>
          Object.values({ ...element, revision: String(element.revision), updated: ansiTime(element.updated) }),
        );
        return tableText([header, ...rows]);
      };
      context.stdout(formatOutput(flags.output, elements, table));
    });
}

export function statusCommand(context: CliContext) {
  return withOutputFlag(withClusterFlags(new Command('status').description('display the status of the named release')))
    .argument('<release>')
    .option('--revision <number>', 'of this revision instead of the last', parseWhole, 0)
    .option('--show-desc', 'show the description of the release')
    .action(async (name, flags) => {
      const release = await releaseAt(context, flags, { name, revision: flags.revision });
      const table = (): string => statusText(release, { showDescription: flags.showDesc === true });
      context.stdout(formatOutput(flags.output, releaseJson(release, { chart: false }), table));
    });
}

/** One revision, the last when `revision` is 0. Throws `RELEASE_NOT_FOUND`. */
export async function releaseAt(
  context: CliContext,
  flags: ClusterFlags,
  wanted: { name: string; revision: number },
): Promise<Release> {
  const { storage, namespace } = await openSession(context, flags);
  if (wanted.revision > 0) return storage.get(wanted.name, wanted.revision);
  const last = await storage.last(wanted.name);
  if (last === undefined) throw notFound(wanted.name, namespace);
  return last;
}

/** A JSON or YAML document of anything; the table form is YAML. */
export function documentText(format: OutputFormat, value: unknown): string {
  return format === 'json' ? jsonText(value) : yamlText(value);
}
