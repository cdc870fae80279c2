/** `towpath run`: the controllers alone, against any Kubernetes. */

import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import type { Builtin } from '@towpath/api';
import { messageOf, TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { createBuiltins } from '../system/builtins.ts';
import { runHostBuiltin } from '../system/host-builtin.ts';

/** The components that need nothing but the API, Git and Prometheus. */
const runnable = [
  'flux',
  'helm-operator',
  'source-controller',
  'kustomize-controller',
  'helm-controller',
  'image-reflector-controller',
  'image-automation-controller',
  'notification-controller',
  'flagger',
] as const;
/** Those of Flux 2 work only where they are asked for: the real ones may be at work. */
const runByDefault = ['flux', 'helm-operator', 'flagger'];
type Component = (typeof runnable)[number];

interface RunFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly gitUrl?: string;
  readonly gitBranch: string;
  readonly gitPath?: string;
  readonly gitPollInterval: string;
  readonly gitCiSkip?: boolean;
  readonly syncGarbageCollection?: boolean;
  readonly metricsServer: string;
  readonly leaderElect?: boolean;
  readonly watchLabelSelector?: string;
  readonly namespace: string;
  readonly components: string;
}

export function runCommand(context: CliContext): Command {
  const command = new Command('run')
    .description('run the controllers (flux, helm-operator, flagger) against the cluster of a kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig to use')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--git-url <url>', 'repository to synchronise; required with flux')
    .option('--git-branch <name>', 'branch', 'master')
    .option('--git-path <path>', 'folder of the manifests; default: the whole repository')
    .option('--git-poll-interval <duration>', 'how often the repository is asked', '1m')
    .option('--git-ci-skip', 'add [ci skip] to commits of image updates')
    .option('--sync-garbage-collection', 'delete what left the repository')
    .option('--metrics-server <url>', 'Prometheus', 'http://127.0.0.1:9090')
    .option('--leader-elect', 'wait until no other replica of a controller works (a Lease in --namespace)')
    .option('--watch-label-selector <selector>', 'only objects with these labels: several processes share the releases')
    .option('-n, --namespace <name>', 'namespace of the deploy key and of what names none', 'flux')
    .option('--components <list>', `which controllers, of ${runnable.join(', ')}`, runByDefault.join(','))
    .addHelpText(
      'after',
      '\nExamples:\n  towpath run --kubeconfig ~/.kube/config --git-url https://git.example.com/acme/shop.git --git-path deploy\n  towpath run --components flagger --metrics-server http://prometheus.example.com:9090\n  towpath run --components helm-operator --watch-label-selector "sharding.fluxcd.io/key=a"\n  towpath run --components source-controller,kustomize-controller,helm-controller,image-reflector-controller,image-automation-controller,notification-controller',
    )
    .action((flags) => run(context, flags));
  return command as unknown as Command;
}

async function run(context: CliContext, flags: RunFlags): Promise<void> {
  const chosen = chooseComponents(flags);
  const { client } = await context.client({ kubeconfig: flags.kubeconfig, context: flags.context });
  const { log, signal } = context;
  const builtins = createBuiltins(context);
  const kubeconfig = flags.kubeconfig === undefined ? undefined : resolve(context.cwd, flags.kubeconfig);
  context.stderr(
    `running ${chosen.join(', ')}${kubeconfig === undefined ? '' : ` with ${kubeconfig}`}; Ctrl-C stops\n`,
  );
  const storageAddress = `127.0.0.1:${await freePort()}`;
  const runs = chosen.map(async (name) => {
    try {
      await runHostBuiltin({
        name,
        // Every name of `runnable` is a builtin.
        builtin: builtins[name] as Builtin,
        namespace: flags.namespace,
        args: argumentsOf(name, flags, storageAddress),
        env: {},
        transport: client.transport,
        log,
        print: (line) => context.stdout(`${line}\n`),
        signal,
        listenHost: '127.0.0.1',
        podName: name,
      });
    } catch (error) {
      throw new TowpathError('COMPONENT_FAILED', `${name} ended: ${messageOf(error)}`, {
        next: 'mend it and run again; everything it knows is in the cluster and in Git',
        cause: error,
      });
    }
  });
  await Promise.all(runs);
}

function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function chooseComponents(flags: RunFlags): Component[] {
  const wanted = flags.components.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !(runnable as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new TowpathError('USAGE', `--components: ${unknown} is no controller`, {
      next: `choose from ${runnable.join(', ')}`,
    });
  }
  if (wanted.includes('flux') && flags.gitUrl === undefined) {
    throw new TowpathError('USAGE', '--git-url is missing', {
      next: 'name the repository, or leave flux out with --components',
    });
  }
  return runnable.filter((name) => wanted.includes(name));
}

function argumentsOf(name: Component, flags: RunFlags, storageAddress: string): string[] {
  const shared = [
    ...(flags.leaderElect === true ? ['--enable-leader-election'] : []),
    // One flux synchronises one repository: there is nothing to share.
    ...(flags.watchLabelSelector === undefined || name === 'flux'
      ? []
      : [`--watch-label-selector=${flags.watchLabelSelector}`]),
  ];
  return [...ownArguments(name, flags, storageAddress), ...shared];
}

function ownArguments(name: Component, flags: RunFlags, storageAddress: string): string[] {
  switch (name) {
    case 'flux':
      return [
        `--git-url=${flags.gitUrl}`,
        `--git-branch=${flags.gitBranch}`,
        ...(flags.gitPath === undefined ? [] : [`--git-path=${flags.gitPath}`]),
        `--git-poll-interval=${flags.gitPollInterval}`,
        ...(flags.gitCiSkip === true ? ['--git-ci-skip'] : []),
        ...(flags.syncGarbageCollection === true ? ['--sync-garbage-collection'] : []),
      ];
    case 'helm-operator':
      return [`--git-poll-interval=${flags.gitPollInterval}`];
    case 'source-controller':
      // The others of this machine fetch artifacts there; its own name means something in a cluster only.
      return [`--storage-addr=${storageAddress}`, `--storage-adv-addr=${storageAddress}`];
    case 'kustomize-controller':
    case 'helm-controller':
    case 'image-reflector-controller':
    case 'image-automation-controller':
    case 'notification-controller':
      return [];
    case 'flagger':
      return [`-metrics-server=${flags.metricsServer}`, '-mesh-provider=istio'];
  }
}
