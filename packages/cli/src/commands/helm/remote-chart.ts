/** Charts from elsewhere: added repositories, `--repo`, URLs and registries. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { getIn, messageOf } from '@towpath/kit';
import {
  fetchIndex,
  httpGet,
  isOci,
  pullFromRegistry,
  pullFromRepository,
  releaseError,
  type HttpOptions,
} from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import type { ChartFlags } from './flags.ts';
import { chartNotFound, type LocatedChart } from './locate-chart.ts';
import { flagError } from './pflag.ts';
import { cachedIndex, httpOptionsOf, readRepositories, updateIndex } from './repositories.ts';

/** Downloads the chart. Throws `CHART_NOT_FOUND`, `REPOSITORY_UNREACHABLE`, `REPOSITORY_INVALID`. */
export async function remoteChart(context: CliContext, name: string, flags: ChartFlags): Promise<LocatedChart> {
  const version =
    (flags.version ?? '').trim() === '' && flags.devel === true ? '>0.0.0-0' : (flags.version ?? '').trim();
  if (isOci(name)) return fromRegistry(context, name, version, flags);
  const http = await httpOf(context, flags);
  if (flags.repo !== undefined) {
    const repository = { url: flags.repo, http };
    const index = await fetchIndex(httpGet, repository).catch((error: unknown) => {
      const what = `looks like ${JSON.stringify(flags.repo)} is not a valid chart repository or cannot be reached`;
      throw releaseError('REPOSITORY_UNREACHABLE', `${what}: ${messageOf(error)}`, { cause: error });
    });
    const { entry, data } = await pullFromRepository(httpGet, repository, { index, name, version });
    return { source: data, filename: `${entry.name}-${entry.version}.tgz` };
  }
  if (/^https?:\/\//.test(name)) {
    return { source: await httpGet(name, http), filename: new URL(name).pathname.split('/').at(-1) };
  }
  return fromAddedRepository(context, name, version);
}

async function fromRegistry(
  context: CliContext,
  address: string,
  version: string,
  flags: ChartFlags,
): Promise<LocatedChart> {
  const refused = [
    flags.caFile !== undefined && '--ca-file',
    flags.certFile !== undefined && '--cert-file',
    flags.keyFile !== undefined && '--key-file',
    flags.insecureSkipTlsVerify === true && '--insecure-skip-tls-verify',
  ].find((name) => name !== false);
  if (refused !== undefined) {
    throw flagError(`${refused} is not supported for oci:// addresses: set NODE_EXTRA_CA_CERTS, or use --plain-http`);
  }
  const credentials =
    flags.username === undefined
      ? await storedCredentials(context, new URL(address.replace(/^oci:/, 'http:')).host)
      : { username: flags.username, password: flags.password ?? '' };
  const pulled = await pullFromRegistry(address, version, { credentials, plainHttp: flags.plainHttp === true });
  const name = address.split('/').at(-1) ?? 'chart';
  return { source: pulled.data, filename: `${name}-${pulled.version}.tgz`, digest: pulled.digest };
}

/** What `helm registry login` stored for a host; credential helpers are not asked. */
async function storedCredentials(
  context: CliContext,
  host: string,
): Promise<{ username: string; password: string } | undefined> {
  const text = await readFile(helmEnvironment(context).registryConfig, 'utf8').catch(() => '{}');
  const auth = getIn(JSON.parse(text), ['auths', host, 'auth']);
  if (typeof auth !== 'string') return undefined;
  const [username = '', ...rest] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return { username, password: rest.join(':') };
}

async function fromAddedRepository(context: CliContext, name: string, version: string): Promise<LocatedChart> {
  const environment = helmEnvironment(context);
  const slash = name.indexOf('/');
  if (slash < 1) {
    throw chartNotFound(`non-absolute URLs should be in form of repo_name/path_to_chart, got: ${name}`);
  }
  const [repository, chart] = [name.slice(0, slash), name.slice(slash + 1)];
  const entry = (await readRepositories(environment)).find((candidate) => candidate.name === repository);
  if (entry === undefined) {
    throw releaseError('CHART_NOT_FOUND', `repo ${repository} not found`, {
      next: `add it with: towpath helm repo add ${repository} URL`,
    });
  }
  const index = (await cachedIndex(environment, repository)) ?? (await updateIndex(environment, entry));
  const target = { url: entry.url, http: await httpOptionsOf(entry) };
  const { entry: found, data } = await pullFromRepository(httpGet, target, { index, name: chart, version });
  return { source: data, filename: `${found.name}-${found.version}.tgz` };
}

/** The flags of a download as options of its requests. */
export async function httpOf(context: CliContext, flags: ChartFlags): Promise<HttpOptions> {
  const file = (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? Promise.resolve(undefined) : readFile(resolve(context.cwd, path), 'utf8');
  return {
    username: flags.username,
    password: flags.password,
    passCredentials: flags.passCredentials === true,
    ca: await file(flags.caFile),
    cert: await file(flags.certFile),
    key: await file(flags.keyFile),
    insecure: flags.insecureSkipTlsVerify === true,
    signal: context.signal,
  };
}
