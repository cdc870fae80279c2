/** Where `towpath docker` keeps images and credentials, and which registry it speaks to. */

import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf, isRecord, TowpathError } from '@towpath/kit';
import { LocalImages } from '@towpath/pipeline';
import {
  goArchitecture,
  RegistryClient,
  type Credentials,
  type ImageReference,
  type Platform,
} from '@towpath/registry';
import type { CliContext } from '../../context.ts';
import { defaultDataDir } from '../../create-context.ts';

export interface DockerPlaces {
  readonly images: LocalImages;
  /** Absolute folder of everything `towpath docker` keeps. */
  readonly folder: string;
  /** The embedded registry, when one runs. */
  readonly registryUrl: string | undefined;
  readonly platform: Platform;
  readonly credentials: (host: string) => Credentials | undefined;
}

/**
 * The data folder is `--data`, TOWPATH_DATA, or `.towpath` here; without any of them images are kept in the user's
 * cache folder, so that a build leaves nothing in the folder it is called in.
 */
export async function dockerPlaces(
  context: CliContext,
  flags: { readonly data?: string | undefined },
): Promise<DockerPlaces> {
  const { env, cwd, clock } = context;
  const here = resolve(cwd, defaultDataDir);
  const named = flags.data ?? env['TOWPATH_DATA'];
  const dataDir = named !== undefined ? resolve(cwd, named) : existsSync(here) ? here : userCache(context);
  const folder = join(dataDir, 'docker');
  const registryUrl = env['TOWPATH_REGISTRY'] ?? (await context.ready(dataDir))?.registry;
  const auths = await readAuths(folder);
  return {
    images: new LocalImages({ dir: join(folder, 'images'), clock }),
    folder,
    registryUrl,
    platform: { os: 'linux', architecture: goArchitecture(process.arch) },
    credentials: (host) => auths.get(host),
  };
}

function userCache({ env }: CliContext): string {
  const home = env['HOME'] ?? '/tmp';
  return join(env['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'towpath');
}

/** A client of the registry a name means. Throws `DOCKER_NO_REGISTRY`. */
export function clientFor(reference: ImageReference, places: DockerPlaces): RegistryClient {
  const { host } = reference;
  if (host === undefined) {
    if (places.registryUrl === undefined) throw noRegistry();
    return new RegistryClient({ url: places.registryUrl });
  }
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(host);
  return new RegistryClient({ url: `${isLocal ? 'http' : 'https'}://${host}`, credentials: places.credentials(host) });
}

function noRegistry(): Error {
  return new TowpathError('DOCKER_NO_REGISTRY', 'no running Towpath with a registry was found', {
    next: 'start one (towpath up), name its data folder with --data or TOWPATH_DATA, or set TOWPATH_REGISTRY to its address',
  });
}

const authFile = 'config.json';

/** The form of Docker's own config.json: `{"auths": {HOST: {"auth": base64}}}`. */
async function readAuths(folder: string): Promise<Map<string, Credentials>> {
  const auths = new Map<string, Credentials>();
  for (const [host, entry] of Object.entries(await readAuthFile(folder))) {
    const text = isRecord(entry) ? Buffer.from(String(entry['auth'] ?? ''), 'base64').toString('utf8') : '';
    const colon = text.indexOf(':');
    if (colon > 0) auths.set(host, { username: text.slice(0, colon), password: text.slice(colon + 1) });
  }
  return auths;
}

async function readAuthFile(folder: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, authFile), 'utf8'));
    return isRecord(value) && isRecord(value['auths']) ? value['auths'] : {};
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Keeps credentials of a host, or forgets them; the file is readable by its owner only. */
export async function writeCredentials(
  folder: string,
  host: string,
  credentials: Credentials | undefined,
): Promise<void> {
  const { [host]: _old, ...rest } = await readAuthFile(folder);
  const auth = credentials && Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const auths = auth === undefined ? rest : { ...rest, [host]: { auth } };
  const file = join(folder, authFile);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify({ auths }, undefined, 2), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
