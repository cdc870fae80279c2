/** `towpath get`: tables, JSON, YAML or names of any kind, once or as they change. */

import { Command } from '@commander-js/extra-typings';
import { resourcePath, type AnyObject } from '@towpath/api';
import { stringifyYaml, TowpathError } from '@towpath/kit';
import { apiErrorFrom, type Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';
import { apiOf, withApiFlags } from '../kube/options.ts';
import { discover, resolveResources, type DiscoveredResource } from '../kube/resources.ts';
import {
  alignRows,
  fetchTable,
  tableAccept,
  tableCells,
  type Table,
  type TableColumn,
  type TableFormat,
} from '../kube/table.ts';

interface GetFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly output?: string;
  readonly watch?: boolean;
  readonly headers: boolean;
  readonly showLabels?: boolean;
}

const examples = `
Examples:
  towpath get pods -A
  towpath get canaries -n microservices-demo --watch
  towpath get helmrelease frontend -n microservices-demo -o yaml`;

export function getCommand(context: CliContext): Command {
  const command = withApiFlags(
    new Command('get').description('show objects of any kind').argument('<kind>').argument('[names...]'),
  )
    .option('-A, --all-namespaces', 'objects of every namespace')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .option('--field-selector <fields>', 'only objects with these fields')
    .option('-o, --output <format>', 'json, yaml, name or wide')
    .option('-w, --watch', 'keep printing changes')
    .option('--no-headers', 'leave the header line out')
    .option('--show-labels', 'show labels in the last column')
    .addHelpText('after', examples)
    .action((kind, names, flags) => run(context, kind, names, flags));
  return command as unknown as Command;
}

async function run(context: CliContext, kindText: string, names: string[], flags: GetFlags): Promise<void> {
  const { client, scope } = await apiOf(context, flags);
  const split = splitSlashes(kindText, names);
  const types = resolveResources(await discover(client), split.kind);
  if (flags.output !== undefined && !['json', 'yaml', 'name', 'wide'].includes(flags.output)) {
    throw new TowpathError('USAGE', `unknown output format "${flags.output}"`, {
      next: 'use json, yaml, name or wide',
    });
  }
  if (flags.watch === true) {
    const [type] = types;
    if (type === undefined || types.length > 1)
      throw new TowpathError('USAGE', 'only one kind can be watched at a time');
    await watchTable(context, client, { type, names: split.names, scope, flags });
    return;
  }
  if (flags.output === 'json' || flags.output === 'yaml' || flags.output === 'name') {
    await printObjects(context, client, { types, names: split.names, scope, flags });
    return;
  }
  await printTables(context, client, { types, names: split.names, scope, flags });
}

interface Selection {
  readonly types: readonly DiscoveredResource[];
  readonly names: readonly string[];
  readonly scope: string | undefined;
  readonly flags: GetFlags;
}

/** `get hr/frontend` is `get hr frontend`. */
function splitSlashes(kind: string, names: readonly string[]): { kind: string; names: string[] } {
  if (!kind.includes('/')) return { kind, names: [...names] };
  const pairs = [kind, ...names].map((part) => part.split('/'));
  const [first] = pairs;
  if (pairs.some((pair) => pair[0] !== first?.[0])) throw new TowpathError('USAGE', 'name one kind at a time');
  return { kind: first?.[0] ?? '', names: pairs.map((pair) => pair[1] ?? '') };
}

function formatOf(flags: GetFlags, type: DiscoveredResource, several: boolean): TableFormat {
  return {
    wide: flags.output === 'wide',
    noHeaders: !flags.headers,
    showNamespace: flags.allNamespaces === true && type.namespaced,
    showLabels: flags.showLabels === true,
    kindPrefix: several ? `${type.singular}${type.group === '' ? '' : `.${type.group}`}` : undefined,
  };
}

async function tablesOf(client: Client, type: DiscoveredResource, selection: Selection): Promise<Table[]> {
  const query = {
    type,
    namespace: type.namespaced ? selection.scope : undefined,
    labelSelector: selection.flags.selector,
    fieldSelector: selection.flags.fieldSelector,
  };
  if (selection.names.length === 0) return [await fetchTable(client, query)];
  return Promise.all(selection.names.map((name) => fetchTable(client, { ...query, name })));
}

