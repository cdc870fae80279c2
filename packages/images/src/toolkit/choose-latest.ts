/** ImagePolicies: the tag that is the newest, and its digest where it is asked for. */

import { Namespaces, type Key } from '@towpath/api';
import { goDurationText, jsonEqual, messageOf } from '@towpath/kit';
import type { ToolkitDeps } from '@towpath/runtime';
import { chooseTag } from './choose-tag.ts';
import { ImageFailure } from './errors.ts';
import { parseImageName, type ImageName } from './image-name.ts';
import {
  durationMs,
  imageRefText,
  ImageRepositories,
  type ImagePolicy,
  type ImagePolicyStatus,
  type ImageRef,
  type ImageRepository,
} from './kinds.ts';
import { openRegistry, type RegistryDeps } from './registry-access.ts';
import type { StatusWriter } from './status.ts';
import type { TagStore } from './tags.ts';

export interface PolicyDeps extends ToolkitDeps, RegistryDeps {
  readonly tags: TagStore;
  readonly noCrossNamespaceRefs: boolean;
  readonly requeueDependencyMs: number;
}

/** How long a policy waits for the first scan; Flux looks four times in that time. */
const firstScanMs = 4_750;
const defaultDigestMs = 10 * 60_000;

/** Returns when the digest is looked at again; undefined where the next scan decides. Throws `ImageFailure`. */
export async function chooseLatest(
  object: ImagePolicy,
  status: StatusWriter<ImagePolicyStatus, ImagePolicy>,
  deps: PolicyDeps,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { spec } = object;
  const isAlways = spec.digestReflectionPolicy === 'Always';
  if (isAlways && spec.interval === undefined) {
    const message = "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'";
    throw new ImageFailure('IntervalNotConfigured', message, { isStalled: true });
  }
  await status.begin(false);
  const repository = await repositoryOf(object, deps);
  const parsed = parseImageName(repository.spec.image, repository.spec.insecure === true);
  if (!parsed.ok) throw new ImageFailure('ImageURLInvalid', parsed.because, { isStalled: true });
  const tag = await chosenTag(object, repository, deps, signal);
  const latest = await withDigest({ name: repository.spec.image, tag }, status.status.latestRef, {
    object,
    digestOf: () => digestOf(repository, parsed.name, tag, deps),
  });
  if (!jsonEqual(latest, status.status.latestRef)) {
    const before = status.status.latestRef;
    if (before === undefined) delete status.status.observedPreviousRef;
    else status.status.observedPreviousRef = before;
    status.status.latestRef = latest;
  }
  const message = readyMessage(latest, status.status.observedPreviousRef);
  await status.succeeded(message, { quiet: message });
  return isAlways ? durationMs(spec.interval, defaultDigestMs) || defaultDigestMs : undefined;
}

/** The key of the ImageRepository that a policy names. */
export function repositoryKeyOf({ metadata, spec }: ImagePolicy): Required<Key> {
  const { name, namespace } = spec.imageRepositoryRef;
  return { namespace: namespace === undefined || namespace === '' ? (metadata.namespace ?? '') : namespace, name };
}

async function repositoryOf(object: ImagePolicy, deps: PolicyDeps): Promise<ImageRepository> {
  const key = repositoryKeyOf(object);
  const fail = (reason: string, because: string): ImageFailure =>
    new ImageFailure(reason, `failed to get the referred ImageRepository: ${because}`);
  const name = `${key.namespace}/${key.name}`;
  const isForeign = key.namespace !== object.metadata.namespace;
  if (isForeign && deps.noCrossNamespaceRefs) {
    throw fail('AccessDenied', `cannot access 'ImageRepository/${name}', cross-namespace references have been blocked`);
  }
  const repository = await deps.client.get(ImageRepositories, key);
  if (repository === undefined) {
    const absent = `ImageRepository.image.toolkit.fluxcd.io "${key.name}" not found`;
    throw fail('DependencyNotReady', `referenced ImageRepository does not exist: ${absent}`);
  }
  const denied = isForeign ? await deniedBecause(object, name, repository, deps) : undefined;
  if (denied !== undefined) throw fail('AccessDenied', `access denied: ${denied}`);
  return repository;
}

