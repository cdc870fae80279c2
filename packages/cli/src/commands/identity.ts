/** `towpath identity`: the public half of flux's deploy key, to be pasted into a Git server. */

import { Command } from '@commander-js/extra-typings';
import { Secrets } from '@towpath/api';
import { defaultSecretName, publicKeyOf } from '@towpath/sync';
import type { CliContext } from '../context.ts';
import { fluxNamespace } from './sync.ts';

export function identityCommand(context: CliContext): Command {
  const command = new Command('identity')
    .description('show the SSH public key flux uses')
    .option('--k8s-fwd-ns <namespace>', 'namespace flux runs in (default: FLUX_FORWARD_NAMESPACE, then flux)')
    .option('--secret <name>', 'Secret that holds the key', defaultSecretName)
    .option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, then the running Towpath)')
    .option('--context <name>', 'context of the kubeconfig')
    .addHelpText('after', '\nExamples:\n  towpath identity --k8s-fwd-ns flux')
    .action(async (flags) => {
      const { client } = await context.client({ kubeconfig: flags.kubeconfig, context: flags.context });
      const key = { namespace: fluxNamespace(context, flags.k8sFwdNs), name: flags.secret };
      const secret = await client.get(Secrets, key);
      context.stdout(`${publicKeyOf(secret, `the Secret ${key.namespace}/${key.name}`)}\n`);
    });
  return command as unknown as Command;
}
