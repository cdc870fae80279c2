/** `helm package`, also as `towpath package`: packs chart folders into archives. */

import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { loadChart, packageChart } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../../context.ts';
import type { ChartFlags } from './flags.ts';
import { withGlobalFlags, withHelmFiles, type GlobalFlags } from './global-flags.ts';
import { readFolder, withItsDependencies } from './locate-chart.ts';
import { flagError, likePflag } from './pflag.ts';
import { reporting, type Dialect } from './report.ts';

interface PackageFlags extends GlobalFlags, ChartFlags {
  readonly appVersion?: string | undefined;
  readonly dependencyUpdate?: boolean | undefined;
  readonly destination: string;
  readonly key?: string | undefined;
  readonly sign?: boolean | undefined;
}

function packageFlags() {
  return withGlobalFlags(new Command('package'))
    .description('package a chart folder into a chart archive')
    .argument('[paths...]', 'chart folders')
    .option('--app-version <version>', 'set the appVersion on the chart')
    .option('--version <version>', 'set the version on the chart')
    .option('-d, --destination <folder>', 'where to write the archive', '.')
    .option('-u, --dependency-update', 'fetch dependencies that are not in charts/ into the archive')
    .option('--sign', 'refused: OpenPGP signatures are not written here')
    .option('--key <name>', 'accepted: only --sign would use it')
    .option('--keyring <file>', 'accepted: only --sign would use it')
    .option('--passphrase-file <file>', 'accepted: only --sign would use it')
    .option('--username <name>', 'chart repository user name')
    .option('--password <password>', 'chart repository password')
    .option('--ca-file <file>', 'verify certificates of HTTPS servers with this CA bundle')
    .option('--cert-file <file>', 'identify to HTTPS servers with this certificate')
    .option('--key-file <file>', 'identify to HTTPS servers with this key')
    .option('--insecure-skip-tls-verify', 'do not check certificates')
    .option('--plain-http', 'use HTTP for the chart download');
}

/** `towpath helm package` */
export function helmPackageCommand(context: CliContext) {
  return likePflag(packageFlags()).action((paths, flags) => run(context, 'helm', paths, flags));
}

/** `towpath package` */
export function packageCommand(context: CliContext) {
  return likePflag(packageFlags())
    .action((paths, flags) => run(context, 'towpath', paths, flags))
    .addHelpText('after', examples);
}

const examples = `
Examples:
  towpath package charts/web -d dist
  towpath package charts/web --version 1.2.3 --app-version v1.2.3
  towpath package charts/* -u

The same files give the same bytes: an archive holds no times and no owners.
`;

async function run(context: CliContext, dialect: Dialect, paths: string[], flags: PackageFlags): Promise<void> {
  const own = withHelmFiles(context, flags);
  await reporting(own, { dialect }, async () => {
    if (paths.length === 0) throw flagError('need at least one argument, the path to the chart');
    if (flags.sign === true) {
      if ((flags.key ?? '') === '') throw flagError('--key is required for signing a package');
      throw flagError('--sign is not supported: OpenPGP signatures are not written here; sign the archive with gpg');
    }
    const { caFile, certFile, keyFile } = flags;
    if ((caFile ?? certFile ?? keyFile) !== undefined) await (await import('./tls-files.ts')).checkTlsFiles(own, flags);
    for (const path of paths)
      own.stdout(`Successfully packaged chart and saved it to: ${await pack(own, path, flags)}\n`);
  });
}

async function pack(context: CliContext, given: string, flags: PackageFlags): Promise<string> {
  const path = resolve(context.cwd, given);
  if ((await stat(path).catch(() => undefined)) === undefined) {
    throw new TowpathError('CHART_NOT_FOUND', `stat ${given}: no such file or directory`, {
      next: 'name a chart folder',
    });
  }
  const { version = '' } = flags;
  const source = await readFolder(path);
  const loaded = await loadChart(source);
  // As helm reads versions: two of the three numbers may be left out.
  if (version !== '' && !/^v?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.test(version)) {
    throw flagError('invalid semantic version');
  }
  const { version: _version, ...download } = flags;
  const chart = await withItsDependencies(context, {
    located: { source, filename: undefined, path },
    chart: loaded,
    flags: download,
    fetch: flags.dependencyUpdate === true,
    sentence: '',
  });
  const { filename, data } = await packageChart(chart, {
    ...(version !== '' && { version }),
    ...(flags.appVersion !== undefined && flags.appVersion !== '' && { appVersion: flags.appVersion }),
  });
  const folder = flags.destination === '.' ? context.cwd : flags.destination;
  await mkdir(resolve(context.cwd, folder), { recursive: true });
  const file = join(folder, filename);
  await writeFile(resolve(context.cwd, file), data);
  return file;
}
