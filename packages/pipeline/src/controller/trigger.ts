/** Makes a Pipeline for every ref that has none for its present commit; keeps the list of old ones short. */

import {
  Images,
  Jobs,
  keyOf,
  Pipelines,
  Repositories,
  towpathNamespace,
  type ImageRecord,
  type Key,
  type Pipeline,
  type Repository,
} from '@towpath/api';
import { zeroId } from '@towpath/git';
import type { Logger } from '@towpath/kit';
import { done, isAlreadyExists, type Client, type Result } from '@towpath/runtime';
import { labelName, pipelineLabel, readOnlyLabel, repositoryLabel } from '../names.ts';

export interface TriggerDeps {
  readonly client: Client;
  readonly log: Logger;
  /** Called with the pipelines that were deleted, whose folders can go. */
  readonly onPruned: (names: readonly string[]) => Promise<void>;
}

/** Tags that Flux moves at every sync: no pipeline. */
const ignoredTags = new Set(['flux-sync']);
/** More refs than this at once are an import: only the default branch runs. Source: GitLab "push_event_hooks_limit"-like rule of 4. */
const maxRefsAtOnce = 4;
const keptPipelines = 30;
const keptWithJobs = 10;

/** Level-based: compares the refs of the Repository with its newest Pipelines. */
export async function triggerPipelines(key: Key, deps: TriggerDeps): Promise<Result> {
  const { client } = deps;
  const repository = await client.get(Repositories, key);
  if (repository === undefined || repository.metadata.labels?.[readOnlyLabel] === 'true') return done();
  const labelSelector = `${repositoryLabel}=${key.name}`;
  const { items } = await client.list(Pipelines, { namespace: towpathNamespace, labelSelector });
  const pipelines = items.toSorted((left, right) => right.spec.iid - left.spec.iid);
  const moved = movedRefs(repository, pipelines);
  const bulk = moved.length > maxRefsAtOnce;
  let last = pipelines[0]?.spec.iid ?? 0;
  for (const ref of moved) {
    const isDefault = ref.name === `refs/heads/${repository.status?.defaultBranch ?? ''}`;
    last = await createPipeline({ repository, ref, last, deps, skip: bulk && !isDefault });
  }
  await prune(pipelines, deps);
  return done();
}

interface MovedRef {
  readonly name: string;
  readonly commit: string;
  readonly before: string;
}

/** Refs whose newest pipeline is not for their present commit; the default branch first. Pure. */
function movedRefs(repository: Repository, newestFirst: readonly Pipeline[]): MovedRef[] {
  const { branches = {}, tags = {}, defaultBranch } = repository.status ?? {};
  const refs = [
    ...Object.entries(branches)
      .toSorted(([left], [right]) => Number(right === defaultBranch) - Number(left === defaultBranch))
      .map(([name, commit]) => ({ name: `refs/heads/${name}`, commit })),
    ...Object.entries(tags)
      .filter(([name]) => !ignoredTags.has(name))
      .map(([name, commit]) => ({ name: `refs/tags/${name}`, commit })),
  ];
  return refs.flatMap(({ name, commit }) => {
    const newest = newestFirst.find((pipeline) => pipeline.spec.ref === name && pipeline.spec.source === 'push');
    if (newest?.spec.commit === commit) return [];
    return [{ name, commit, before: newest?.spec.commit ?? zeroId }];
  });
}

async function createPipeline(options: {
  repository: Repository;
  ref: MovedRef;
  last: number;
  deps: TriggerDeps;
  skip: boolean;
}): Promise<number> {
  const { repository, ref, deps, skip } = options;
  const iid = await nextIid(deps.client, options.last);
  const pipeline = newPipeline({
    repository,
    ref: ref.name,
    commit: ref.commit,
    before: ref.before,
    iid,
    source: 'push',
  });
  try {
    const created = await deps.client.create(Pipelines, pipeline);
    if (skip) {
      const message = `more than ${maxRefsAtOnce} branches and tags moved at once: only the default branch runs`;
      await deps.client.updateStatus(Pipelines, { ...created, status: { phase: 'Skipped', message } });
    }
    deps.log.info('pipeline created', { repository: repository.metadata.name, ref: ref.name, iid });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  return iid;
}

/** The next running number; `v0.0.IID` is above every such tag that exists. */
export async function nextIid(client: Client, last: number): Promise<number> {
  const { items } = await client.list(Images, { namespace: towpathNamespace });
  return Math.max(last, highestPatch(items)) + 1;
}

function highestPatch(images: readonly ImageRecord[]): number {
  const patches = images
    .flatMap((image) => image.status?.tags ?? [])
    .map((tag) => /^v0\.0\.(\d{1,9})$/.exec(tag.name)?.[1]);
  return patches.reduce((highest, patch) => Math.max(highest, Number(patch ?? 0)), 0);
}

/** A Pipeline object without status. */
export function newPipeline(options: {
  repository: Repository;
  ref: string;
  commit: string;
  before: string;
  iid: number;
  source: 'push' | 'web';
}): Pipeline {
  const { repository, ...spec } = options;
  const { name } = repository.metadata;
  return {
    apiVersion: 'towpath.dev/v1alpha1',
    kind: 'Pipeline',
    metadata: {
      name: labelName([name, String(spec.iid)], 40),
      namespace: towpathNamespace,
      labels: { [repositoryLabel]: name },
    },
    spec: { repository: name, ...spec },
  };
}

/** The tag images of a run get: the pushed tag, else `v0.0.IID`. */
export function imageTagOf(pipeline: Pipeline): string {
  const tag = /^refs\/tags\/(.+)$/.exec(pipeline.spec.ref)?.[1];
  return tag ?? `v0.0.${pipeline.spec.iid}`;
}

/** The newest of each ref stays, whatever its age: it says what has been run. */
async function prune(newestFirst: readonly Pipeline[], deps: TriggerDeps): Promise<void> {
  const { client } = deps;
  const seen = new Set<string>();
  const removed: string[] = [];
  let withJobs = 0;
  for (const [index, pipeline] of newestFirst.entries()) {
    const isNewestOfRef = !seen.has(pipeline.spec.ref);
    seen.add(pipeline.spec.ref);
    const phase = pipeline.status?.phase;
    if (phase === undefined || phase === 'Pending' || phase === 'Running') continue;
    if (phase !== 'Skipped') withJobs++;
    if (index >= keptPipelines && !isNewestOfRef) {
      await client.delete(Pipelines, keyOf(pipeline), { propagationPolicy: 'Background' });
      removed.push(pipeline.metadata.name);
    } else if (withJobs === keptWithJobs + 1) {
      await deleteJobs(client, pipeline.metadata.name);
    }
  }
  if (removed.length > 0) await deps.onPruned(removed);
}

async function deleteJobs(client: Client, pipeline: string): Promise<void> {
  const labelSelector = `${pipelineLabel}=${pipeline}`;
  const { items } = await client.list(Jobs, { namespace: towpathNamespace, labelSelector });
  for (const job of items) await client.delete(Jobs, keyOf(job), { propagationPolicy: 'Background' });
}