async function printTables(context: CliContext, client: Client, selection: Selection): Promise<void> {
  let printed = 0;
  for (const type of selection.types) {
    const tables = await tablesOf(client, type, selection);
    const columns = tables[0]?.columnDefinitions ?? [];
    const rows = tables.flatMap((table) => table.rows ?? []);
    if (rows.length === 0) continue;
    const format = formatOf(selection.flags, type, selection.types.length > 1);
    const { header, body } = tableCells(columns, rows, format);
    if (printed++ > 0) context.stdout('\n');
    context.stdout(alignRows(format.noHeaders ? body : [header, ...body]));
  }
  if (printed > 0) return;
  const where = selection.scope === undefined ? '' : ` in ${selection.scope} namespace`;
  context.stderr(
    selection.types.some((type) => type.namespaced) ? `No resources found${where}.\n` : 'No resources found\n',
  );
}

async function printObjects(context: CliContext, client: Client, selection: Selection): Promise<void> {
  const objects: { type: DiscoveredResource; object: AnyObject }[] = [];
  for (const type of selection.types) {
    const namespace = type.namespaced ? selection.scope : undefined;
    if (selection.names.length === 0) {
      const { selector, fieldSelector } = selection.flags;
      const list = await client.list(type, { namespace, labelSelector: selector, fieldSelector });
      objects.push(...list.items.map((object) => ({ type, object: object as AnyObject })));
      continue;
    }
    for (const name of selection.names) objects.push({ type, object: await getOne(client, type, namespace, name) });
  }
  if (selection.flags.output === 'name') {
    const line = ({ type, object }: (typeof objects)[number]): string =>
      `${type.singular}${type.group === '' ? '' : `.${type.group}`}/${object.metadata.name}\n`;
    context.stdout(objects.map(line).join(''));
    return;
  }
  const single = selection.names.length === 1 && selection.types.length === 1;
  const value = single
    ? objects[0]?.object
    : { apiVersion: 'v1', items: objects.map(({ object }) => object), kind: 'List', metadata: { resourceVersion: '' } };
  context.stdout(selection.flags.output === 'json' ? `${JSON.stringify(value, undefined, 4)}\n` : stringifyYaml(value));
}

async function getOne(
  client: Client,
  type: DiscoveredResource,
  namespace: string | undefined,
  name: string,
): Promise<AnyObject> {
  const response = await client.request({ method: 'GET', path: resourcePath(type, { namespace, name }) });
  const text = await response.text();
  if (response.status >= 400) throw apiErrorFrom(response.status, text);
  return JSON.parse(text) as AnyObject;
}

interface WatchSelection {
  readonly type: DiscoveredResource;
  readonly names: readonly string[];
  readonly scope: string | undefined;
  readonly flags: GetFlags;
}

/** Prints the table as it is, then a row per change until Ctrl-C. */
async function watchTable(context: CliContext, client: Client, selection: WatchSelection): Promise<void> {
  const { type, flags } = selection;
  const namespace = type.namespaced ? selection.scope : undefined;
  const [name] = selection.names;
  const fieldSelector = name === undefined ? flags.fieldSelector : `metadata.name=${name}`;
  const initial = await fetchTable(client, { type, namespace, labelSelector: flags.selector, fieldSelector });
  let columns: readonly TableColumn[] = initial.columnDefinitions ?? [];
  const format = formatOf(flags, type, false);
  const widths: number[] = [];
  const first = tableCells(columns, initial.rows ?? [], format);
  context.stdout(alignRows(format.noHeaders ? first.body : [first.header, ...first.body], widths));
  const response = await client.request({
    method: 'GET',
    path: resourcePath(type, { namespace }),
    query: {
      watch: 'true',
      resourceVersion: initial.metadata?.resourceVersion,
      labelSelector: flags.selector,
      fieldSelector,
    },
    headers: { accept: tableAccept },
    signal: context.signal,
  });
  if (response.status >= 400) throw apiErrorFrom(response.status, await response.text());
  let rest = '';
  for await (const chunk of response.chunks()) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.trim() === '') continue;
      const event = JSON.parse(part) as { type: string; object: Table };
      if (event.type === 'ERROR' || event.type === 'BOOKMARK') continue;
      if ((event.object.columnDefinitions ?? []).length > 0) columns = event.object.columnDefinitions ?? columns;
      context.stdout(alignRows(tableCells(columns, event.object.rows ?? [], format).body, widths));
    }
  }
}
