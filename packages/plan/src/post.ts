/** Puts a plan into a merge request as one comment, which later plans replace. */

import { planError } from './errors.ts';
import { commentMark } from './markdown.ts';

/** Where the comments of a merge request are. */
export interface PostTarget {
  readonly forge: 'gitlab' | 'github' | 'gitea';
  /** Lists and creates comments. */
  readonly list: string;
  /** Of one comment. */
  readonly item: (id: number) => string;
  readonly method: 'PUT' | 'PATCH';
  readonly headers: Readonly<Record<string, string>>;
}

export interface PostOptions {
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * From the variables of a job: GitLab CI with GITLAB_TOKEN, GitHub or Gitea Actions with GITHUB_TOKEN or GITEA_TOKEN.
 * Throws `POST_FAILED` naming the variable that is missing.
 */
export function postTarget(env: Env): PostTarget {
  if (env['CI_API_V4_URL'] !== undefined) return gitlabTarget(env);
  if (env['GITHUB_API_URL'] !== undefined) return githubTarget(env);
  throw missing('CI_API_V4_URL (GitLab) or GITHUB_API_URL (GitHub, Gitea)', 'run it in a job of a merge request');
}

function gitlabTarget(env: Env): PostTarget {
  const project = wanted(env, 'CI_MERGE_REQUEST_PROJECT_ID', env['CI_PROJECT_ID']);
  const request = wanted(env, 'CI_MERGE_REQUEST_IID');
  const list = `${wanted(env, 'CI_API_V4_URL')}/projects/${encodeURIComponent(project)}/merge_requests/${request}/notes`;
  const headers = { 'private-token': wanted(env, 'GITLAB_TOKEN') };
  return { forge: 'gitlab', list, item: (id) => `${list}/${id}`, method: 'PUT', headers };
}

function githubTarget(env: Env): PostTarget {
  const isGitea = env['GITEA_ACTIONS'] === 'true' || env['GITEA_TOKEN'] !== undefined;
  const token = env['GITEA_TOKEN'] ?? wanted(env, 'GITHUB_TOKEN');
  const number = env['TOWPATH_PULL_REQUEST'] ?? /^refs\/pull\/(\d+)\//.exec(env['GITHUB_REF'] ?? '')?.[1];
  if (number === undefined)
    throw missing('GITHUB_REF of a pull request, or TOWPATH_PULL_REQUEST', 'run it on: pull_request');
  const base = `${wanted(env, 'GITHUB_API_URL')}/repos/${wanted(env, 'GITHUB_REPOSITORY')}/issues`;
  const headers = { authorization: `${isGitea ? 'token' : 'Bearer'} ${token}` };
  return {
    forge: isGitea ? 'gitea' : 'github',
    list: `${base}/${number}/comments`,
    item: (id) => `${base}/comments/${id}`,
    method: 'PATCH',
    headers,
  };
}

const pageSize = 100;
/** A merge request with more comments gets a new one each time. */
const pagesMax = 20;

/** Updates the comment that carries the mark, or creates it. Throws `POST_FAILED`. */
export async function postComment(
  target: PostTarget,
  body: string,
  options: PostOptions,
): Promise<'created' | 'updated'> {
  const known = await findComment(target, options);
  const method = known === undefined ? 'POST' : target.method;
  await call(
    target,
    { method, url: known === undefined ? target.list : target.item(known), body: JSON.stringify({ body }) },
    options,
  );
  return known === undefined ? 'created' : 'updated';
}

async function findComment(target: PostTarget, options: PostOptions): Promise<number | undefined> {
  for (let page = 1; page <= pagesMax; page += 1) {
    const found = await call(
      target,
      { method: 'GET', url: `${target.list}?per_page=${pageSize}&limit=${pageSize}&page=${page}` },
      options,
    );
    const comments = Array.isArray(found) ? (found as { id: number; body?: string | null }[]) : [];
    const own = comments.find(({ body }) => body?.startsWith(commentMark) === true);
    if (own !== undefined) return own.id;
    if (comments.length < pageSize) return undefined;
  }
  return undefined;
}

async function call(
  target: PostTarget,
  request: { method: string; url: string; body?: string },
  options: PostOptions,
): Promise<unknown> {
  const { method, url, body } = request;
  const headers = {
    ...target.headers,
    accept: 'application/json',
    'user-agent': 'towpath',
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const response = await options
    .fetch(url, { method, headers, signal: options.signal, ...(body !== undefined && { body }) })
    .catch((error: unknown) => {
      throw planError('POST_FAILED', `${target.forge} does not answer at ${new URL(url).origin}`, {
        next: 'check the address',
        cause: error,
      });
    });
  const text = await response.text();
  if (!response.ok) {
    const message = `${target.forge} answered ${response.status} to ${method} ${new URL(url).pathname}: ${text.slice(0, 200)}`;
    throw planError('POST_FAILED', message, { next: 'check that the token may write comments' });
  }
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

function wanted(env: Env, name: string, otherwise?: string): string {
  const value = env[name] ?? otherwise;
  if (value === undefined || value === '') throw missing(name, `set ${name}`);
  return value;
}

function missing(name: string, next: string): Error {
  return planError('POST_FAILED', `--post: ${name} is not set`, { next });
}
