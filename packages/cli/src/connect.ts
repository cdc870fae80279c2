/** Finds the API a command speaks to; loaded only by commands that do, as reading a kubeconfig takes a large library. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { codeOf, systemTime, TowpathError } from '@towpath/kit';
import { Client, httpTransport, inClusterTarget, loadKubeconfig, type HttpTransportOptions } from '@towpath/runtime';
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
  const { transport, namespace } = await targetOf(options);
  const fieldManager = target.fieldManager ?? 'towpath';
  const overridden = { ...transport, ...(await overridesOf(options, transport.headers)) };
  const client = new Client({
    transport: httpTransport(overridden),
    fieldManager,
    userAgent: `towpath/${version}`,
  });
  return { client, namespace: env['TOWPATH_NAMESPACE'] ?? namespace };
}

async function targetOf(options: ConnectOptions): Promise<{ transport: HttpTransportOptions; namespace: string }> {
  const { target, env } = options;
  const isNamed = target.kubeconfig !== undefined || (env['KUBECONFIG'] ?? '') !== '';
  const inCluster = isNamed ? undefined : inClusterTarget({ env, time: systemTime });
  if (inCluster !== undefined) return inCluster;
  try {
    return await loadKubeconfig({ file: await kubeconfigFile(options), context: target.context });
  } catch (error) {
    if (target.server === undefined || codeOf(error) !== 'KUBECONFIG_MISSING') throw error;
    return { transport: { server: target.server }, namespace: 'default' };
  }
}

async function overridesOf(
  { target, cwd }: ConnectOptions,
  headers: Readonly<Record<string, string>> = {},
): Promise<Partial<HttpTransportOptions>> {
  const { server, token, caFile, insecure, asUser, asGroup } = target;
  const impersonation = {
    ...(asUser !== undefined && { 'impersonate-user': asUser }),
    ...(asGroup !== undefined && { 'impersonate-group': asGroup }),
  };
  return {
    headers: { ...headers, ...impersonation },
    ...(server !== undefined && { server }),
    ...(token !== undefined && { token }),
    ...(caFile !== undefined && { ca: await readFile(resolve(cwd, caFile), 'utf8') }),
    ...(insecure === true && { insecure }),
  };
}

/** Flag, KUBECONFIG, the running Towpath, ~/.kube/config; a pod that names none is taken care of before. */
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
