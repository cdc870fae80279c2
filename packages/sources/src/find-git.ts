/** GitRepositories: a ref of a repository as an archive of its files. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { authOfSecret, openMirror, type Mirror, type SecretAuth } from '@towpath/git';
import { messageOf } from '@towpath/kit';
import { compareVersions, satisfies } from '@towpath/releases';
import { archiveFiles, readArchive } from './archive.ts';
import { refuse, secretOf, type Find, type Found, type SourceDeps } from './deps.ts';
import { SourceFailure } from './errors.ts';
import { withoutIgnored } from './ignore-rules.ts';
import { durationMs, GitRepositories, type Artifact, type GitRepository } from './kinds.ts';

const defaultTimeoutMs = 60_000;
/** Git's own when nothing is named. Source: fluxcd/pkg/git, DefaultBranch. */
const defaultBranch = 'master';

export const findGit: Find<GitRepository> = async (object, deps, signal) => {
  const { spec } = object;
  refuse(spec, ['verify', 'proxySecretRef', 'provider', 'serviceAccountName', 'recurseSubmodules']);
  const included = await includedArtifacts(object, deps);
  const mirror = await mirrorOf(object, deps);
  const { name, commit } = await checkout(object, mirror, signal);
  const revision = name === '' ? `sha1:${commit}` : `${name}@sha1:${commit}`;
  const message = await firstLine(mirror, commit);
  const { ignore, sparseCheckout, include } = spec;
  return {
    revision,
    fileName: `${commit}.tar.gz`,
    inputs: {
      observedIgnore: ignore,
      observedSparseCheckout: sparseCheckout,
      observedInclude: include,
      includedArtifacts: include === undefined ? undefined : included.map(({ artifact }) => artifact),
    },
    news: `new upstream revision '${revision}'`,
    stored: { reason: 'Succeeded', message: `stored artifact for revision '${revision}'` },
    event: () => ({ reason: 'NewArtifact', message: `stored artifact for commit '${message}'` }),
    unchanged: {
      reason: 'GitOperationSucceeded',
      message: `no changes since last reconciliation: observed revision '${revision}'`,
    },
    bytes: async () => {
      const files = withoutIgnored(await filesOf(mirror, commit, sparseCheckout), ignore);
      for (const one of included) await copyIncluded(files, one, deps);
      return archiveFiles(files);
    },
  } satisfies Found;
};

async function mirrorOf(object: GitRepository, deps: SourceDeps): Promise<Mirror> {
  const { spec } = object;
  const url = deps.hostUrl(spec.url);
  const key = createHash('sha256')
    .update(`${object.metadata.uid ?? ''} ${spec.url}`)
    .digest('hex')
    .slice(0, 24);
  try {
    return openMirror({
      git: deps.git,
      dir: join(deps.mirrorsDir, `${key}.git`),
      url,
      ...(await authOf(object, deps)),
      timeoutMs: durationMs(spec.timeout, defaultTimeoutMs),
    });
  } catch (error) {
    if (error instanceof SourceFailure) throw error;
    const message = `failed to parse url '${spec.url}': ${messageOf(error)}`;
    throw new SourceFailure('URLInvalid', message, { isStalled: true, cause: error });
  }
}

/** Keys as Flux documents them: see `authOfSecret`. */
async function authOf(object: GitRepository, { client }: SourceDeps): Promise<SecretAuth | undefined> {
  const { secretRef } = object.spec;
  if (secretRef === undefined) return undefined;
  const found = authOfSecret(await gitSecret(object, secretRef.name, client));
  if (found !== undefined) return found;
  throw new SourceFailure(
    'AuthenticationFailed',
    `failed to configure authentication options: secret '${object.metadata.namespace}/${secretRef.name}' has none of identity, username, bearerToken or ca.crt`,
  );
}

async function gitSecret(
  object: GitRepository,
  name: string,
  client: SourceDeps['client'],
): Promise<Record<string, string>> {
  try {
    return await secretOf(object, name, client);
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
    const message = `failed to get secret '${object.metadata.namespace}/${name}': ${error.message}`;
    throw new SourceFailure(error.reason, message, { cause: error });
  }
}

interface Checkout {
  /** `main`, `v1.0.0`, `refs/heads/main`; empty for a commit alone. */
  readonly name: string;
  readonly commit: string;
}

