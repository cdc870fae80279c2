/** What a data folder holds for clients: the authority, the administrator's token, and kubeconfig files. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, stringifyYaml, type Clock, type Random } from '@towpath/kit';
import { createAuthority, isCurrent, type CertificatePair } from './certificates.ts';

export interface Credentials {
  readonly authority: CertificatePair;
  readonly adminToken: string;
}

/** Reads the credentials of a data folder, making what is missing. Without a folder they are new each time. */
export async function loadCredentials(deps: {
  dataDir: string | undefined;
  clock: Clock;
  random: Random;
}): Promise<Credentials> {
  const { dataDir, clock, random } = deps;
  const newToken = (): string => Buffer.from(random.bytes(32)).toString('base64url');
  if (dataDir === undefined) return { authority: await createAuthority(clock), adminToken: newToken() };
  const folder = join(dataDir, 'pki');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const paths = {
    certificate: join(folder, 'ca.crt'),
    key: join(folder, 'ca.key'),
    token: join(folder, 'admin-token'),
  };
  const [certificate, key, token] = await Promise.all([
    readIfThere(paths.certificate),
    readIfThere(paths.key),
    readIfThere(paths.token),
  ]);
  let authority: CertificatePair | undefined;
  if (certificate !== undefined && key !== undefined && isCurrent(certificate, clock.nowMs()))
    authority = { certificate, key };
  if (authority === undefined) {
    authority = await createAuthority(clock);
    await writeFile(paths.key, authority.key, { mode: 0o600 });
    await writeFile(paths.certificate, authority.certificate, { mode: 0o644 });
  }
  const adminToken = token?.trim() ?? newToken();
  if (token === undefined) await writeFile(paths.token, `${adminToken}\n`, { mode: 0o600 });
  return { authority, adminToken };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A kubeconfig that reaches `server` with a bearer token. */
export function kubeconfigText(options: {
  server: string;
  ca: string;
  token: string;
  name?: string;
  namespace?: string;
}): string {
  const name = options.name ?? 'towpath';
  return stringifyYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server: options.server, 'certificate-authority-data': Buffer.from(options.ca).toString('base64') },
      },
    ],
    users: [{ name: `${name}-admin`, user: { token: options.token } }],
    contexts: [
      {
        name,
        context: {
          cluster: name,
          user: `${name}-admin`,
          ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
        },
      },
    ],
    'current-context': name,
  });
}

/** Writes a kubeconfig that only its owner can read. */
export async function writeKubeconfig(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
}
