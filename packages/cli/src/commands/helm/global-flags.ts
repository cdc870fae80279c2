/** The flags that every command of helm has: which cluster, as whom, and where helm's own files are. */

import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { CliContext, ClientTarget } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import { collect, withClusterFlags, type ClusterFlags } from './flags.ts';
import { flagError } from './pflag.ts';

export interface GlobalFlags extends ClusterFlags {
  readonly kubeApiserver?: string | undefined;
  readonly kubeAsGroup: string[];
  readonly kubeAsUser?: string | undefined;
  readonly kubeCaFile?: string | undefined;
  readonly kubeInsecureSkipTlsVerify?: boolean | undefined;
  readonly kubeTlsServerName?: string | undefined;
  readonly kubeToken?: string | undefined;
  readonly registryConfig?: string | undefined;
  readonly repositoryCache?: string | undefined;
  readonly repositoryConfig?: string | undefined;
}

export function withGlobalFlags<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  const none: string[] = [];
  return withClusterFlags(command)
    .option('--burst-limit <count>', 'accepted: requests are not throttled here', goInt)
    .option('--qps <count>', 'accepted: requests are not throttled here', goFloat)
    .option('--kube-apiserver <url>', 'the address of the Kubernetes API server')
    .option('--kube-as-group <group>', 'group to act for (one at most)', collect, none)
    .option('--kube-as-user <name>', 'user to act for')
    .option('--kube-ca-file <file>', 'certificate authority of the API server')
    .option('--kube-insecure-skip-tls-verify', 'do not check the API server’s certificate')
    .option('--kube-tls-server-name <name>', 'refused where a cluster is asked: use a kubeconfig')
    .option('--kube-token <token>', 'bearer token for the API server')
    .option('--registry-config <file>', 'file of registry logins')
    .option('--repository-cache <folder>', 'folder of downloaded repository indexes')
    .option('--repository-config <file>', 'file of added repositories');
}

function goInt(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function goFloat(text: string): number {
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** `context` with helm's files where the flags say they are. */
export function withHelmFiles(context: CliContext, flags: GlobalFlags): CliContext {
  const { registryConfig, repositoryCache, repositoryConfig } = flags;
  return {
    ...context,
    env: {
      ...context.env,
      ...(registryConfig !== undefined && { HELM_REGISTRY_CONFIG: registryConfig }),
      ...(repositoryCache !== undefined && { HELM_REPOSITORY_CACHE: repositoryCache }),
      ...(repositoryConfig !== undefined && { HELM_REPOSITORY_CONFIG: repositoryConfig }),
    },
  };
}

/** The cluster that the flags and helm's variables name. Throws what cannot be done here, by the flag's name. */
export function clientTargetOf(context: CliContext, flags: GlobalFlags): ClientTarget {
  const { env } = context;
  if (flags.kubeTlsServerName !== undefined) {
    throw flagError('--kube-tls-server-name is not supported: name the server in the certificate of a kubeconfig');
  }
  if (flags.kubeAsGroup.length > 1) throw flagError('--kube-as-group is supported once: requests carry one group');
  return {
    kubeconfig: flags.kubeconfig,
    context: flags.kubeContext ?? helmEnvironment(context).kubeContext,
    fieldManager: 'helm',
    server: flags.kubeApiserver ?? env['HELM_KUBEAPISERVER'],
    token: flags.kubeToken ?? env['HELM_KUBETOKEN'],
    caFile: flags.kubeCaFile ?? env['HELM_KUBECAFILE'],
    insecure: flags.kubeInsecureSkipTlsVerify ?? env['HELM_KUBEINSECURE_SKIP_TLS_VERIFY'] === 'true',
    asUser: flags.kubeAsUser ?? env['HELM_KUBEASUSER'],
    asGroup: flags.kubeAsGroup[0],
  };
}

/** `--namespace`, HELM_NAMESPACE, the namespace of the kubeconfig's context, `default`. */
export async function namespaceOf(context: CliContext, flags: GlobalFlags): Promise<string> {
  const named = flags.namespace ?? helmEnvironment(context).namespace ?? '';
  if (named !== '') return named;
  const { kubeconfigNamespace } = await import('./kubeconfig-namespace.ts');
  return (await kubeconfigNamespace(context, flags)) ?? 'default';
}