async function checkout({ spec }: GitRepository, mirror: Mirror, signal: AbortSignal): Promise<Checkout> {
  try {
    const refs = await mirror.fetch(signal);
    const { ref = {} } = spec;
    if (ref.name !== undefined) return named(ref.name, refs);
    if (ref.commit !== undefined) {
      const commit = await mirror.resolve(ref.commit);
      if (commit === undefined) throw new Error(`object not found: ${ref.commit}`);
      return { name: ref.branch ?? '', commit };
    }
    if (ref.semver !== undefined) return newestTag(ref.semver, refs.tags);
    if (ref.tag !== undefined) return known(ref.tag, refs.tags, `refs/tags/${ref.tag}`);
    const branch = ref.branch ?? defaultBranch;
    return known(branch, refs.branches, `refs/heads/${branch}`);
  } catch (error) {
    if (error instanceof SourceFailure) throw error;
    const message = `failed to checkout and determine revision: unable to clone '${spec.url}': ${messageOf(error)}`;
    throw new SourceFailure('GitOperationFailed', message, { cause: error });
  }
}

type Tips = Readonly<Record<string, string>>;

function known(name: string, tips: Tips, ref: string): Checkout {
  const commit = tips[name];
  if (commit === undefined) throw new Error(`couldn't find remote ref "${ref}"`);
  return { name, commit };
}

function named(ref: string, refs: { branches: Tips; tags: Tips }): Checkout {
  const [, kind = '', name = ''] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? [];
  if (kind === '') throw new Error(`spec.ref.name ${ref} is not supported: name a ref below refs/heads or refs/tags`);
  return { name: ref, commit: known(name, kind === 'heads' ? refs.branches : refs.tags, ref).commit };
}

function newestTag(range: string, tags: Tips): Checkout {
  const matching = Object.keys(tags).filter((tag) => satisfies(tag, range));
  const [newest] = matching.toSorted((left, right) => compareVersions(right, left));
  const commit = newest === undefined ? undefined : tags[newest];
  if (newest === undefined || commit === undefined) {
    const message = `failed to checkout and determine revision: no match found for semver: ${range}`;
    throw new SourceFailure('GitOperationFailed', message);
  }
  return { name: newest, commit };
}

async function firstLine(mirror: Mirror, commit: string): Promise<string> {
  const [found] = await mirror.log({ revision: commit, max: 1 });
  return found?.subject ?? commit;
}

async function filesOf(
  mirror: Mirror,
  commit: string,
  folders: readonly string[] | undefined,
): Promise<Map<string, Uint8Array>> {
  const prefixes = folders?.map((folder) => folder.replace(/^(\.?\/)+|\/+$/g, ''));
  const isWanted = (path: string): boolean =>
    prefixes === undefined || prefixes.some((prefix) => prefix === '' || path.startsWith(`${prefix}/`));
  return new Map(await mirror.readFiles(commit, '', isWanted));
}

interface Included {
  readonly artifact: Artifact;
  readonly from: string;
  readonly to: string;
}

async function includedArtifacts(object: GitRepository, { client }: SourceDeps): Promise<readonly Included[]> {
  const found: Included[] = [];
  for (const { repository, fromPath = '', toPath } of object.spec.include ?? []) {
    const key = { namespace: object.metadata.namespace ?? '', name: repository.name };
    const source = await client.get(GitRepositories, key);
    if (source === undefined) {
      const absent = `GitRepository.source.toolkit.fluxcd.io "${repository.name}" not found`;
      throw new SourceFailure('NotFound', `could not get resource for include '${repository.name}': ${absent}`, {
        condition: 'IncludeUnavailable',
        isWaiting: true,
      });
    }
    const { artifact } = source.status ?? {};
    if (artifact === undefined) {
      throw new SourceFailure('NoArtifact', `no artifact available for include '${repository.name}'`, {
        condition: 'IncludeUnavailable',
        isWaiting: true,
      });
    }
    found.push({ artifact, from: folderOf(fromPath), to: folderOf(toPath ?? repository.name) });
  }
  return found;
}

function folderOf(path: string): string {
  const clean = path.replace(/^(\.?\/)+|\/+$/g, '');
  return clean === '' ? '' : `${clean}/`;
}

async function copyIncluded(files: Map<string, Uint8Array>, one: Included, { storage }: SourceDeps): Promise<void> {
  for (const [path, bytes] of await readArchive(await storage.read(one.artifact))) {
    if (path.startsWith(one.from)) files.set(`${one.to}${path.slice(one.from.length)}`, bytes);
  }
}
