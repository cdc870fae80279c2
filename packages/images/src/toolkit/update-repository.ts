/** ImageUpdateAutomations: what the policies chose is written behind markers, committed and pushed. */

import { posix } from 'node:path';
import { matchesSelector, type LabelSelector } from '@towpath/api';
import { codeOf, jsonEqual, messageOf, toTimestamp, type Logger } from '@towpath/kit';
import type { ToolkitDeps } from '@towpath/runtime';
import { ImageFailure } from './errors.ts';
import { checkOut, openPlace, type Checkout, type GitPlace, type GitPlaceDeps } from './git-place.ts';
import {
  durationMs,
  ImagePolicies,
  type GitSpec,
  type ImageRef,
  type ImageUpdateAutomation,
  type ImageUpdateAutomationStatus,
} from './kinds.ts';
import { commitMessage } from './message.ts';
import { isYamlFile, setImages, type ChosenImage, type SetResult } from './setters.ts';
import type { StatusWriter } from './status.ts';

export interface UpdateDeps extends ToolkitDeps, GitPlaceDeps {
  readonly log: Logger;
}

const readyMessage = 'repository up-to-date';
const defaultIntervalMs = 60_000;
/** How often a commit is made anew when somebody else pushed first. */
const attemptsMax = 3;

type Status = StatusWriter<ImageUpdateAutomationStatus, ImageUpdateAutomation>;

/** Returns the time to the next look. Throws `ImageFailure`. */
export async function updateRepository(
  object: ImageUpdateAutomation,
  status: Status,
  deps: UpdateDeps,
  signal: AbortSignal,
): Promise<number> {
  status.status.lastAutomationRunTime = toTimestamp(deps.clock.nowMs());
  await status.begin(true);
  const images = await chosenImages(object, deps);
  const { place, git } = await openPlace(object, deps);
  try {
    await updateAt(object, status, { place, git, images }, deps, signal);
  } finally {
    await place.signer?.dispose();
  }
  return durationMs(object.spec.interval, defaultIntervalMs);
}

async function updateAt(
  object: ImageUpdateAutomation,
  status: Status,
  { place, git, images }: Omit<Work, 'checkout'>,
  deps: UpdateDeps,
  signal: AbortSignal,
): Promise<void> {
  const observed = Object.fromEntries(images.map(({ name, ref }) => [name, ref]));
  const arePoliciesSame = jsonEqual(observed, status.status.observedPolicies ?? {});
  // Where the pushed branch is another one, somebody may have changed that.
  const mustLook = !arePoliciesSame || place.switchesBranch || (git.push?.refspec ?? '') !== '';
  const checkout = await checkOut(place, signal);
  if (!mustLook && checkout.revision === status.status.observedSourceRevision) {
    await status.succeeded(readyMessage, { quiet: 'no change since last reconciliation' });
    return;
  }
  const pushed = await setAndPush(object, { git, place, checkout, images }, deps, signal);
  status.status.observedPolicies = observed;
  status.status.observedSourceRevision = pushed?.observedRevision ?? checkout.revision;
  if (pushed !== undefined) {
    status.status.lastPushCommit = pushed.commit;
    status.status.lastPushTime = toTimestamp(deps.clock.nowMs());
  }
  const told = pushed === undefined ? {} : { told: pushed.summary };
  await status.succeeded(readyMessage, { quiet: readyMessage, ...told });
}

