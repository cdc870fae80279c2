/** Kubeconfigs with plain credentials, read without the library, which is large; the rest is left to it. */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isRecord, parseYaml, type UnknownRecord } from '@towpath/kit';
import type { KubeconfigTarget } from './kubeconfig.ts';

const clusterMembers = new Set([
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'insecure-skip-tls-verify',
  'extensions',
]);
const userMembers = new Set([
  'token',
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
]);

/** Undefined for what only the library knows: plugins, proxies, wrong files. */
export async function plainTarget(file: string, wanted: string | undefined): Promise<KubeconfigTarget | undefined> {
  const config = await readConfig(file);
  const name = wanted ?? text(config?.['current-context']);
  if (config === undefined || name === undefined) return undefined;
  const context = named(config['contexts'], name, 'context');
  const cluster = named(config['clusters'], text(context?.['cluster']), 'cluster');
  const user = named(config['users'], text(context?.['user']), 'user');
  const server = text(cluster?.['server']);
  if (context === undefined || cluster === undefined || user === undefined || server === undefined) return undefined;
  if (!hasOnly(cluster, clusterMembers) || !hasOnly(user, userMembers)) return undefined;
  const pem = async (owner: UnknownRecord, member: string): Promise<string | Buffer | undefined> => {
    const data = text(owner[`${member}-data`]);
    if (data !== undefined) return Buffer.from(data, 'base64');
    const path = text(owner[member]);
    return path === undefined ? undefined : readFile(resolve(dirname(file), path));
  };
  try {
    const token = text(user['token']);
    return {
      transport: {
        server,
        ca: await pem(cluster, 'certificate-authority'),
        cert: await pem(user, 'client-certificate'),
        key: await pem(user, 'client-key'),
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        insecure: cluster['insecure-skip-tls-verify'] === true,
      },
      namespace: text(context['namespace']) ?? 'default',
      context: name,
    };
  } catch {
    // The library says what is wrong with it.
    return undefined;
  }
}

async function readConfig(file: string): Promise<UnknownRecord | undefined> {
  try {
    const config: unknown = parseYaml(await readFile(file, 'utf8'), { file });
    return isRecord(config) ? config : undefined;
  } catch {
    return undefined;
  }
}

function named(list: unknown, name: string | undefined, member: string): UnknownRecord | undefined {
  if (!Array.isArray(list) || name === undefined) return undefined;
  const found: unknown = list.find((entry) => isRecord(entry) && entry['name'] === name);
  if (!isRecord(found)) return undefined;
  const value = found[member];
  return isRecord(value) ? value : undefined;
}

function hasOnly(value: UnknownRecord, members: ReadonlySet<string>): boolean {
  return Object.keys(value).every((name) => members.has(name));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
