/** `towpath apiserver`: the API server alone, without controllers and nodes. */

import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { createApiServer, openLmdbStore } from '@towpath/cluster';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { defaultDataDir } from '../create-context.ts';
import { openDataDir, writeAtomically } from '../system/data-dir.ts';

export function apiserverCommand(context: CliContext): Command {
  const command = new Command('apiserver')
    .description('the Kubernetes API alone: no controllers, no nodes')
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .option('--listen <host:port>', 'address; port 0 chooses a free one, which is kept', '127.0.0.1:0')
    .addHelpText('after', '\nExamples:\n  towpath apiserver --data /tmp/api --listen 127.0.0.1:6443')
    .action((flags) => run(context, resolve(context.cwd, flags.data ?? defaultDataDir), flags.listen));
  return command as unknown as Command;
}

async function run(context: CliContext, dataDir: string, address: string): Promise<void> {
  const { clock, random, log, version } = context;
  const { host, port } = parseAddress(address);
  const data = await openDataDir(dataDir, { version });
  try {
    const store = await openLmdbStore({ dir: await data.folder('store') });
    const api = await createApiServer({
      dataDir: await data.folder('apiserver'),
      store,
      clock,
      random,
      log,
      host,
      port: await data.port('apiserver', port === 0 ? undefined : port),
    });
    const kubeconfig = join(data.path, 'kubeconfig');
    await writeAtomically(kubeconfig, api.kubeconfig({ name: 'towpath' }));
    const ready = { version, kubeconfig, apiserver: api.url };
    await writeAtomically(join(data.path, 'ready.json'), `${JSON.stringify(ready, undefined, 2)}\n`);
    context.stderr(`serving at ${api.url}\n  export KUBECONFIG=${kubeconfig}\n`);
    await new Promise((end) => context.signal.addEventListener('abort', end, { once: true }));
    await api.dispose();
    await store.close();
  } finally {
    await data.dispose();
  }
}

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(\[[^\]]+\]|[^:]*):(\d+)$/.exec(text);
  if (match === null) {
    throw new TowpathError('USAGE', `--listen ${text} is no address`, {
      next: 'write it as HOST:PORT, e.g. 127.0.0.1:6443',
    });
  }
  return { host: match[1] === '' ? '127.0.0.1' : (match[1] ?? '').replace(/^\[|\]$/g, ''), port: Number(match[2]) };
}
