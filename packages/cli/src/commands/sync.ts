/** `towpath sync`: fetch the repository and apply it now, as `fluxctl sync` does. */

import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import { requestSync } from '@towpath/sync';
import type { CliContext } from '../context.ts';

/** The namespace of flux: the flag, fluxctl's variable, or `flux`. */
export function fluxNamespace(context: CliContext, flag: string | undefined): string {
  return flag ?? context.env['FLUX_FORWARD_NAMESPACE'] ?? 'flux';
}

export function syncCommand(context: CliContext): Command {
  const command = new Command('sync')
    .description('fetch the synchronised repository and apply it now')
    .option('--k8s-fwd-ns <namespace>', 'namespace flux runs in (default: FLUX_FORWARD_NAMESPACE, then flux)')
    .option('--timeout <seconds>', 'give up after this many seconds', '60')
    .option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, then the running Towpath)')
    .option('--context <name>', 'context of the kubeconfig')
    .addHelpText('after', '\nExamples:\n  towpath sync --k8s-fwd-ns flux')
    .action(async (flags) => {
      const seconds = Number(flags.timeout.replace(/s$/, ''));
      if (!Number.isFinite(seconds) || seconds <= 0) {
        throw new TowpathError('USAGE', `--timeout ${flags.timeout} is no number of seconds`, {
          next: 'write for example 60',
        });
      }
      const { client } = await context.client({ kubeconfig: flags.kubeconfig, context: flags.context });
      const applied = await requestSync({
        client,
        namespace: fluxNamespace(context, flags.k8sFwdNs),
        clock: context.clock,
        timeoutMs: seconds * 1000,
        signal: context.signal,
        say: (line) => context.stdout(`${line}\n`),
      });
      const problems = applied.status?.problems ?? [];
      for (const { source, resource, message } of problems) {
        context.stderr(`${source}: ${resource === undefined ? '' : `${resource}: `}${message}\n`);
      }
      if (problems.length > 0) context.exitCode(1);
    });
  return command as unknown as Command;
}
