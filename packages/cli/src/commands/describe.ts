/** `towpath describe`: one object in readable form, with its events. */

import { Command } from '@commander-js/extra-typings';
import { Events, type AnyObject, type Event } from '@towpath/api';
import { stringifyYaml, TowpathError, type Clock } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';
import { ageText } from '../kube/age.ts';
import { apiOf, withApiFlags } from '../kube/options.ts';
import { discover, resolveResource } from '../kube/resources.ts';
import { alignRows } from '../kube/table.ts';

interface DescribeFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly selector?: string;
}

export function describeCommand(context: CliContext): Command {
  const command = withApiFlags(
    new Command('describe').description('show one object and its events').argument('<kind>').argument('[names...]'),
  )
    .option('-l, --selector <labels>', 'every object with these labels')
    .addHelpText(
      'after',
      '\nExamples:\n  towpath describe canary frontend -n microservices-demo\n  towpath describe pod -l app=frontend -n microservices-demo',
    )
    .action((kind, names, flags) => run(context, kind, names, flags));
  return command as unknown as Command;
}

async function run(context: CliContext, kind: string, names: string[], flags: DescribeFlags): Promise<void> {
  const { client, namespace } = await apiOf(context, flags);
  const slash = kind.indexOf('/');
  const type = resolveResource(await discover(client), slash < 0 ? kind : kind.slice(0, slash));
  const wanted = slash < 0 ? names : [kind.slice(slash + 1), ...names];
  const scope = type.namespaced ? namespace : undefined;
  const list = await client.list(type, { namespace: scope, labelSelector: flags.selector });
  const chosen = list.items.filter((object) => wanted.length === 0 || wanted.includes(object.metadata.name));
  const missing = wanted.find((name) => !chosen.some((object) => object.metadata.name === name));
  if (missing !== undefined) {
    throw new TowpathError(
      'NOT_FOUND',
      `${type.plural}${type.group === '' ? '' : `.${type.group}`} "${missing}" not found`,
      {
        next: `list them with: towpath get ${type.plural}${scope === undefined ? '' : ` -n ${scope}`}`,
      },
    );
  }
  const texts = await Promise.all(chosen.map((object) => describe(client, object as AnyObject, context.clock)));
  context.stdout(texts.join('\n\n'));
}

async function describe(client: Client, object: AnyObject, clock: Clock): Promise<string> {
  const { metadata, apiVersion, kind, ...body } = object;
  const head = alignRows([
    ['Name:', metadata.name],
    ...(metadata.namespace === undefined ? [] : [['Namespace:', metadata.namespace]]),
    ['Labels:', pairs(metadata.labels)],
    ['Annotations:', pairs(metadata.annotations)],
    ['API Version:', apiVersion],
    ['Kind:', kind],
    ['Created:', `${metadata.creationTimestamp ?? '<unknown>'}`],
  ]);
  const events = await eventsOf(client, object);
  return `${head}${stringifyYaml(body)}${eventsText(events, clock)}`;
}

function pairs(values: Record<string, string> | undefined): string {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return '<none>';
  const short = (text: string): string => (text.length > 140 ? `${text.slice(0, 137)}...` : text);
  return entries.map(([key, value]) => `${key}=${short(value.replaceAll('\n', ' '))}`).join('\n              ');
}

async function eventsOf(client: Client, object: AnyObject): Promise<Event[]> {
  const { name, namespace, uid } = object.metadata;
  const fieldSelector = `involvedObject.name=${name}${uid === undefined ? '' : `,involvedObject.uid=${uid}`}`;
  const list = await client.list(Events, { namespace: namespace ?? 'default', fieldSelector });
  return list.items.toSorted((left, right) => timeOf(left) - timeOf(right));
}

function timeOf(event: Event): number {
  return Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp ?? '') || 0;
}

/** The events block as kubectl prints it. */
export function eventsText(events: readonly Event[], clock: Clock): string {
  if (events.length === 0) return 'Events:  <none>\n';
  const rows = events.map((event) => [
    `  ${event.type ?? ''}`,
    event.reason ?? '',
    seenText(event, clock),
    event.source?.component ?? '',
    (event.message ?? '').trim(),
  ]);
  const header = ['  Type', 'Reason', 'Age', 'From', 'Message'];
  const rule = header.map((text, index) => (index === 0 ? '  ----' : '-'.repeat(Math.max(4, text.length))));
  return `Events:\n${alignRows([header, rule, ...rows])}`;
}

function seenText(event: Event, clock: Clock): string {
  const last = ageText(event.lastTimestamp ?? undefined, clock);
  const count = event.count ?? 1;
  return count > 1 ? `${last} (x${count} over ${ageText(event.firstTimestamp ?? undefined, clock)})` : last;
}
