/** Where an ImageUpdateAutomation reads and writes: the repository, what is checked out, and the branch that is pushed. */

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { keyText, Secrets, type Key } from '@towpath/api';
import { goLibrary } from '@towpath/charts';
import {
  authOfSecret,
  openMirror,
  type Git,
  type Mirror,
  type PreparedSigner,
  type Refs,
  type SecretAuth,
} from '@towpath/git';
import { messageOf } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { ImageFailure, notSupported } from './errors.ts';
import {
  durationMs,
  GitRepositories,
  type GitRef,
  type GitRepository,
  type GitSpec,
  type ImageUpdateAutomation,
} from './kinds.ts';
import { openSigner } from './signing-key.ts';

export interface GitPlaceDeps {
  readonly client: Client;
  readonly git: Git;
  /** A folder for mirrors of Git repositories. */
  readonly mirrorsDir: string;
  /** An in-cluster URL as this process can open it. */
  readonly hostUrl: (url: string) => string;
  readonly noCrossNamespaceRefs: boolean;
}

export interface GitPlace {
  readonly mirror: Mirror;
  /** As the object says it. */
  readonly url: string;
  readonly checkoutRef: GitRef;
  readonly pushBranch: string;
  /** Whether commits go to another branch than the one that is checked out. */
  readonly switchesBranch: boolean;
  /** What commits are signed with; its files are the caller's to end. */
  readonly signer: PreparedSigner | undefined;
}

/** What was checked out. */
export interface Checkout {
  /** `main@sha1:…` */
  readonly revision: string;
  /** The commit that a new one follows: of the push branch where it exists. */
  readonly parent: string;
  /** Where the push branch is; null where it does not exist. */
  readonly tip: string | null;
}

const defaultTimeoutMs = 60_000;
/** Git's own when nothing is named. Source: fluxcd/pkg/git, DefaultBranch. */
const defaultBranch = 'master';

/** Throws `ImageFailure` with the reason AccessDenied, InvalidSourceConfiguration, NotSupported or SourceManagerFailed. */
export async function openPlace(
  object: ImageUpdateAutomation,
  deps: GitPlaceDeps,
): Promise<{ place: GitPlace; git: GitSpec }> {
  const { sourceRef, git } = object.spec;
  const invalid = (because: string): ImageFailure =>
    new ImageFailure('InvalidSourceConfiguration', `${because}: invalid source configuration`, { isStalled: true });
  if (sourceRef.kind !== 'GitRepository') throw invalid(`source kind '${sourceRef.kind}' not supported`);
  if (git === undefined) throw invalid("source kind 'GitRepository' necessitates field .spec.git");
  const own = object.metadata.namespace ?? '';
  const { namespace = '', name } = sourceRef;
  const key = { namespace: namespace === '' ? own : namespace, name };
  if (deps.noCrossNamespaceRefs && key.namespace !== own) {
    const because = `can't access 'GitRepository/${keyText(key)}', cross-namespace references have been blocked`;
    throw new ImageFailure('AccessDenied', because, { isStalled: true });
  }
  try {
    return { place: await placeOf(object, git, key, deps), git };
  } catch (error) {
    if (error instanceof ImageFailure) throw error;
    const message = `failed configuring source manager: ${messageOf(error)}`;
    throw new ImageFailure('SourceManagerFailed', message, { cause: error });
  }
}

async function placeOf(
  object: ImageUpdateAutomation,
  git: GitSpec,
  key: Required<Key>,
  deps: GitPlaceDeps,
): Promise<GitPlace> {
  const repository = await deps.client.get(GitRepositories, key);
  if (repository === undefined) {
    const absent = `GitRepository.source.toolkit.fluxcd.io "${key.name}" not found`;
    throw new Error(`referenced git repository does not exist: ${absent}`);
  }
  const { spec } = repository;
  const checkoutRef = git.checkout?.ref ?? spec.ref;
  const wanted = git.push?.branch ?? '';
  if (wanted === '' && (checkoutRef?.branch ?? '') === '') {
    const where = '.spec.git.checkout.ref or GitRepository .spec.ref';
    throw new Error(`push spec not provided, and cannot be inferred from ${where}`);
  }
  const refused = [
    ...(spec.proxySecretRef === undefined ? [] : ['spec.proxySecretRef of the GitRepository']),
    ...(spec.provider === undefined || spec.provider === 'generic'
      ? []
      : [`spec.provider ${spec.provider} of the GitRepository`]),
  ];
  if (refused.length > 0) throw notSupported(refused.join(', '));
  const { branch = '' } = checkoutRef ?? {};
  const checkedOut = checkoutRef === undefined ? defaultBranch : branch;
  return {
    mirror: await mirrorOf(object, repository, deps),
    url: spec.url,
    checkoutRef: checkoutRef ?? {},
    pushBranch: wanted === '' ? branch : wanted,
    switchesBranch: wanted !== '' && wanted !== checkedOut,
    signer: await openSigner(git, object.metadata.namespace ?? '', deps.client),
  };
}

