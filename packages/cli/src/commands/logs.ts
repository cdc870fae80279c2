/** `towpath logs`: what a pod's container wrote. */

import { Command } from '@commander-js/extra-typings';
import { matchesSelector, Pods, resourcePath, type LabelSelector, type Pod } from '@towpath/api';
import { TowpathError } from '@towpath/kit';
import { apiErrorFrom, type Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';
import { apiOf, withApiFlags } from '../kube/options.ts';
import { discover, resolveResource } from '../kube/resources.ts';

interface LogsFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly timestamps?: boolean;
}

export function logsCommand(context: CliContext): Command {
  const command = withApiFlags(
    new Command('logs')
      .description("show a container's log")
      .argument('<pod>', 'a pod, or kind/name of what owns pods'),
  )
    .option('-c, --container <name>', 'container; default: the first')
    .option('-f, --follow', 'keep printing new lines')
    .option('-p, --previous', 'the run before the last restart')
    .option('--tail <lines>', 'only the last lines')
    .option('--since <seconds>', 'only lines of the last seconds')
    .option('--timestamps', 'prefix each line with its time')
    .addHelpText('after', '\nExamples:\n  towpath logs deployment/helm-operator -n flux -f')
    .action((target, flags) => run(context, target, flags));
  return command as unknown as Command;
}

async function run(context: CliContext, target: string, flags: LogsFlags): Promise<void> {
  const { client, namespace } = await apiOf(context, flags);
  const pod = await podOf(client, namespace, target);
  const response = await client.request({
    method: 'GET',
    path: resourcePath(Pods, { namespace, name: pod.metadata.name, subresource: 'log' }),
    query: {
      container: flags.container ?? defaultContainer(pod),
      follow: flags.follow === true ? 'true' : undefined,
      previous: flags.previous === true ? 'true' : undefined,
      tailLines: flags.tail,
      sinceSeconds: flags.since?.replace(/s$/, ''),
      timestamps: flags.timestamps === true ? 'true' : undefined,
    },
    headers: { accept: '*/*' },
    signal: context.signal,
  });
  if (response.status >= 400) throw apiErrorFrom(response.status, await response.text());
  for await (const chunk of response.chunks()) context.stdout(chunk);
}

function defaultContainer(pod: Pod): string | undefined {
  const named = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  return named ?? pod.spec.containers.find((container) => container.name !== 'istio-proxy')?.name;
}

/** The pod itself, or a running pod of `kind/name`. */
async function podOf(client: Client, namespace: string, target: string): Promise<Pod> {
  const [kind, name] = target.includes('/') ? target.split('/') : ['pods', target];
  const type = resolveResource(await discover(client), kind ?? '');
  if (type.plural === 'pods') {
    const pod = await client.get(Pods, { namespace, name: name ?? '' });
    if (pod !== undefined) return pod;
    throw new TowpathError('NOT_FOUND', `pods "${name}" not found`, {
      next: `list them with: towpath get pods -n ${namespace}`,
    });
  }
  const owner = await client.get(type, { namespace, name: name ?? '' });
  if (owner === undefined) throw new TowpathError('NOT_FOUND', `${type.plural} "${name}" not found`);
  const selector = (owner as unknown as { spec?: { selector?: LabelSelector } }).spec?.selector;
  const pods = (await client.list(Pods, { namespace })).items.filter((pod) =>
    matchesSelector(selector, pod.metadata.labels),
  );
  const running = pods.find((pod) => pod.status?.phase === 'Running') ?? pods[0];
  if (running === undefined)
    throw new TowpathError('NOT_FOUND', `${target} has no pods`, {
      next: `see: towpath describe ${kind} ${name} -n ${namespace}`,
    });
  return running;
}
