/** Flags that every command on the API shares, as kubectl names them. */

import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { CliContext, ClientWithNamespace } from '../context.ts';

export interface ApiFlags {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

/** Adds --kubeconfig, --context, --namespace. */
export function withApiFlags<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  return command
    .option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, then the running Towpath)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('-n, --namespace <name>', 'namespace of the request');
}

/** The client and the namespace the flags ask for; undefined namespace means all. */
export async function apiOf(
  context: CliContext,
  flags: ApiFlags,
): Promise<ClientWithNamespace & { readonly scope: string | undefined }> {
  const found = await context.client({ kubeconfig: flags.kubeconfig, context: flags.context });
  const namespace = flags.namespace ?? found.namespace;
  return { client: found.client, namespace, scope: flags.allNamespaces === true ? undefined : namespace };
}
