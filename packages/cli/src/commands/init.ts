/** `towpath init`: what a repository needs to be delivered, written beside its program. */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { codeOf, TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { detect, type Facts } from '../init/detect.ts';
import { initFiles } from '../init/files.ts';
import { nameOf } from '../system/own-repository.ts';

interface InitFlags {
  readonly dryRun?: true | undefined;
  readonly output: string;
}

interface InitReport {
  readonly facts: Facts;
  readonly written: readonly string[];
  readonly kept: readonly string[];
  readonly dryRun: boolean;
}

/** Not the service's: written here, or made. */
const otherFolders = new Set(['deploy', 'load', 'node_modules', 'docs']);
const maxDepth = 3;
const maxFiles = 2000;

export function initCommand(context: CliContext): Command {
  const command = new Command('init')
    .description('write chart, release, canary, load generator and pipeline for the repository of a service')
    .argument('[dir]', 'root of the repository', '.')
    .option('--dry-run', 'print what would be written, write nothing')
    .option('-o, --output <format>', 'text or json', 'text')
    .addHelpText('after', examples)
    .action((dir, flags) => run(context, dir, flags));
  return command as unknown as Command;
}

const examples = `
The repository needs a Dockerfile or a package.json. A file that is there is kept as it is.

Examples:
  towpath init                # in the root of the repository
  towpath init ~/my-service --dry-run
  towpath init -o json | jq .written
  git add -A && git commit -m "Deliver" && towpath up --repo . --trust --data /tmp/mine
`;

async function run(context: CliContext, dir: string, flags: InitFlags): Promise<void> {
  const { output, dryRun = false } = flags;
  if (output !== 'text' && output !== 'json') {
    throw new TowpathError('USAGE', `--output ${output} is unknown`, { next: 'write text or json' });
  }
  const root = resolve(context.cwd, dir);
  if (!(await isThere(root)))
    throw new TowpathError('INIT_NO_GIT', `there is no folder ${root}`, { next: 'name another' });
  const branch = await branchOf(root);
  const { files, folders } = await readRepository(root);
  const facts = detect(files, basename(root));
  const gitUrl = `http://git.towpath-system/local/${nameOf(root)}.git`;
  const texts = initFiles(facts, { gitUrl, branch, folders });
  const written: string[] = [];
  const kept: string[] = [];
  for (const [path, text] of texts) {
    const isNew = dryRun ? !(await isThere(join(root, path))) : await writeNew(join(root, path), text);
    (isNew ? written : kept).push(path);
  }
  const report: InitReport = { facts, written, kept, dryRun };
  if (output === 'json') context.stdout(`${JSON.stringify(report, undefined, 2)}\n`);
  else context.stdout(reportText(report, texts));
}

/** Throws `INIT_NO_GIT`, `INIT_SUBFOLDER`, `INIT_DETACHED`. */
async function branchOf(root: string): Promise<string> {
  const dotGit = join(root, '.git');
  // A work tree of `git worktree` has a file that names the folder.
  const pointer = await readFile(dotGit, 'utf8').catch(() => '');
  const gitDir = /^gitdir: (.+)$/m.exec(pointer)?.[1];
  const head = await readFile(join(gitDir === undefined ? dotGit : resolve(root, gitDir), 'HEAD'), 'utf8').catch(
    () => undefined,
  );
  if (head === undefined) {
    const above = await repositoryAbove(root);
    if (above !== undefined) {
      throw new TowpathError('INIT_SUBFOLDER', `${root} is a folder of the repository ${above}, not its root`, {
        next: 'init writes for one service at the top of a repository: run it there, or give this one its own (git init)',
      });
    }
    throw new TowpathError('INIT_NO_GIT', `${root} is not the root of a Git repository`, {
      next: 'run git init there',
    });
  }
  const branch = /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1];
  if (branch === undefined) {
    throw new TowpathError('INIT_DETACHED', `${join(root, '.git', 'HEAD')} is on no branch`, {
      next: 'check out the branch that is to be delivered',
    });
  }
  return branch;
}

async function repositoryAbove(folder: string): Promise<string | undefined> {
  const parent = dirname(folder);
  if (parent === folder) return undefined;
  return (await isThere(join(parent, '.git'))) ? parent : repositoryAbove(parent);
}

/** The texts `detect` may ask for, and the service's folders at the top. */
async function readRepository(root: string): Promise<{ files: Map<string, string>; folders: string[] }> {
  const files = new Map<string, string>();
  const folders: string[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith('.') && !otherFolders.has(entry.name)) {
        if (depth === 0) folders.push(entry.name);
        if (depth < maxDepth) await visit(path, depth + 1);
      } else if (
        entry.isFile() &&
        files.size < maxFiles &&
        /(?:^|\/)(?:Dockerfile|package\.json)$|\.(?:proto|[cm]?[jt]s)$/.test(path)
      ) {
        files.set(path, await readFile(join(root, path), 'utf8'));
      }
    }
  };
  await visit('', 0);
  return { files, folders };
}

async function isThere(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    (error: unknown) => codeOf(error) !== 'ENOENT',
  );
}

/** False when there is a file of that name already. */
async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new TowpathError('INIT_WRITE', `${file} cannot be written: ${codeOf(error) ?? 'unknown error'}`, {
      next: 'see that its folder is a folder and yours to write, then run init again: what is written is kept',
      cause: error,
    });
  }
}

function reportText({ facts, written, kept, dryRun }: InitReport, texts: ReadonlyMap<string, string>): string {
  const { name, port, protocol, health, callPath } = facts;
  const lines = [
    `name      ${name.value} (${name.from})`,
    `port      ${port.value} (${port.from})`,
    `protocol  ${protocol.value} (${protocol.from})`,
    health === undefined ? 'probe     the port (nothing else found)' : `probe     ${health.value} (${health.from})`,
    `load      ${callPath.value} (${callPath.from})`,
    '',
    ...kept.map((path) => `kept      ${path} (it was there)`),
    ...written.map((path) => `${dryRun ? 'would write' : 'wrote'}  ${path}`),
  ];
  if (dryRun) lines.push(...written.flatMap((path) => ['', `--- ${path}`, (texts.get(path) ?? '').trimEnd()]));
  else if (written.length === 0) lines.push('', 'nothing written: everything was there');
  else
    lines.push(
      '',
      'next: git add -A && git commit -m "Deliver with Towpath", then towpath up --repo . --trust --data DIR',
    );
  return `${lines.join('\n')}\n`;
}
