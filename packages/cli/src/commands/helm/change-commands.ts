/** Commands that change releases without a chart: rollback, uninstall, test. */

import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import { rollback, testLogs, testRelease, uninstall } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import { collectList, operationOf, parseDuration, parseWhole, withClusterFlags, withOperationFlags } from './flags.ts';
import { statusText } from './print/release.ts';
import { openSession } from './session.ts';

export function rollbackCommand(context: CliContext) {
  const { maxHistory } = helmEnvironment(context);
  return withOperationFlags(
    withClusterFlags(new Command('rollback').description('roll back a release to a previous revision')),
  )
    .argument('<release>')
    .argument('[revision]', 'the revision before the last when left out')
    .option('--dry-run', 'simulate a rollback')
    .option('--cleanup-on-fail', 'delete new objects when the rollback fails')
    .option('--history-max <count>', 'revisions to keep, 0 for no limit', parseWhole, maxHistory)
    .action(async (name, revision, flags) => {
      const session = await openSession(context, flags);
      await rollback(session, {
        ...operationOf(flags),
        name,
        revision: revision === undefined ? 0 : parseRevision(revision),
        dryRun: flags.dryRun === true,
        cleanupOnFail: flags.cleanupOnFail === true,
        historyMax: flags.historyMax,
      });
      context.stdout('Rollback was a success! Happy Helming!\n');
    });
}

function parseRevision(text: string): number {
  const revision = Number(text);
  if (Number.isInteger(revision) && revision >= 0) return revision;
  throw new TowpathError('USAGE', `could not convert revision to a number: "${text}"`);
}

const cascades = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

export function uninstallCommand(context: CliContext) {
  return withClusterFlags(new Command('uninstall').aliases(['del', 'delete', 'un']).description('uninstall a release'))
    .argument('<releases...>')
    .option('--dry-run', 'simulate an uninstall')
    .option('--no-hooks', 'run no hooks')
    .option('--ignore-not-found', 'a release that is not there counts as uninstalled')
    .option('--keep-history', 'mark the release as uninstalled, but keep its history')
    .option('--wait', 'wait until all objects are gone')
    .option('--cascade <how>', 'background, orphan or foreground', 'background')
    .option('--timeout <duration>', 'time to wait for any one operation', parseDuration, 300_000)
    .option('--description <text>', 'add a custom description')
    .action(async (names, flags) => {
      const cascade = cascades[flags.cascade as keyof typeof cascades];
      if (cascade === undefined) {
        throw new TowpathError(
          'USAGE',
          `invalid cascade value (${flags.cascade}). Must be "background", "foreground", or "orphan"`,
        );
      }
      const session = await openSession(context, flags);
      for (const name of names) {
        const result = await uninstall(session, {
          name,
          cascade,
          keepHistory: flags.keepHistory === true,
          disableHooks: !flags.hooks,
          dryRun: flags.dryRun === true,
          ignoreNotFound: flags.ignoreNotFound === true,
          wait: flags.wait === true,
          timeoutMs: flags.timeout,
          description: flags.description,
        });
        if (result !== undefined && result.info !== '') context.stdout(`${result.info}\n`);
        context.stdout(`release "${name}" uninstalled\n`);
      }
    });
}

export function testCommand(context: CliContext) {
  return withClusterFlags(new Command('test').description('run tests for a release'))
    .argument('<release>')
    .option('--timeout <duration>', 'time to wait for any one test', parseDuration, 300_000)
    .option('--logs', 'dump the logs of the test pods')
    .option('--filter <filters>', 'name=TEST or !name=TEST', collectList, [])
    .option('--hide-notes', 'do not show notes')
    .action(async (name, flags) => {
      const session = await openSession(context, flags);
      const only = flags.filter.filter((entry) => entry.startsWith('name=')).map((entry) => entry.slice(5));
      const except = flags.filter
        .filter((entry) => /^!\s?name=/.test(entry))
        .map((entry) => entry.replace(/^!\s?name=/, ''));
      const options = { name, timeoutMs: flags.timeout, only, except };
      const { release, failure } = await testRelease(session, options);
      context.stdout(statusText(release, { hideNotes: flags.hideNotes === true }));
      if (flags.logs === true) {
        context.stdout('\n');
        for (const { name: test, log } of await testLogs(session, release, options)) {
          context.stdout(`POD LOGS: ${test}\n${log}\n`);
        }
      }
      if (failure !== undefined) throw failure;
    });
}
