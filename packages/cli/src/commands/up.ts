/** `towpath up`: the whole path on this machine. */

import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import type { CliContext, Ready } from '../context.ts';
import { defaultDataDir } from '../create-context.ts';
import { startSystem } from '../system.ts';
import { createProgress } from '../system/progress.ts';

const defaultNodes = 4;
const maxNodes = 16;

export function upCommand(context: CliContext): Command {
  const command = new Command('up')
    .description('start the cluster, Git, registry, pipeline, mesh, metrics, canaries, and the demonstration shop')
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .option('--http <port>', 'port of Git, registry, charts and dashboard (default: a free one, kept)', parsePort)
    .option('--nodes <count>', 'virtual nodes', parseNodes, defaultNodes)
    .option('--bare', 'no controllers and no shop: install what you want from the chart repository')
    .addHelpText('after', '\nExamples:\n  towpath up\n  towpath up --bare --data /tmp/walk\n  towpath up --http 8080')
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
  readonly bare?: boolean;
}

async function run(context: CliContext, flags: UpFlags): Promise<void> {
  const dataDir = resolve(context.cwd, flags.data ?? defaultDataDir);
  const progress = createProgress({ clock: context.clock, write: context.stderr });
  const started = startSystem({
    dataDir,
    httpPort: flags.http,
    nodes: flags.nodes,
    bare: flags.bare === true,
    assetsDir: dirname(context.program),
    program: context.program,
    env: context.env,
    version: context.version,
    clock: context.clock,
    random: context.random,
    log: context.log,
    progress,
    signal: context.signal,
  });
  const system = await started;
  context.stderr(welcome(system.ready, dataDir, flags.bare === true));
  if (!context.signal.aborted)
    await new Promise((end) => context.signal.addEventListener('abort', end, { once: true }));
  context.stderr('stopping…\n');
  await rm(join(dataDir, 'ready.json'), { force: true });
  await system.dispose();
}

function welcome(ready: Ready, dataDir: string, bare: boolean): string {
  const addresses = [
    ['dashboard', ready.dashboard],
    ...(bare ? [] : [['shop', ready.gateway]]),
    ['git', ready.git],
    ['registry', ready.registry],
    ['charts', ready.charts],
    ['kubernetes', `export KUBECONFIG=${ready.kubeconfig}`],
  ];
  const tries = bare
    ? [
        `git clone ${ready.git}/start/microservices-demo.git`,
        `towpath helm repo add fluxcd ${ready.charts}/fluxcd`,
        'towpath get nodes',
      ]
    : [
        `git clone ${ready.git}/acme/microservices-demo.git   # change BANNER_COLOR in src/frontend/Dockerfile, commit, push`,
        'towpath get canaries -n microservices-demo --watch',
        `open ${ready.dashboard}`,
      ];
  const lines = addresses.map(([name = '', address = '']) => `  ${name.padEnd(11)} ${address}`);
  return `\nTowpath is ready (data in ${dataDir}; Ctrl-C stops everything).\n${lines.join('\n')}\n\nTry:\n${tries.map((line) => `  ${line}\n`).join('')}`;
}
