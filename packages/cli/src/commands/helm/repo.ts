/** `helm repo`: the chart repositories a user has added. */

import { Command } from '@commander-js/extra-typings';
import { messageOf, TowpathError } from '@towpath/kit';
import { resolve } from 'node:path';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import { withOutputFlag } from './flags.ts';
import { formatOutput, tableText } from './print/output.ts';
import { forgetIndex, readRepositories, updateIndex, writeRepositories, type RepositoryEntry } from './repositories.ts';

export function repoCommand(context: CliContext) {
  return new Command('repo')
    .description('add, list, remove and update chart repositories')
    .addCommand(addCommand(context))
    .addCommand(listCommand(context))
    .addCommand(updateCommand(context))
    .addCommand(removeCommand(context));
}

/** Repositories that were shut down, and where their charts went. */
const movedRepositories = [
  ['//kubernetes-charts.storage.googleapis.com', 'https://charts.helm.sh/stable'],
  ['//kubernetes-charts-incubator.storage.googleapis.com', 'https://charts.helm.sh/incubator'],
] as const;

function addCommand(context: CliContext) {
  return new Command('add')
    .description('add a chart repository')
    .argument('<name>')
    .argument('<url>')
    .option('--username <name>', 'chart repository user name')
    .option('--password <password>', 'chart repository password')
    .option('--password-stdin', 'read the password from standard input')
    .option('--pass-credentials', 'pass credentials to all domains')
    .option('--force-update', 'replace the repository if it is there already')
    .option('--no-update', 'accepted; has no effect')
    .option('--allow-deprecated-repos', 'also add repositories that were shut down')
    .option('--ca-file <file>', 'verify certificates with this CA bundle')
    .option('--cert-file <file>', 'identify with this certificate')
    .option('--key-file <file>', 'identify with this key')
    .option('--insecure-skip-tls-verify', 'do not check certificates')
    .action(async (name, url, flags) => {
      const moved = movedRepositories.find(([old]) => url.includes(old));
      if (moved !== undefined && flags.allowDeprecatedRepos !== true) {
        throw new TowpathError('REPOSITORY_INVALID', `repo "${url}" is no longer available; try "${moved[1]}" instead`);
      }
      if (name.includes('/')) {
        const message = `repository name (${name}) contains '/', please specify a different name without '/'`;
        throw new TowpathError('USAGE', message);
      }
      const file = (path: string | undefined): string => (path === undefined ? '' : resolve(context.cwd, path));
      const password = flags.passwordStdin === true ? (await context.readStdin()).trim() : (flags.password ?? '');
      const entry: RepositoryEntry = {
        name,
        url,
        password,
        username: flags.username ?? '',
        certFile: file(flags.certFile),
        keyFile: file(flags.keyFile),
        caFile: file(flags.caFile),
        insecureSkipTlsVerify: flags.insecureSkipTlsVerify === true,
        passCredentialsAll: flags.passCredentials === true,
      };
      context.stdout(await addRepository(context, entry, flags.forceUpdate === true));
    });
}

async function addRepository(context: CliContext, entry: RepositoryEntry, force: boolean): Promise<string> {
  const environment = helmEnvironment(context);
  const repositories = await readRepositories(environment);
  const existing = repositories.find((candidate) => candidate.name === entry.name);
  if (existing !== undefined && !force) {
    if (
      JSON.stringify({ ...existing }, Object.keys(entry).toSorted()) ===
      JSON.stringify(entry, Object.keys(entry).toSorted())
    ) {
      return `"${entry.name}" already exists with the same configuration, skipping\n`;
    }
    throw new TowpathError(
      'REPOSITORY_INVALID',
      `repository name (${entry.name}) already exists, please specify a different name`,
      { next: 'or replace it with --force-update' },
    );
  }
  try {
    await updateIndex(environment, entry);
  } catch (error) {
    const message = `looks like "${entry.url}" is not a valid chart repository or cannot be reached: ${messageOf(error)}`;
    throw new TowpathError('REPOSITORY_UNREACHABLE', message, { next: 'check the address', cause: error });
  }
  const others = repositories.filter((candidate) => candidate.name !== entry.name);
  await writeRepositories(environment, [...others, entry]);
  return `"${entry.name}" has been added to your repositories\n`;
}

function listCommand(context: CliContext) {
  return withOutputFlag(new Command('list').alias('ls').description('list chart repositories')).action(
    async (flags) => {
      const repositories = await readRepositories(helmEnvironment(context));
      if (repositories.length === 0 && flags.output === 'table') {
        throw new TowpathError('REPOSITORY_INVALID', 'no repositories to show', {
          next: 'add one with: towpath helm repo add NAME URL',
        });
      }
      const elements = repositories.map(({ name, url }) => ({ name, url }));
      const table = (): string => tableText([['NAME', 'URL'], ...elements.map(({ name, url }) => [name, url])]);
      context.stdout(formatOutput(flags.output, elements, table));
    },
  );
}

function updateCommand(context: CliContext) {
  return new Command('update')
    .alias('up')
    .description('update information of available charts from chart repositories')
    .argument('[names...]')
    .option('--fail-on-repo-update-fail', 'fail when any of the repositories cannot be updated')
    .action(async (names, flags) => {
      const environment = helmEnvironment(context);
      const repositories = await readRepositories(environment);
      if (repositories.length === 0) {
        throw new TowpathError('REPOSITORY_INVALID', 'no repositories found. You must add one before updating');
      }
      const unknown = names.find((name) => !repositories.some((entry) => entry.name === name));
      if (unknown !== undefined) {
        const message = `no repositories found matching '${unknown}'.  Nothing will be updated`;
        throw new TowpathError('REPOSITORY_INVALID', message, { next: 'see them with: towpath helm repo list' });
      }
      context.stdout('Hang tight while we grab the latest from your chart repositories...\n');
      const failed: string[] = [];
      for (const entry of repositories.filter(({ name }) => names.length === 0 || names.includes(name))) {
        try {
          await updateIndex(environment, entry);
          context.stdout(`...Successfully got an update from the "${entry.name}" chart repository\n`);
        } catch (error) {
          failed.push(entry.url);
          const what = `...Unable to get an update from the "${entry.name}" chart repository (${entry.url})`;
          context.stdout(`${what}:\n\t${messageOf(error)}\n`);
        }
      }
      if (failed.length > 0 && flags.failOnRepoUpdateFail === true) {
        const message = `Failed to update the following repositories: [${failed.join(' ')}]`;
        throw new TowpathError('REPOSITORY_UNREACHABLE', message);
      }
      context.stdout('Update Complete. ⎈Happy Helming!⎈\n');
    });
}

function removeCommand(context: CliContext) {
  return new Command('remove')
    .alias('rm')
    .description('remove one or more chart repositories')
    .argument('<names...>')
    .action(async (names) => {
      const environment = helmEnvironment(context);
      let repositories = await readRepositories(environment);
      if (repositories.length === 0) throw new TowpathError('REPOSITORY_INVALID', 'no repositories configured');
      for (const name of names) {
        if (!repositories.some((entry) => entry.name === name)) {
          throw new TowpathError('REPOSITORY_INVALID', `no repo named "${name}" found`, {
            next: 'see them with: towpath helm repo list',
          });
        }
        repositories = repositories.filter((entry) => entry.name !== name);
        await writeRepositories(environment, repositories);
        await forgetIndex(environment, name);
        context.stdout(`"${name}" has been removed from your repositories\n`);
      }
    });
}
