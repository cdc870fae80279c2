/** `towpath up`: the whole path on this machine. */

import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { defaultDataDir } from '../create-context.ts';
import { startSystem, type RunningSystem } from '../system.ts';
import { sourceOf } from '../system/own-repository.ts';
import { createLogFile } from '../system/log-file.ts';
import { createProgress } from '../system/progress.ts';
import { runtimeOption, type RuntimeName } from './runtime-option.ts';

const defaultNodes = 4;
const maxNodes = 16;

export function upCommand(context: CliContext): Command {
  const command = new Command('up')
    .description('start the cluster, Git, registry, pipeline, mesh, metrics, canaries, and the demonstration shop')
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .option('--http <port>', 'port of Git, registry, charts and dashboard (default: a free one, kept)', parsePort)
    .option('--nodes <count>', 'virtual nodes', parseNodes, defaultNodes)
    .addOption(runtimeOption())
    .option(
      '--repo <dir|url>',
      'your repository in place of the shop: its current (of a URL: default) branch is copied once',
    )
    .option('--trust', 'run the pipeline and the images of --repo URL as your user; remembered in the data folder')
    .option('--kubeconfig <file>', 'join this cluster as nodes instead of starting one; it must run on this machine')
    .option('--bare', 'no controllers and no shop: install what you want from the chart repository')
    .addHelpText(
      'after',
      '\nExamples:\n  towpath up\n  towpath up --bare --data /tmp/walk\n  towpath up --http 8080\n  towpath up --repo ~/my-service --data ~/.towpath-mine',
    )
    .action((flags) => run(context, flags));
  return command as unknown as Command;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new TowpathError('USAGE', `--http ${text} is no port`, { next: 'give a number from 1 to 65535' });
}

function parseNodes(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= maxNodes) return count;
  throw new TowpathError('USAGE', `--nodes ${text} is not possible`, { next: `give a number from 1 to ${maxNodes}` });
}

interface UpFlags {
  readonly data?: string;
  readonly http?: number;
  readonly nodes: number;
  readonly runtime: RuntimeName;
  readonly kubeconfig?: string;
  readonly bare?: boolean;
  readonly repo?: string;
  readonly trust?: boolean;
}

async function run(context: CliContext, flags: UpFlags): Promise<void> {
  const dataDir = resolve(context.cwd, flags.data ?? defaultDataDir);
  const progress = createProgress({ clock: context.clock, write: context.stderr });
  if (flags.trust === true && flags.repo === undefined)
    throw new TowpathError('USAGE', '--trust without --repo has no meaning', {
      next: 'name the repository with --repo',
    });
  context.signal.addEventListener('abort', () => context.stderr('stopping…\n'), { once: true });
  const system = await startSystem({
    dataDir,
    httpPort: flags.http,
    nodes: flags.nodes,
    runtime: flags.runtime,
    kubeconfig: flags.kubeconfig === undefined ? undefined : resolve(context.cwd, flags.kubeconfig),
    bare: flags.bare === true,
    repository:
      flags.repo === undefined ? undefined : { from: sourceOf(flags.repo, context.cwd), trust: flags.trust === true },
    assetsDir: dirname(context.program),
    program: context.program,
    env: context.env,
    version: context.version,
    clock: context.clock,
    random: context.random,
    log: createLogFile({
      dataDir,
      level: context.env['TOWPATH_LOG'] === 'debug' ? 'debug' : 'info',
      onError: (line) => context.stderr(line),
    }),
    progress,
    signal: context.signal,
  });
  context.stderr(welcome(system, dataDir, flags.bare === true));
  if (!context.signal.aborted)
    await new Promise((end) => context.signal.addEventListener('abort', end, { once: true }));
  await rm(join(dataDir, 'ready.json'), { force: true });
  await system.dispose();
}

function welcome({ ready, own }: RunningSystem, dataDir: string, bare: boolean): string {
  const addresses = [
    ['dashboard', ready.dashboard],
    ...(bare ? [] : [[own === undefined ? 'shop' : 'gateway', ready.gateway]]),
    ['git', own === undefined ? ready.git : `${ready.git}/${own.name}.git`],
    ['registry', ready.registry],
    ['charts', ready.charts],
    ['kubernetes', `export KUBECONFIG=${ready.kubeconfig}`],
  ];
  const lines = addresses.map(([name = '', address = '']) => `  ${name.padEnd(11)} ${address}`);
  const tries = triesOf({ ready, own }, bare).map((line) => `  ${line}\n`);
  return `\nTowpath is ready (data and log in ${dataDir}; Ctrl-C stops everything).\n${lines.join('\n')}\n${copied(own)}\nTry:\n${tries.join('')}`;
}

function copied(own: RunningSystem['own']): string {
  if (own === undefined) return '';
  const when = own.isNew ? 'was copied' : 'was copied at an earlier start and is kept';
  return `\n${own.source} ${when}: changes count when they are pushed to the address above.\n`;
}

function triesOf({ ready, own }: Pick<RunningSystem, 'ready' | 'own'>, bare: boolean): string[] {
  if (own !== undefined) {
    return [
      `git remote add towpath ${ready.git}/${own.name}.git   # in your checkout; then: git push towpath HEAD`,
      'towpath pipeline list',
      bare ? `towpath helm repo add fluxcd ${ready.charts}/fluxcd` : 'towpath get pods -A',
    ];
  }
  if (bare) {
    return [
      `git clone ${ready.git}/start/microservices-demo.git`,
      `towpath helm repo add fluxcd ${ready.charts}/fluxcd`,
      'towpath get nodes',
    ];
  }
  return [
    `git clone ${ready.git}/acme/microservices-demo.git   # change BANNER_COLOR in src/frontend/Dockerfile, commit, push`,
    'towpath get canaries -n microservices-demo --watch',
    `open ${ready.dashboard}`,
  ];
}
