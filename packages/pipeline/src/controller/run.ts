/** Moves every unfinished pipeline one step on: plans it, starts its next jobs, writes its status. */

import { join } from 'node:path';
import {
  Jobs,
  keyOf,
  Pipelines,
  Pods,
  Repositories,
  towpathNamespace,
  type AnyObject,
  type Pipeline,
  type PipelinePhase,
  type Pod,
} from '@towpath/api';
import type { Repo } from '@towpath/git';
import { codeOf, jsonEqual, messageOf, toTimestamp, TowpathError, type Clock, type Logger } from '@towpath/kit';
import {
  done,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Client,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import type { PlannedJob } from '../config/plan.ts';
import { labelName, pipelineLabel } from '../names.ts';
import { decidePipeline, isFinished } from './decide.ts';
import { jobObject, shellImage } from './job-object.ts';
import { cacheKey, loadPlan, refOf, repositoryPath, type Loaded, type LoadedPlan } from './load.ts';
import { isJobFinished, observe, type Observed, type ObservedJob } from './observe.ts';
import { jobScript } from './script.ts';
import { imageTagOf } from './trigger.ts';

export interface RunDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: Recorder;
  /** The bare repository of a Repository object; undefined when it is not here. */
  readonly openRepository: (path: string) => Repo | undefined;
  readonly hostUrl: (url: string) => string;
  /** Absolute; holds caches, artifacts and the shims. */
  readonly folder: string;
  readonly shimDir: string;
  /** Added to every job's variables. */
  readonly environment: Readonly<Record<string, string>>;
  readonly registry: string;
  readonly jobsAtOnce: number;
  /** True when the node can run this image with a shell; else the host's shell is used. */
  readonly canRunImage: (image: string) => Promise<boolean>;
}

/** Errors that trying again cannot mend: the pipeline fails with their message. */
const finalCodes = new Set(['CI_INVALID', 'CI_UNSUPPORTED', 'CI_REPOSITORY', 'GIT_REF_NOT_FOUND']);

/** Plans by pipeline uid: they follow from the commit alone. */
export type PlanCache = Map<string, Loaded>;
const maxCachedPlans = 50;

interface World {
  readonly jobs: readonly AnyObject[];
  readonly pods: readonly Pod[];
  /** Jobs that may still be started now. */
  slots: number;
}

