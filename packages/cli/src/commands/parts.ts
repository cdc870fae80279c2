/** `towpath registry`, `towpath git`, `towpath metrics`: one part alone. */

import { createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Command } from '@commander-js/extra-typings';
import { createGitServer } from '@towpath/git';
import { messageOf, TowpathError } from '@towpath/kit';
import { connectThrough, createMetricsServer } from '@towpath/metrics';
import { createRegistry } from '@towpath/registry';
import type { CliContext, Ready } from '../context.ts';
import { defaultDataDir } from '../create-context.ts';
import { openDataDir, writeAtomically, type DataDir } from '../system/data-dir.ts';
import type { Handler } from '../system/front.ts';
import { hostDialer } from '../system/host-builtin.ts';

interface PartFlags {
  readonly data?: string;
  readonly listen: string;
}

interface Part {
  readonly handle: Handler;
  /** Its own keys of ready.json. */
  readonly ready: (url: string) => Partial<Ready>;
  readonly close?: () => Promise<void> | void;
}

export function registryCommand(context: CliContext): Command {
  return partCommand(context, 'registry', 'an OCI registry alone', async (data) => {
    const registry = createRegistry({ dir: await data.folder('registry'), clock: context.clock, log: context.log });
    return {
      handle: (req, res) => registry.handle(req, res),
      ready: (url) => ({ registry: url }),
      close: () => registry.idle(),
    };
  });
}

export function gitCommand(context: CliContext): Command {
  return partCommand(context, 'git', 'a Git server alone (smart HTTP)', async (data) => {
    const server = createGitServer({
      dir: await data.folder('git'),
      clock: context.clock,
      log: context.log,
      onPush: () => {},
    });
    return {
      handle: (req, res) => server.handle(req, res),
      ready: (url) => ({ git: url }),
      close: () => server.idle(),
    };
  });
}

export function metricsCommand(context: CliContext): Command {
  return partCommand(
    context,
    'metrics',
    'a Prometheus-compatible server alone; scrapes the cluster of KUBECONFIG when set',
    async () => {
      const hasCluster = context.env['KUBECONFIG'] !== undefined;
      const server = createMetricsServer({
        ...(hasCluster && { client: (await context.client()).client }),
        connect: connectThrough(hostDialer),
        clock: context.clock,
        log: context.log,
        pause: () => nextTurn(),
      });
      return {
        handle: (req, res) => server.handler(req, res),
        ready: (url) => ({ metrics: url }),
        close: () => server.dispose(),
      };
    },
  );
}

function partCommand(
  context: CliContext,
  name: string,
  description: string,
  start: (data: DataDir) => Promise<Part>,
): Command {
  const command = new Command(name)
    .description(description)
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .option('--listen <host:port>', 'address; port 0 chooses a free one', '127.0.0.1:0')
    .addHelpText('after', `\nExamples:\n  towpath ${name} --data /tmp/${name} --listen 127.0.0.1:5000`)
    .action((flags) => servePart(context, flags, start));
  return command as unknown as Command;
}

async function servePart(
  context: CliContext,
  flags: PartFlags,
  start: (data: DataDir) => Promise<Part>,
): Promise<void> {
  const data = await openDataDir(resolve(context.cwd, flags.data ?? defaultDataDir), { version: context.version });
  try {
    const part = await start(data);
    const server = createServer((req, res) => void Promise.resolve(part.handle(req, res)));
    const url = await listen(server, flags.listen);
    await writeAtomically(
      join(data.path, 'ready.json'),
      `${JSON.stringify({ version: context.version, ...part.ready(url) }, undefined, 2)}\n`,
    );
    context.stderr(`serving at ${url}\n`);
    await new Promise((end) => context.signal.addEventListener('abort', end, { once: true }));
    server.closeAllConnections();
    server.close();
    await part.close?.();
  } finally {
    await data.dispose();
  }
}

/** Returns the URL. Throws `LISTEN_INVALID` or `PORT_TAKEN`. */
async function listen(server: Server, address: string): Promise<string> {
  const match = /^(\[[^\]]+\]|[^:]*):(\d+)$/.exec(address);
  if (match === null) {
    throw new TowpathError('USAGE', `--listen ${address} is no address`, {
      next: 'write it as HOST:PORT, e.g. 127.0.0.1:5000',
    });
  }
  const host = (match[1] === '' ? '127.0.0.1' : (match[1] ?? '')).replace(/^\[|\]$/g, '');
  const port = await new Promise<number>((done, reject) => {
    server.once('error', (error) => {
      reject(
        new TowpathError('PORT_TAKEN', `cannot listen on ${address}: ${messageOf(error)}`, {
          next: 'choose another port, or 0',
        }),
      );
    });
    server.listen({ host, port: Number(match[2]) }, () => {
      const bound = server.address();
      done(typeof bound === 'object' && bound !== null ? bound.port : 0);
    });
  });
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
