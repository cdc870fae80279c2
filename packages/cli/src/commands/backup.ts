/** `towpath backup` and `towpath restore`: the embedded cluster's state in one file, and a cluster out of it. */

import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { restoreBackup, writeBackup, type ClusterFolders } from '@towpath/cluster';
import { toTimestamp, TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { defaultDataDir } from '../create-context.ts';
import { openDataDir } from '../system/data-dir.ts';

interface Flags {
  readonly data?: string;
  readonly output?: string;
}

const outputs = '-o, --output <format>';

export function backupCommand(context: CliContext): Command {
  const command = new Command('backup')
    .description('write the state of the embedded cluster to a file; it may be running')
    .argument('[file]', 'file to make (default: towpath-TIME.backup in this folder)')
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .option(outputs, 'text or json', 'text')
    .addHelpText(
      'after',
      '\nObjects, the authority and the administrator’s token are in it: keep it secret. Git repositories and images are not.\n' +
        '\nExamples:\n  towpath backup\n  towpath backup /safe/monday.backup --data ~/.towpath',
    )
    .action((file, flags) => backup(context, file, flags));
  return command as unknown as Command;
}

export function restoreCommand(context: CliContext): Command {
  const command = new Command('restore')
    .description('make a cluster of a backup, in a data folder that has none')
    .argument('<file>', 'what "towpath backup" wrote')
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .option(outputs, 'text or json', 'text')
    .addHelpText('after', '\nExamples:\n  towpath restore /safe/monday.backup --data /tmp/monday')
    .action((file, flags) => restore(context, file, flags));
  return command as unknown as Command;
}

async function backup(context: CliContext, named: string | undefined, flags: Flags): Promise<void> {
  const isJson = wantsJson(flags);
  const { clock, version } = context;
  const time = toTimestamp(clock.nowMs()).replaceAll(/[-:]/g, '');
  const file = resolve(context.cwd, named ?? `towpath-${time}.backup`);
  const done = await writeBackup({ folders: foldersOf(dataDirOf(context, flags)), file, version, clock });
  const { objects, revision, sizeBytes, isLive, createdAt } = done;
  if (isJson) {
    context.stdout(`${JSON.stringify({ file, createdAt, objects, revision, sizeBytes, isLive })}\n`);
    return;
  }
  const how = isLive ? ' of the running cluster' : '';
  const size = `${(sizeBytes / 1024).toFixed(0)} KiB`;
  context.stdout(`${objects} objects${how} at resourceVersion ${revision} written to ${file} (${size})\n`);
}

async function restore(context: CliContext, named: string, flags: Flags): Promise<void> {
  const isJson = wantsJson(flags);
  const file = resolve(context.cwd, named);
  const dataDir = dataDirOf(context, flags);
  const data = await openDataDir(dataDir, { version: context.version });
  try {
    const { objects, revision, createdAt, towpath } = await restoreBackup({ folders: foldersOf(dataDir), file });
    if (isJson) {
      context.stdout(`${JSON.stringify({ data: dataDir, file, createdAt, towpath, objects, revision })}\n`);
      return;
    }
    context.stdout(`${objects} objects of ${createdAt} are in ${dataDir}\n`);
    context.stderr(`start it with: towpath up --data ${dataDir}\n`);
  } finally {
    await data.dispose();
  }
}

function wantsJson({ output }: Flags): boolean {
  if (output === 'json' || output === 'text') return output === 'json';
  throw new TowpathError('USAGE', `--output ${output} is unknown`, { next: 'choose text or json' });
}

function dataDirOf(context: CliContext, flags: Flags): string {
  return resolve(context.cwd, flags.data ?? defaultDataDir);
}

/** Where `towpath up` and `towpath apiserver` keep a cluster. */
function foldersOf(dataDir: string): ClusterFolders {
  return { store: join(dataDir, 'store'), credentials: join(dataDir, 'apiserver') };
}