/** Source: fluxcd/pkg, runtime/acl, HasAccessToRef. */
async function deniedBecause(
  { metadata }: ImagePolicy,
  name: string,
  { spec }: ImageRepository,
  { client }: PolicyDeps,
): Promise<string | undefined> {
  if (spec.accessFrom === undefined) return `'${name}' can't be accessed due to missing ACL labels on 'accessFrom'`;
  const namespace = await client.get(Namespaces, { name: metadata.namespace ?? '' });
  const labels = namespace?.metadata.labels ?? {};
  const isAllowed = spec.accessFrom.namespaceSelectors.some(({ matchLabels = {} }) =>
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value),
  );
  if (isAllowed) return undefined;
  return `'${name}' can't be accessed due to ACL labels mismatch on namespace '${metadata.namespace ?? ''}'`;
}

async function chosenTag(
  { spec }: ImagePolicy,
  repository: ImageRepository,
  deps: PolicyDeps,
  signal: AbortSignal,
): Promise<string> {
  const { namespace = '', name } = repository.metadata;
  // A policy that is wrong does not wait for tags.
  const early = chooseTag(spec, []);
  const tags = early.type === 'invalid' ? [] : await deps.tags.wait({ namespace, name }, firstScanMs, signal);
  signal.throwIfAborted();
  if (early.type !== 'invalid' && tags.length === 0) {
    const { requeueDependencyMs: afterMs } = deps;
    const message = `retrying in ${goDurationText(Math.round(afterMs / 1000) * 1000)} error: no tags in database`;
    throw new ImageFailure('DependencyNotReady', message, { afterMs });
  }
  const chosen = chooseTag(spec, tags);
  switch (chosen.type) {
    case 'tag':
      return chosen.tag;
    case 'invalid':
      throw new ImageFailure('InvalidPolicy', chosen.because, { isStalled: true });
    case 'failed':
      throw new ImageFailure('Failure', chosen.because);
  }
}

async function withDigest(
  wanted: ImageRef,
  before: ImageRef | undefined,
  { object, digestOf: look }: { object: ImagePolicy; digestOf: () => Promise<string> },
): Promise<ImageRef> {
  const policy = object.spec.digestReflectionPolicy ?? 'Never';
  if (policy === 'Never') return wanted;
  const isKnown = before?.name === wanted.name && before.tag === wanted.tag && before.digest !== undefined;
  if (policy === 'IfNotPresent' && isKnown) return before;
  try {
    return { ...wanted, digest: await look() };
  } catch (error) {
    const message = `failed fetching digest of ${imageRefText(wanted)}: ${messageOf(error)}`;
    throw new ImageFailure('Failed', message, { cause: error });
  }
}

async function digestOf(repository: ImageRepository, name: ImageName, tag: string, deps: PolicyDeps): Promise<string> {
  const registry = await openRegistry(repository, name, deps);
  const reference = `${repository.spec.image}:${tag}`;
  try {
    const digest = await registry.resolve(name.repository, tag);
    if (digest !== undefined) return digest;
    const asked = new URL(`/v2/${name.repository}/manifests/${tag}`, registry.url).href;
    throw new Error(
      `HEAD ${asked}: unexpected status code 404 Not Found (HEAD responses have no body, use GET for details)`,
    );
  } catch (error) {
    throw new Error(`failed fetching descriptor for "${reference}": ${messageOf(error)}`, { cause: error });
  }
}

function readyMessage(latest: ImageRef, previous: ImageRef | undefined): string {
  const digest = latest.digest === undefined ? '' : ` with digest ${latest.digest}`;
  const before = previous === undefined || jsonEqual(previous, latest) ? '' : ` (previously ${imageRefText(previous)})`;
  return `Latest image tag for ${latest.name} resolved to ${latest.tag}${digest}${before}`;
}