/** What the policies of the namespace chose, by name; those that chose nothing yet are left out. */
async function chosenImages(
  { metadata, spec }: ImageUpdateAutomation,
  { client }: UpdateDeps,
): Promise<readonly ChosenImage[]> {
  checkSelector(spec.policySelector);
  const { namespace = '' } = metadata;
  const { items } = await client.list(ImagePolicies, { namespace });
  return items
    .filter(
      (policy) => spec.policySelector === undefined || matchesSelector(spec.policySelector, policy.metadata.labels),
    )
    .flatMap((policy) => {
      const ref = policy.status?.latestRef;
      return ref === undefined ? [] : [{ namespace, name: policy.metadata.name, ref: plainRef(ref) }];
    })
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

function plainRef({ name, tag, digest }: ImageRef): ImageRef {
  return { name, tag, ...(digest !== undefined && digest !== '' && { digest }) };
}

/** Source: apimachinery, labels.NewRequirement. */
function checkSelector(selector: LabelSelector | undefined): void {
  const fail = (because: string): never => {
    throw new ImageFailure('InvalidPolicySelector', `failed to parse policy selector: ${because}`, { isStalled: true });
  };
  for (const { key: _key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (!needsValues && operator !== 'Exists' && operator !== 'DoesNotExist') {
      fail(`"${String(operator)}" is not a valid label selector operator`);
    }
    if (needsValues && values.length === 0) {
      fail(`values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty`);
    }
    if (!needsValues && values.length > 0) {
      fail(`values: Invalid value: ${JSON.stringify(values)}: values set must be empty for exists and does not exist`);
    }
  }
}

interface Work {
  readonly git: GitSpec;
  readonly place: GitPlace;
  readonly checkout: Checkout;
  readonly images: readonly ChosenImage[];
}

interface Pushed {
  readonly commit: string;
  readonly observedRevision: string;
  /** For the event. */
  readonly summary: string;
}

/** Undefined when there is nothing to change. When somebody pushed first, it is looked at again. */
async function setAndPush(
  object: ImageUpdateAutomation,
  work: Work,
  deps: UpdateDeps,
  signal: AbortSignal,
): Promise<Pushed | undefined> {
  for (let attempt = 1; ; attempt++) {
    const checkout = attempt === 1 ? work.checkout : await checkOut(work.place, signal);
    const result = await setIn(object, work.place, { ...work, checkout }, deps);
    if (result.changes.length === 0) return undefined;
    try {
      return await push(object, { ...work, checkout }, result, deps, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) === 'GIT_PUSH_REJECTED' && attempt < attemptsMax) continue;
      if (error instanceof ImageFailure) throw error;
      const message = `failed to update source: failed to push to remote: ${messageOf(error)}`;
      throw new ImageFailure('GitOperationFailed', message, { cause: error });
    }
  }
}

async function setIn(
  { spec }: ImageUpdateAutomation,
  { mirror }: GitPlace,
  { checkout, images }: Work,
  { log }: UpdateDeps,
): Promise<SetResult & { readonly folder: string }> {
  const { strategy = 'Setters', path = '' } = spec.update ?? {};
  if (strategy !== 'Setters') {
    throw new ImageFailure('InvalidUpdateStrategy', `unsupported update strategy: ${strategy}`, { isStalled: true });
  }
  const wanted = posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');
  try {
    const entry = wanted === '' ? 'folder' : await kindAt(mirror, checkout.parent, wanted);
    if (entry === undefined) throw new Error(`walking path for files: ${wanted}: no such file or directory`);
    const folder = entry === 'folder' ? wanted : posix.dirname(wanted).replace(/^\.$/, '');
    const isWanted = (file: string): boolean =>
      isYamlFile(file) && (entry === 'folder' || posix.join(folder, file) === wanted);
    const result = setImages(await mirror.readFiles(checkout.parent, folder, isWanted), images);
    for (const { file, because } of result.problems) log.warn('file with markers left as it is', { file, because });
    return { ...result, folder };
  } catch (error) {
    throw new ImageFailure('UpdateFailed', `failed to apply policies: ${messageOf(error)}`, { cause: error });
  }
}

async function kindAt(
  mirror: GitPlace['mirror'],
  revision: string,
  path: string,
): Promise<'folder' | 'file' | undefined> {
  const entries = await mirror.readTree(revision, path);
  if (entries.some((entry) => entry.path === path)) return 'file';
  return entries.some((entry) => entry.path.startsWith(`${path}/`)) ? 'folder' : undefined;
}

async function push(
  { metadata }: ImageUpdateAutomation,
  { git, place, checkout }: Work,
  { changes, files, folder }: SetResult & { readonly folder: string },
  { clock }: UpdateDeps,
  signal: AbortSignal,
): Promise<Pushed> {
  const message = commitMessage({
    template: git.commit.messageTemplate,
    automation: { namespace: metadata.namespace ?? '', name: metadata.name },
    changes,
    values: git.commit.messageTemplateValues,
    monotonicMs: () => clock.monotonicMs(),
  });
  const { name = '', email } = git.commit.author;
  // Git refuses an empty name.
  const author = { name: name === '' ? email : name, email, atMs: clock.nowMs() };
  const { options, refspec = '' } = git.push ?? {};
  const entries = await place.mirror.readTree(checkout.parent, folder);
  const programs = new Set(entries.filter(({ type }) => type === 'executable').map(({ path }) => path));
  const edits = new Map(
    [...files].map(([file, content]) => {
      const path = posix.join(folder, file);
      return [path, { content, executable: programs.has(path) }] as const;
    }),
  );
  const commit = await place.mirror.commitAndPush({
    branch: place.pushBranch,
    parent: checkout.parent,
    tip: checkout.tip,
    edits,
    author,
    message,
    signer: place.signer,
    ...(options !== undefined && { options }),
    ...(refspec !== '' && { refspec }),
    signal,
  });
  const also = refspec === '' ? '' : ` and refspecs '${refspec}'`;
  return {
    commit,
    observedRevision: place.switchesBranch ? checkout.revision : `${place.pushBranch}@sha1:${commit}`,
    summary: `pushed commit '${commit.slice(0, 7)}' to branch '${place.pushBranch}'${also}\n${message}`,
  };
}
