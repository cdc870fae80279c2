/** `towpath node`: nodes of the process runtime for an API server that is not ours. */

import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { defaultDataDir } from '../create-context.ts';
import { createBuiltins } from '../system/builtins.ts';
import { openDataDir, writeAtomically } from '../system/data-dir.ts';
import { readHostFacts } from '../system/host-facts.ts';
import { joinCluster } from '../system/join-cluster.ts';
import { createLogFile } from '../system/log-file.ts';
import { runtimeOption, type RuntimeName } from './runtime-option.ts';

interface NodeFlags {
  readonly kubeconfig: string;
  readonly context?: string;
  readonly name: string;
  readonly nodes: number;
  readonly nodeIp: string;
  readonly port: number;
  readonly clientCaFile?: string;
  readonly runtime: RuntimeName;
  readonly registry?: string;
  readonly insecureRegistry: readonly string[];
  readonly data: string;
}

const maxNodes = 16;

export function nodeCommand(context: CliContext): Command {
  const command = new Command('node')
    .description('join any Kubernetes API server as nodes whose pods are processes of this machine (no isolation)')
    .requiredOption('--kubeconfig <file>', 'of an identity that may do what a kubelet does, e.g. an administrator')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--name <name>', 'name of the node', hostname().toLowerCase())
    .option('--nodes <count>', 'virtual nodes; further ones are NAME-2, NAME-3 …', whole('--nodes', 1, maxNodes), 1)
    .option('--node-ip <address>', 'where the API server reaches this machine', '127.0.0.1')
    .option('--port <port>', "of the kubelet's server; 0 takes a free one", whole('--port', 0, 65_535), 0)
    .option('--client-ca-file <file>', "authority of the API server's client certificate (default: the kubeconfig's)")
    .addOption(runtimeOption())
    .option('--registry <url>', 'asked first for every image')
    .option('--insecure-registry <host...>', 'registries without TLS', [])
    .option('--data <dir>', 'data folder', context.env['TOWPATH_DATA'] ?? defaultDataDir)
    .addHelpText(
      'after',
      '\nExamples:\n  towpath node --kubeconfig ~/.kube/config\n  towpath node --kubeconfig admin.conf --name worker --nodes 2 --registry http://127.0.0.1:5000',
    )
    .action((flags) => run(context, flags));
  return command as unknown as Command;
}

function whole(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new TowpathError('USAGE', `${flag} ${text} is not possible`, {
      next: `give a number from ${least} to ${most}`,
    });
  };
}

async function run(context: CliContext, flags: NodeFlags): Promise<void> {
  const { clock, random, version, env, signal } = context;
  const dataDir = resolve(context.cwd, flags.data);
  const kubeconfig = resolve(context.cwd, flags.kubeconfig);
  const data = await openDataDir(dataDir, { version });
  const log = createLogFile({
    dataDir,
    level: env['TOWPATH_LOG'] === 'debug' ? 'debug' : 'info',
    onError: (line) => context.stderr(line),
  });
  try {
    const joined = await joinCluster({
      clock,
      random,
      log,
      kubeconfig,
      context: flags.context,
      nodesDir: await data.folder('nodes'),
      host: readHostFacts(env),
      name: flags.name,
      nodes: flags.nodes,
      nodeIP: flags.nodeIp,
      kubeletPort: await data.port('kubelet', flags.port === 0 ? undefined : flags.port),
      clientAuthority:
        flags.clientCaFile === undefined ? undefined : await readFile(resolve(context.cwd, flags.clientCaFile), 'utf8'),
      runtime: flags.runtime,
      mirror: flags.registry,
      insecureRegistries: flags.insecureRegistry,
      builtins: createBuiltins(context),
      hostServices: {},
      hostPorts: {},
    });
    await writeAtomically(
      join(data.path, 'ready.json'),
      `${JSON.stringify({ version, kubeconfig, apiserver: joined.url }, undefined, 2)}\n`,
    );
    const { runtime } = joined.nodes;
    context.stderr(`${flags.name} is Ready at ${joined.url} (${runtime}); Ctrl-C stops its pods\n`);
    if (!signal.aborted) await new Promise((end) => signal.addEventListener('abort', end, { once: true }));
    context.stderr('stopping…\n');
    await joined.dispose();
  } finally {
    await data.dispose();
  }
}