/** Older pipelines get their slots first. */
export async function runPipelines(deps: RunDeps, plans: PlanCache): Promise<Result> {
  const { client } = deps;
  const { items } = await client.list(Pipelines, { namespace: towpathNamespace });
  const open = items
    .filter((pipeline) => !isFinished(pipeline.status?.phase))
    .toSorted((left, right) => left.spec.iid - right.spec.iid);
  if (open.length === 0) return done();
  const options = { namespace: towpathNamespace, labelSelector: pipelineLabel };
  const jobs = (await client.list(Jobs, options)).items;
  const pods = (await client.list(Pods, options)).items;
  const running = jobs.filter((job) => !isJobFinished(job)).length;
  const world: World = { jobs, pods, slots: Math.max(0, deps.jobsAtOnce - running) };
  let failure: unknown;
  for (const pipeline of open) {
    try {
      await stepPipeline(pipeline, world, { deps, plans });
    } catch (error) {
      // One pipeline never stops the others; its error leads to another try.
      if (!isNotFound(error)) failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return done();
}

interface Surroundings {
  readonly deps: RunDeps;
  readonly plans: PlanCache;
}

async function stepPipeline(pipeline: Pipeline, world: World, { deps, plans }: Surroundings): Promise<void> {
  let loaded: Loaded;
  try {
    loaded = await planOf(pipeline, { deps, plans });
  } catch (error) {
    if (!finalCodes.has(codeOf(error) ?? '')) throw error;
    await finish(pipeline, { phase: 'Failed', message: sentence(error) }, deps);
    return;
  }
  if (loaded.type === 'skipped') {
    await finish(pipeline, { phase: 'Skipped', message: loaded.because }, deps);
    return;
  }
  const mine = {
    jobs: world.jobs.filter((job) => job.metadata.labels?.[pipelineLabel] === pipeline.metadata.name),
    pods: world.pods.filter((pod) => pod.metadata.labels?.[pipelineLabel] === pipeline.metadata.name),
  };
  const observed = observe(pipeline, loaded.jobs, mine);
  const states = new Map(observed.states);
  for (const action of decidePipeline(loaded.jobs, states).actions) {
    if (action.type === 'skip') states.set(action.job.name, { phase: 'Skipped', message: action.because });
    if (action.type === 'start' && world.slots > 0) {
      world.slots--;
      states.set(action.job.name, await startJob({ pipeline, job: action.job, plan: loaded, observed, deps }));
    }
  }
  await writeStatus(pipeline, { loaded, states }, deps);
}

async function planOf(pipeline: Pipeline, { deps, plans }: Surroundings): Promise<Loaded> {
  const uid = pipeline.metadata.uid ?? pipeline.metadata.name;
  const cached = plans.get(uid);
  if (cached !== undefined) return cached;
  const key = { namespace: towpathNamespace, name: pipeline.spec.repository };
  const repository = await deps.client.get(Repositories, key);
  const repo = repository === undefined ? undefined : deps.openRepository(repositoryPath(repository));
  if (repository === undefined || repo === undefined) {
    throw new TowpathError('CI_REPOSITORY', `the repository ${pipeline.spec.repository} is not on this Git server`, {
      next: 'push it again',
    });
  }
  const loaded = await loadPlan({
    pipeline,
    repository,
    repo,
    hostUrl: deps.hostUrl(repository.spec.url),
    registry: deps.registry,
    imageTag: imageTagOf(pipeline),
  });
  if (plans.size >= maxCachedPlans) plans.delete(plans.keys().next().value ?? '');
  plans.set(uid, loaded);
  return loaded;
}

async function startJob(options: {
  pipeline: Pipeline;
  job: PlannedJob;
  plan: LoadedPlan;
  observed: Observed;
  deps: RunDeps;
}): Promise<ObservedJob> {
  const { pipeline, job, plan, deps } = options;
  const attempt = options.observed.nextAttempt.get(job.name) ?? 1;
  const image = job.image !== undefined && (await deps.canRunImage(job.image)) ? job.image : shellImage;
  const notes = [...job.notes];
  if (job.image !== undefined && image === shellImage && job.image !== shellImage) {
    notes.unshift(`the image ${job.image} cannot be run by this node: the host's shell and tools are used instead`);
  }
  const object = jobObject({
    pipeline,
    job,
    attempt,
    image,
    script: scriptOf({ pipeline, job, plan, notes, deps }),
    environment: { ...job.environment, ...deps.environment },
    hostFolders: [deps.folder],
  });
  try {
    await deps.client.create(Jobs, object);
    deps.log.info('job started', { pipeline: pipeline.metadata.name, job: job.name, attempt });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  return { phase: 'Running', jobName: object.metadata.name, startedAt: toTimestamp(deps.clock.nowMs()) };
}

function scriptOf(options: {
  pipeline: Pipeline;
  job: PlannedJob;
  plan: LoadedPlan;
  notes: readonly string[];
  deps: RunDeps;
}): string {
  const { pipeline, job, plan, deps } = options;
  const artifactFolder = (name: string): string =>
    join(deps.folder, 'artifacts', pipeline.metadata.name, labelName([name], 60));
  return jobScript({
    projectName: job.environment['CI_PROJECT_NAME'] ?? 'project',
    cloneUrl: job.environment['CI_REPOSITORY_URL'] ?? '',
    commit: pipeline.spec.commit,
    refName: refOf(pipeline).name,
    beforeScript: job.beforeScript,
    script: job.script,
    afterScript: job.afterScript,
    notes: options.notes,
    shimDir: deps.shimDir,
    caches: job.caches.map((cache) => {
      const name = cacheKey(cache, plan.fileIds);
      return {
        name,
        folder: join(deps.folder, 'cache', pipeline.spec.repository, name),
        paths: cache.paths,
        pull: cache.policy !== 'push',
        push: cache.policy !== 'pull',
        immutable: cache.key.type === 'files',
      };
    }),
    artifactsFrom: artifactSources(job, plan.jobs).map(artifactFolder),
    artifacts: job.artifacts === undefined ? undefined : { ...job.artifacts, into: artifactFolder(job.name) },
  });
}

/** Jobs whose artifacts this one gets. Source: GitLab "dependencies" and "needs:artifacts". */
function artifactSources(job: PlannedJob, plan: readonly PlannedJob[]): string[] {
  const withArtifacts = plan.filter((other) => other.artifacts !== undefined && other.name !== job.name);
  const earlier = withArtifacts.filter((other) => plan.indexOf(other) < plan.indexOf(job) && other.stage !== job.stage);
  const needed = job.needs?.filter((need) => need.artifacts).map((need) => need.job);
  const from = needed === undefined ? earlier : withArtifacts.filter((other) => needed.includes(other.name));
  const names = from.map((other) => other.name);
  return job.dependencies === undefined ? names : names.filter((name) => job.dependencies?.includes(name) === true);
}

async function writeStatus(
  pipeline: Pipeline,
  progress: { loaded: LoadedPlan; states: ReadonlyMap<string, ObservedJob> },
  deps: RunDeps,
): Promise<void> {
  const { loaded, states } = progress;
  const { phase, message } = decidePipeline(loaded.jobs, states);
  const jobs = loaded.jobs.map((job) => {
    const state = states.get(job.name) ?? { phase: 'Pending' as const };
    return { name: job.name, stage: job.stage, ...pickState(state) };
  });
  const startedAt = pipeline.status?.startedAt ?? toTimestamp(deps.clock.nowMs());
  const status = { ...pipeline.status, phase, message, imageTag: imageTagOf(pipeline), startedAt, jobs };
  if (isFinished(phase)) await finish(pipeline, status, deps);
  else await replaceStatus(pipeline, status, deps);
}

function pickState(state: ObservedJob): ObservedJob {
  const { phase, message, jobName, podName, startedAt, finishedAt } = state;
  return {
    phase,
    ...(message !== undefined && { message }),
    ...(jobName !== undefined && { jobName }),
    ...(podName !== undefined && { podName }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
  };
}

async function finish(
  pipeline: Pipeline,
  status: NonNullable<Pipeline['status']> & { phase: PipelinePhase; message: string },
  deps: RunDeps,
): Promise<void> {
  const finishedAt = toTimestamp(deps.clock.nowMs());
  await replaceStatus(pipeline, { imageTag: imageTagOf(pipeline), startedAt: finishedAt, ...status, finishedAt }, deps);
  const { phase, message } = status;
  deps.log.info('pipeline finished', { pipeline: pipeline.metadata.name, phase, message });
  const type = phase === 'Failed' ? 'Warning' : 'Normal';
  await deps.recorder.event(pipeline, { type, reason: `Pipeline${phase}`, message });
}

async function replaceStatus(
  pipeline: Pipeline,
  status: NonNullable<Pipeline['status']>,
  deps: RunDeps,
): Promise<void> {
  if (jsonEqual(pipeline.status, status)) return;
  try {
    await deps.client.patch(Pipelines, keyOf(pipeline), { status }, { kind: 'merge', subresource: 'status' });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** The message and what to do about it. */
function sentence(error: unknown): string {
  const next = error instanceof TowpathError && error.next !== undefined ? `: ${error.next}` : '';
  return `${messageOf(error)}${next}`;
}
