/** What a data folder holds for clients: the authority, the administrator's token, and kubeconfig files. */

import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, stringifyYaml, type Clock, type Random } from '@towpath/kit';
import { isServerFor, isUsable, type CertificatePair, type ServerNames } from './certificate-pair.ts';

export interface Credentials {
  readonly authority: CertificatePair;
  readonly adminToken: string;
  /** Of the API server; made once and kept while it can be used. */
  readonly serverPair: (names: ServerNames) => Promise<CertificatePair>;
}

/** Reads the credentials of a data folder, making what is missing. Without a folder they are new each time. */
export async function loadCredentials(deps: {
  dataDir: string | undefined;
  clock: Clock;
  random: Random;
}): Promise<Credentials> {
  const { dataDir, clock, random } = deps;
  const files = dataDir === undefined ? undefined : new PairFiles(join(dataDir, 'pki'), clock);
  if (dataDir !== undefined) await mkdir(join(dataDir, 'pki'), { recursive: true, mode: 0o700 });
  const [authority, adminToken] = await Promise.all([
    loadAuthority(files, clock),
    loadToken(dataDir === undefined ? undefined : join(dataDir, 'pki', 'admin-token'), random),
  ]);
  return { authority, adminToken, serverPair: (names) => loadServerPair({ files, authority, clock, names }) };
}

/** A serving certificate of an authority of its own, kept in the folder: for a server whose callers need not know it. */
export async function loadServingPair(deps: {
  dataDir: string;
  clock: Clock;
  names: ServerNames;
}): Promise<CertificatePair> {
  const { dataDir, clock, names } = deps;
  await mkdir(join(dataDir, 'pki'), { recursive: true, mode: 0o700 });
  const files = new PairFiles(join(dataDir, 'pki'), clock);
  return loadServerPair({ files, authority: await loadAuthority(files, clock), clock, names });
}

async function loadAuthority(files: PairFiles | undefined, clock: Clock): Promise<CertificatePair> {
  const known = await files?.read('ca');
  if (known !== undefined) return known;
  const { createAuthority } = await import('./certificates.ts');
  const authority = await createAuthority(clock);
  await files?.write('ca', authority);
  return authority;
}

async function loadServerPair(parts: {
  files: PairFiles | undefined;
  authority: CertificatePair;
  clock: Clock;
  names: ServerNames;
}): Promise<CertificatePair> {
  const { files, authority, clock, names } = parts;
  const known = await files?.read('server');
  if (known !== undefined && isServerFor(known, authority, names)) return known;
  const { signCertificate } = await import('./certificates.ts');
  const pair = await signCertificate(authority, { subject: 'CN=kube-apiserver', usage: 'server', ...names }, clock);
  await files?.write('server', pair);
  return pair;
}

async function loadToken(file: string | undefined, random: Random): Promise<string> {
  const known = file === undefined ? undefined : (await readIfThere(file))?.trim();
  if (known !== undefined && known !== '') return known;
  const token = Buffer.from(random.bytes(32)).toString('base64url');
  if (file !== undefined) await writeWhole(file, `${token}\n`, 0o600);
  return token;
}

/** Pairs of a folder, as NAME.crt and NAME.key. */
class PairFiles {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Undefined when it is not there, or cannot be used. */
  async read(name: string): Promise<CertificatePair | undefined> {
    const [certificate, key] = await Promise.all([
      readIfThere(join(this.#folder, `${name}.crt`)),
      readIfThere(join(this.#folder, `${name}.key`)),
    ]);
    if (certificate === undefined || key === undefined) return undefined;
    const pair = { certificate, key };
    return isUsable(pair, this.#clock.nowMs()) ? pair : undefined;
  }

  async write(name: string, pair: CertificatePair): Promise<void> {
    await writeWhole(join(this.#folder, `${name}.key`), pair.key, 0o600);
    await writeWhole(join(this.#folder, `${name}.crt`), pair.certificate, 0o644);
  }
}

/** A process that is killed meanwhile leaves the old file or the new one. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
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
