/** Finds the API a command speaks to; loaded only by commands that do, as reading a kubeconfig takes a large library. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { TowpathError } from '@towpath/kit';
import { Client, httpTransport, loadKubeconfig } from '@towpath/runtime';
import type { ClientTarget, ClientWithNamespace, Ready } from './context.ts';
import { version } from './version.ts';

export interface ConnectOptions {
  readonly target: ClientTarget;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly ready: () => Promise<Ready | undefined>;
}

/** A client and its namespace. Throws `KUBECONFIG_MISSING` or `KUBECONFIG_INVALID`. */
export async function connect(options: ConnectOptions): Promise<ClientWithNamespace> {
  const { target, env } = options;
  const file = await kubeconfigFile(options);
  const found = await loadKubeconfig({ file, context: target.context });
  const fieldManager = target.fieldManager ?? 'towpath';
  const client = new Client({
    transport: httpTransport(found.transport),
    fieldManager,
    userAgent: `towpath/${version}`,
  });
  return { client, namespace: env['TOWPATH_NAMESPACE'] ?? found.namespace };
}

/** Flag, KUBECONFIG, the running Towpath, ~/.kube/config. */
async function kubeconfigFile({ target, env, cwd, ready }: ConnectOptions): Promise<string> {
  if (target.kubeconfig !== undefined) return resolve(cwd, target.kubeconfig);
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const fromEnv = listed.find((file) => existsSync(resolve(cwd, file))) ?? listed[0];
  if (fromEnv !== undefined) return resolve(cwd, fromEnv);
  const running = (await ready())?.kubeconfig;
  if (running !== undefined) return running;
  const home = join(homedir(), '.kube', 'config');
  if (existsSync(home)) return home;
  throw new TowpathError('KUBECONFIG_MISSING', 'no cluster: KUBECONFIG is not set and no Towpath runs in this folder', {
    next: 'run "npm start" (or "towpath up"), or name a file with --kubeconfig',
  });
}