async function mirrorOf(object: ImageUpdateAutomation, repository: GitRepository, deps: GitPlaceDeps): Promise<Mirror> {
  const { spec } = repository;
  return openMirror({
    git: deps.git,
    dir: mirrorDir(object, deps),
    url: deps.hostUrl(spec.url),
    ...(await authOf(repository, deps.client)),
    timeoutMs: durationMs(spec.timeout, defaultTimeoutMs),
  });
}

/** One mirror an automation: a fetch and a push of the same folder must not meet. */
function mirrorDir({ metadata }: ImageUpdateAutomation, { mirrorsDir }: GitPlaceDeps): string {
  return join(mirrorsDir, `${nameOfMirror({ namespace: metadata.namespace ?? '', name: metadata.name })}.git`);
}

function nameOfMirror(key: Key): string {
  return createHash('sha256').update(keyText(key)).digest('hex').slice(0, 24);
}

/** Removes the mirror of an automation that is gone. */
export async function forgetPlace(key: Key, mirrorsDir: string): Promise<void> {
  await rm(join(mirrorsDir, `${nameOfMirror(key)}.git`), { recursive: true, force: true });
}

async function authOf({ metadata, spec }: GitRepository, client: Client): Promise<SecretAuth | undefined> {
  if (spec.secretRef === undefined) return undefined;
  const { namespace = '' } = metadata;
  const { name } = spec.secretRef;
  const secret = await client.get(Secrets, { namespace, name });
  if (secret === undefined) {
    throw new Error(`failed to get auth secret '${namespace}/${name}': secrets "${name}" not found`);
  }
  const data = Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
  if (data['githubAppID'] !== undefined) throw notSupported(`githubAppID of the secret ${namespace}/${name}`);
  const found = authOfSecret(data);
  if (found !== undefined) return found;
  throw new Error(
    `failed to configure authentication options: secret '${namespace}/${name}' has none of identity, username, bearerToken or ca.crt`,
  );
}

/** Fetches, and says what is checked out. Throws `ImageFailure`. */
export async function checkOut(place: GitPlace, signal: AbortSignal): Promise<Checkout> {
  try {
    const refs = await place.mirror.fetch(signal);
    const { ref, commit } = await find(place, refs);
    const tip = refs.branches[place.pushBranch] ?? null;
    return {
      revision: ref === '' ? `sha1:${commit}` : `${ref}@sha1:${commit}`,
      parent: place.switchesBranch ? (tip ?? commit) : commit,
      tip,
    };
  } catch (error) {
    signal.throwIfAborted();
    const message = `failed to checkout source: ${messageOf(error)}`;
    throw new ImageFailure('GitOperationFailed', message, { cause: error });
  }
}

async function find({ mirror, checkoutRef, url }: GitPlace, refs: Refs): Promise<{ ref: string; commit: string }> {
  const { commit, name, tag, semver, branch } = checkoutRef;
  if (commit !== undefined && commit !== '') {
    const found = await mirror.resolve(commit);
    if (found === undefined) throw new Error(`unable to resolve commit object for '${commit}': object not found`);
    return { ref: branch ?? '', commit: found };
  }
  if (name !== undefined && name !== '') {
    const [, kind, short = ''] = /^refs\/(heads|tags)\/(.+)$/.exec(name) ?? [];
    const found = kind === 'tags' ? refs.tags[short] : kind === 'heads' ? refs.branches[short] : undefined;
    if (found === undefined) throw new Error(`unable to resolve ref '${name}' to a specific commit`);
    return { ref: short, commit: found };
  }
  if (tag !== undefined && tag !== '') return known(`refs/tags/${tag}`, { ref: tag, commit: refs.tags[tag] }, url);
  if (semver !== undefined && semver !== '') return newest(semver, refs.tags);
  const wanted = branch === undefined || branch === '' ? defaultBranch : branch;
  return known(`refs/heads/${wanted}`, { ref: wanted, commit: refs.branches[wanted] }, url);
}

function known(
  ref: string,
  found: { ref: string; commit: string | undefined },
  url: string,
): { ref: string; commit: string } {
  const { commit } = found;
  if (commit !== undefined) return { ref: found.ref, commit };
  throw new Error(`unable to clone '${url}': couldn't find remote ref "${ref}"`);
}

function newest(range: string, tags: Readonly<Record<string, string>>): { ref: string; commit: string } {
  const versions = Object.entries(tags).flatMap(([tag, commit]) => {
    try {
      const version = goLibrary.parseVersion(tag);
      return goLibrary.satisfies(range, tag) ? [{ tag, commit, version }] : [];
    } catch {
      return [];
    }
  });
  const [best] = versions.toSorted((left, right) => goLibrary.compareVersions(right.version, left.version));
  if (best === undefined) throw new Error(`no match found for semver: ${range}`);
  return { ref: best.tag, commit: best.commit };
}
