/** `towpath apply` and `towpath delete`: objects from files, or by name. */

import { Command } from '@commander-js/extra-typings';
import type { AnyObject, ResourceType } from '@towpath/api';
import { TowpathError } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';
import { readManifests } from '../kube/manifests.ts';
import { apiOf, withApiFlags } from '../kube/options.ts';
import { discover, resolveResource } from '../kube/resources.ts';

interface ApplyFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly filename?: string[];
  readonly dryRun?: boolean;
  readonly forceConflicts?: boolean;
}

export function applyCommand(context: CliContext): Command {
  const command = withApiFlags(
    new Command('apply').description('create or change objects from files (server-side apply)'),
  )
    .option('-f, --filename <files...>', 'files, folders, or - for standard input')
    .option('--dry-run', 'check on the server, change nothing')
    .option('--force-conflicts', 'take fields that another manager owns')
    .addHelpText(
      'after',
      '\nExamples:\n  towpath apply -f charts/flagger/crd.yaml\n  cat pod.yaml | towpath apply -f -',
    )
    .action((flags) => runApply(context, flags));
  return command as unknown as Command;
}

async function runApply(context: CliContext, flags: ApplyFlags): Promise<void> {
  if (flags.filename === undefined) throw new TowpathError('USAGE', 'no file named', { next: 'name files with -f' });
  const { client, namespace } = await apiOf(context, flags);
  for (const object of await readManifests(context, flags.filename)) {
    const type = await typeOf(client, object);
    const placed = place(object, type, namespace);
    const key = {
      name: object.metadata.name,
      ...(placed.metadata.namespace && { namespace: placed.metadata.namespace }),
    };
    const before = await client.get(type, key);
    const after = await client.patch(type, key, placed, {
      kind: 'apply',
      force: flags.forceConflicts === true,
      dryRun: flags.dryRun === true,
      fieldManager: 'towpath-cli',
    });
    const verb =
      before === undefined
        ? 'created'
        : before.metadata.resourceVersion === after.metadata.resourceVersion
          ? 'unchanged'
          : 'configured';
    context.stdout(
      `${nameOf(type, object.metadata.name)} ${verb}${flags.dryRun === true ? ' (server dry run)' : ''}\n`,
    );
  }
}

/** Throws `KIND_UNKNOWN` with kubectl's sentence. */
async function typeOf(client: Client, object: AnyObject): Promise<ResourceType> {
  const type = await client.resourceFor(object);
  if (type !== undefined) return type;
  throw new TowpathError('KIND_UNKNOWN', `no matches for kind "${object.kind}" in version "${object.apiVersion}"`, {
    next: 'ensure CRDs are installed first',
  });
}

function place(object: AnyObject, type: ResourceType, namespace: string): AnyObject {
  if (!type.namespaced || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function nameOf(type: ResourceType, name: string): string {
  return `${type.kind.toLowerCase()}${type.group === '' ? '' : `.${type.group}`}/${name}`;
}

interface DeleteFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly filename?: string[];
  readonly selector?: string;
  readonly all?: boolean;
  readonly wait: boolean;
}

export function deleteCommand(context: CliContext): Command {
  const command = withApiFlags(
    new Command('delete').description('delete objects').argument('[kind]').argument('[names...]'),
  )
    .option('-f, --filename <files...>', 'delete what these files name')
    .option('-l, --selector <labels>', 'every object with these labels')
    .option('--all', 'every object of the kind in the namespace')
    .option('--no-wait', 'do not wait until they are gone')
    .addHelpText('after', '\nExamples:\n  towpath delete pod frontend-684f56c555-wvbsd -n microservices-demo')
    .action((kind, names, flags) => runDelete(context, kind, names, flags));
  return command as unknown as Command;
}

interface Doomed {
  readonly type: ResourceType;
  readonly name: string;
  readonly namespace: string | undefined;
}

async function runDelete(
  context: CliContext,
  kind: string | undefined,
  names: string[],
  flags: DeleteFlags,
): Promise<void> {
  const { client, namespace } = await apiOf(context, flags);
  const doomed =
    flags.filename === undefined
      ? await namedOnes(client, namespace, { kind, names, flags })
      : await fileOnes(context, client, namespace, flags.filename);
  for (const { type, name, namespace: scope } of doomed) {
    const key = scope === undefined ? { name } : { name, namespace: scope };
    if ((await client.get(type, key)) === undefined) {
      throw new TowpathError(
        'NOT_FOUND',
        `${type.plural}${type.group === '' ? '' : `.${type.group}`} "${name}" not found`,
      );
    }
    await client.delete(type, key, { propagationPolicy: 'Background' });
    context.stdout(`${type.kind.toLowerCase()}${type.group === '' ? '' : `.${type.group}`} "${name}" deleted\n`);
  }
  if (flags.wait) for (const one of doomed) await gone(context, client, one);
}

async function fileOnes(
  context: CliContext,
  client: Client,
  namespace: string,
  files: readonly string[],
): Promise<Doomed[]> {
  const objects = await readManifests(context, files);
  return Promise.all(
    objects.map(async (object) => {
      const type = await typeOf(client, object);
      return { type, name: object.metadata.name, namespace: place(object, type, namespace).metadata.namespace };
    }),
  );
}

async function namedOnes(
  client: Client,
  namespace: string,
  request: { kind: string | undefined; names: readonly string[]; flags: DeleteFlags },
): Promise<Doomed[]> {
  const { kind, names, flags } = request;
  if (kind === undefined)
    throw new TowpathError('USAGE', 'no kind named', { next: 'name a kind and objects, or files with -f' });
  const [kindPart = '', namePart] = kind.split('/');
  const type = resolveResource(await discover(client), kindPart);
  const scope = type.namespaced ? namespace : undefined;
  const wanted = namePart === undefined ? names : [namePart, ...names];
  if (wanted.length > 0) return wanted.map((name) => ({ type, name, namespace: scope }));
  if (flags.selector === undefined && flags.all !== true) {
    throw new TowpathError('USAGE', 'no names given', { next: 'name the objects, or use --selector or --all' });
  }
  const list = await client.list(type, { namespace: scope, labelSelector: flags.selector });
  return list.items.map((object) => ({ type, name: object.metadata.name, namespace: scope }));
}

const gonePollMs = 200;
const goneLimitMs = 120_000;

async function gone(context: CliContext, client: Client, doomed: Doomed): Promise<void> {
  const key =
    doomed.namespace === undefined ? { name: doomed.name } : { name: doomed.name, namespace: doomed.namespace };
  const untilMs = context.clock.monotonicMs() + goneLimitMs;
  while (context.clock.monotonicMs() < untilMs) {
    try {
      if ((await client.get(doomed.type, key)) === undefined) return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return;
    }
    await context.clock.sleep(gonePollMs, context.signal);
  }
  throw new TowpathError('TIMEOUT', `${doomed.type.kind} ${doomed.name} is still there after ${goneLimitMs / 1000} s`, {
    next: 'look at its finalizers',
  });
}
