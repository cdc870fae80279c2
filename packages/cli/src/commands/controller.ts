/** `towpath controller NAME`: one controller as the program of a pod. */

import { hostname } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';
import { createBuiltins } from '../system/builtins.ts';
import { runHostBuiltin } from '../system/host-builtin.ts';

/** The chart `charts/towpath` starts its pods with it; the arguments after the name are the controller's own flags. */
export function controllerCommand(context: CliContext): Command {
  const command = new Command('controller')
    .description('run one controller in a pod, with its own flags (charts/towpath starts its pods so)')
    .argument('<name>', 'helm-operator, flagger, flux, …')
    .argument('[flags...]', 'flags of the controller')
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      'after',
      '\nExamples:\n  towpath controller helm-operator --workers=4 --enable-leader-election\n  towpath controller flagger -metrics-server=http://prometheus.monitoring:9090',
    )
    .action((name, flags) => runController(context, name, flags));
  return command as unknown as Command;
}

async function runController(context: CliContext, name: string, args: readonly string[]): Promise<void> {
  const { log, env, signal } = context;
  const builtins = createBuiltins(context);
  const builtin = builtins[name];
  if (builtin === undefined) {
    throw new TowpathError('USAGE', `there is no controller ${name}`, {
      next: `choose one of ${Object.keys(builtins).toSorted().join(', ')}`,
    });
  }
  const { client, namespace } = await context.client({ fieldManager: name });
  await runHostBuiltin({
    name,
    builtin,
    namespace: env['POD_NAMESPACE'] ?? namespace,
    args,
    env: Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    transport: client.transport,
    log,
    print: (line) => context.stdout(`${line}\n`),
    signal,
    listenHost: '0.0.0.0',
    podName: env['POD_NAME'] ?? hostname(),
  });
}
