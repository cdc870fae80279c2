/** The namespace that a kubeconfig's context names, without asking or needing a cluster. */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fromYaml } from '@towpath/charts';
import { isRecord } from '@towpath/kit';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import type { ClusterFlags } from './flags.ts';

/** Undefined when no file, or no context in it, names one; a file that cannot be read counts as none, as for helm. */
export async function kubeconfigNamespace(context: CliContext, flags: ClusterFlags): Promise<string | undefined> {
  const documents = await Promise.all(kubeconfigFiles(context, flags).map(readConfig));
  const known = documents.filter(isRecord);
  const current = known
    .map((document) => document['current-context'])
    .find((name) => name !== undefined && name !== '');
  const wanted = flags.kubeContext ?? helmEnvironment(context).kubeContext ?? current;
  for (const { contexts } of known) {
    const entries = Array.isArray(contexts) ? contexts.filter(isRecord) : [];
    const about = entries.find((entry) => entry['name'] === wanted)?.['context'];
    if (!isRecord(about)) continue;
    const { namespace } = about;
    return typeof namespace === 'string' && namespace !== '' ? namespace : undefined;
  }
  return undefined;
}

function kubeconfigFiles(context: CliContext, flags: ClusterFlags): string[] {
  const { env, cwd } = context;
  if (flags.kubeconfig !== undefined) return [resolve(cwd, flags.kubeconfig)];
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return listed.map((file) => resolve(cwd, file));
  return [join(env['HOME'] ?? homedir(), '.kube', 'config')];
}

async function readConfig(file: string): Promise<unknown> {
  try {
    return fromYaml(await readFile(file, 'utf8'), { file });
  } catch {
    return undefined;
  }
}
