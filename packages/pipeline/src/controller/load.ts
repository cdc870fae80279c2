/** Reads a pipeline's commit: its configuration, what changed, and the plan that follows. */

import type { Pipeline, Repository } from '@towpath/api';
import { changedPaths, readFile, readLog, readTree, zeroId, type Repo } from '@towpath/git';
import { createHash } from 'node:crypto';
import type { Cache } from '../config/model.ts';
import { parseCi } from '../config/parse.ts';
import { planPipeline, type PlannedJob } from '../config/plan.ts';
import { predefinedVariables } from '../config/variables.ts';
import { pipelineError } from '../errors.ts';

export interface LoadedPlan {
  readonly type: 'jobs';
  readonly jobs: readonly PlannedJob[];
  /** Blob id of every file, for cache keys. */
  readonly fileIds: ReadonlyMap<string, string>;
}

export type Loaded = LoadedPlan | { readonly type: 'skipped'; readonly because: string };

export interface LoadInput {
  readonly pipeline: Pipeline;
  readonly repository: Repository;
  readonly repo: Repo;
  /** In-cluster URL as programs on the host open it. */
  readonly hostUrl: string;
  /** host:port of the embedded registry, or ''. */
  readonly registry: string;
  readonly imageTag: string;
}

const configFile = '.gitlab-ci.yml';

/** The ref of a pipeline in two parts. */
export function refOf(pipeline: Pipeline): { type: 'branch' | 'tag'; name: string } {
  const { ref } = pipeline.spec;
  if (ref.startsWith('refs/tags/')) return { type: 'tag', name: ref.slice('refs/tags/'.length) };
  return { type: 'branch', name: ref.replace(/^refs\/heads\//, '') };
}

/** Throws `CI_INVALID`, `CI_UNSUPPORTED` or an error of Git. The same pipeline gives the same plan. */
export async function loadPlan(input: LoadInput): Promise<Loaded> {
  const { pipeline, repo } = input;
  const { commit: id, before, source } = pipeline.spec;
  const [commit] = await readLog(repo, { revision: id, max: 1 });
  if (commit === undefined) {
    throw pipelineError('CI_REPOSITORY', `the commit ${id.slice(0, 8)} is not in ${repo.subject}`, {
      next: 'push it again',
    });
  }
  const text = await readFile(repo, id, configFile);
  if (text === undefined) return { type: 'skipped', because: `the commit has no ${configFile}` };
  const config = await parseCi(text.toString('utf8'), {
    file: configFile,
    readLocal: async (path) => (await readFile(repo, id, path))?.toString('utf8'),
  });
  const tree = await readTree(repo, id);
  const ref = refOf(pipeline);
  const plan = planPipeline({
    config,
    ref: { ...ref, source },
    predefined: predefinedVariables({
      repository: repositoryPath(input.repository),
      url: input.hostUrl,
      defaultBranch: input.repository.status?.defaultBranch ?? '',
      ref,
      commit,
      before,
      iid: pipeline.spec.iid,
      source,
      imageTag: input.imageTag,
      registry: input.registry,
    }),
    changedPaths: await pathsOf(pipeline, repo),
    files: tree.map((entry) => entry.path),
    commitMessage: source === 'web' ? '' : commit.message,
  });
  if (plan.type === 'skipped') return plan;
  return { type: 'jobs', jobs: plan.jobs, fileIds: new Map(tree.map((entry) => [entry.path, entry.id])) };
}

/** Undefined where "changed" has no meaning: tags, new branches, runs asked for, a base that is gone. */
async function pathsOf(pipeline: Pipeline, repo: Repo): Promise<string[] | undefined> {
  const { before, commit, source } = pipeline.spec;
  if (refOf(pipeline).type === 'tag' || before === zeroId || source === 'web') return undefined;
  try {
    const known = await readLog(repo, { revision: before, max: 1 });
    return known.length === 0 ? undefined : await changedPaths(repo, before, commit);
  } catch {
    // A forced push may have dropped the base: then everything counts as changed.
    return undefined;
  }
}

/** `owner/name` of the repository's URL. */
export function repositoryPath(repository: Repository): string {
  const url = repository.spec.url;
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  return path.replace(/^\/+/, '').replace(/\.git$/, '');
}

/** The folder name of a cache: its text, or a hash of its files' content. */
export function cacheKey(cache: Cache, fileIds: ReadonlyMap<string, string>): string {
  const { key } = cache;
  if (key.type === 'text') return safeName(key.text);
  const ids = key.files.map((file) => fileIds.get(file) ?? 'absent').join(' ');
  const hash = createHash('sha256').update(ids).digest('hex').slice(0, 20);
  return key.prefix === '' ? hash : `${safeName(key.prefix)}-${hash}`;
}

function safeName(text: string): string {
  const safe = text.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60);
  if (safe === text) return safe;
  return `${safe}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}
