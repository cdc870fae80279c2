/** `towpath events`: what happened, oldest first, once or as it happens. */

import { Command } from '@commander-js/extra-typings';
import { Events, type Event } from '@towpath/api';
import type { CliContext } from '../context.ts';
import { ageText } from '../kube/age.ts';
import { apiOf, withApiFlags } from '../kube/options.ts';
import { alignRows } from '../kube/table.ts';

interface EventsFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly for?: string;
  readonly watch?: boolean;
  readonly output?: string;
}

export function eventsCommand(context: CliContext): Command {
  const command = withApiFlags(new Command('events').description('show events, oldest first'))
    .option('-A, --all-namespaces', 'events of every namespace')
    .option('--for <kind/name>', 'only events of this object')
    .option('-w, --watch', 'keep printing new events')
    .option('-o, --output <format>', 'json')
    .addHelpText('after', '\nExamples:\n  towpath events -n microservices-demo --for canary/frontend --watch')
    .action((flags) => run(context, flags));
  return command as unknown as Command;
}

async function run(context: CliContext, flags: EventsFlags): Promise<void> {
  const { client, scope } = await apiOf(context, flags);
  const [kind, name] = (flags.for ?? '').split('/');
  const wanted = (event: Event): boolean =>
    flags.for === undefined ||
    (event.involvedObject['kind']?.toLowerCase() === kind?.toLowerCase() && event.involvedObject['name'] === name);
  const list = await client.list(Events, { namespace: scope });
  const events = list.items.filter(wanted).toSorted((left, right) => timeOf(left) - timeOf(right));
  if (flags.output === 'json') {
    context.stdout(`${JSON.stringify(events, undefined, 2)}\n`);
    return;
  }
  const widths: number[] = [];
  const header = [...(scope === undefined ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
  context.stdout(alignRows([header, ...events.map((event) => rowOf(event, scope, context))], widths));
  if (flags.watch !== true) return;
  const changes = client.watch(Events, {
    namespace: scope,
    resourceVersion: list.resourceVersion,
    signal: context.signal,
  });
  for await (const change of changes) {
    if ((change.type === 'ADDED' || change.type === 'MODIFIED') && wanted(change.object)) {
      context.stdout(alignRows([rowOf(change.object, scope, context)], widths));
    }
  }
}

function timeOf(event: Event): number {
  return Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp ?? '') || 0;
}

function rowOf(event: Event, scope: string | undefined, context: CliContext): string[] {
  const { kind = '', name = '' } = event.involvedObject;
  return [
    ...(scope === undefined ? [event.metadata.namespace ?? ''] : []),
    ageText(event.lastTimestamp ?? undefined, context.clock),
    event.type ?? '',
    event.reason ?? '',
    `${kind.toLowerCase()}/${name}`,
    event.message ?? '',
  ];
}
