/** A Git server over smart HTTP: repositories are made by the first push, and every push is told to `onPush`. */

import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { background, messageOf, type Clock, type Logger } from '@towpath/kit';
import { createGit, type Git } from '../exec.ts';
import { gitError } from '../errors.ts';
import { readRefs, zeroId, type Refs, type Repo } from '../objects.ts';
import { runBackend } from './cgi.ts';
import { isRepositoryName, parseGitRoute, type GitRoute } from './paths.ts';

/** One ref that a push moved; ids are commits (tags peeled), all zeros for "did not exist" and "deleted". */
export interface PushedRef {
  /** refs/heads/… or refs/tags/… */
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** What a push left behind, read from the repository itself. */
export interface PushEvent {
  /** e.g. acme/shop */
  readonly repository: string;
  /** The in-cluster URL, e.g. http://git.towpath-system/acme/shop.git */
  readonly url: string;
  /** Empty when the repository is reported as it stands, not because of a push. */
  readonly refs: readonly PushedRef[];
  readonly branches: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly defaultBranch: string;
}

export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

export interface GitServerOptions {
  /** Folder of the bare repositories. */
  readonly dir: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly git?: Git;
  /** The address repositories are published under; default http://git.towpath-system */
  readonly baseUrl?: string;
  /** Called after each push that moved a ref, outside the request. It must be idempotent: it is also called by `publish`. */
  readonly onPush: (event: PushEvent) => Promise<void> | void;
  /** Repositories nobody may push to. */
  readonly isReadOnly?: (repository: string) => boolean;
  /** Default: everybody may read and write, as suits a server on loopback. */
  readonly authorize?: (
    credentials: BasicCredentials | undefined,
    access: { repository: string; write: boolean },
  ) => boolean;
}

export interface GitServer {
  /** Answers one request; every path that is not smart HTTP is a 404. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Names of all repositories, sorted. */
  repositories(): Promise<string[]>;
  /** The bare repository, or undefined when it does not exist. */
  repository(name: string): Repo | undefined;
  /** Folder of a repository, existing or not. Throws `GIT_REPOSITORY_NAME`. */
  folder(name: string): string;
  /** Makes an empty bare repository if there is none. */
  create(name: string): Promise<Repo>;
  /** Calls `onPush` for every repository with its present refs: after a start, when a push may have been missed. */
  publish(): Promise<void>;
  /** Resolves when no request runs any more. */
  idle(): Promise<void>;
}

const pushTimeoutMs = 10 * 60_000;
const maxPackBytes = 512 * 1024 * 1024;

/** Source: git-http-backend(1) and gitprotocol-http(5). */
export function createGitServer(options: GitServerOptions): GitServer {
  return new HttpGitServer(options);
}

class HttpGitServer implements GitServer {
  readonly #options: GitServerOptions;
  readonly #git: Git;
  /** Pushes to one repository run one after another, so that refs before and after belong to one push. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: GitServerOptions) {
    this.#options = options;
    this.#git = options.git ?? createGit({ clock: options.clock });
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    const work = this.#answer(req, res).catch((error: unknown) => {
      this.#options.log.error('git request failed', { url: req.url, error: messageOf(error) });
      if (!res.headersSent) refuse(res, 500, `git failed: ${messageOf(error)}`);
      else res.destroy();
    });
    this.#track('git request', work);
  }

  async repositories(): Promise<string[]> {
    const found: string[] = [];
    const visit = async (folder: string, prefix: string, depth: number): Promise<void> => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
        const name = `${prefix}${entry.name}`;
        if (entry.name.endsWith('.git')) found.push(name.slice(0, -'.git'.length));
        else if (depth < 4) await visit(join(folder, entry.name), `${name}/`, depth + 1);
      }
    };
    await visit(this.#options.dir, '', 1);
    return found.toSorted();
  }

  folder(name: string): string {
    if (!isRepositoryName(name)) {
      throw gitError('GIT_REPOSITORY_NAME', `${JSON.stringify(name)} is no repository name`, {
        next: 'use OWNER/NAME with letters, digits, dots, dashes and underscores',
      });
    }
    return join(this.#options.dir, `${name}.git`);
  }

  repository(name: string): Repo | undefined {
    const gitDir = this.folder(name);
    return existsSync(join(gitDir, 'HEAD')) ? { git: this.#git, gitDir, subject: name } : undefined;
  }

  async create(name: string): Promise<Repo> {
    const known = this.repository(name);
    if (known !== undefined) return known;
    return this.#inTurn(name, () => initBare(this.#git, this.folder(name), name));
  }

  async publish(): Promise<void> {
    for (const name of await this.repositories()) {
      const repo = this.repository(name);
      if (repo !== undefined) await this.#options.onPush(this.#event(name, await readRefs(repo), []));
    }
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://git');
    const route = parseGitRoute(req.method ?? 'GET', url.pathname, url.searchParams);
    if (route === undefined) {
      refuse(res, 404, 'not a Git repository: clone http://HOST/OWNER/NAME.git');
      return;
    }
    // Git sends none of these; a web page that does is trying to reach a server on the user's machine.
    if (req.headers.origin !== undefined || req.headers['sec-fetch-site'] !== undefined) {
      refuse(res, 403, 'browsers may not speak to this Git server');
      return;
    }
    const write = route.service === 'receive-pack';
    if (!this.#mayPass(req, res, route, write)) return;
    if (write) {
      if (route.advertisement) await this.create(route.repository);
      await this.#inTurn(route.repository, () => this.#push(req, res, { route, query: url.search.slice(1) }));
      return;
    }
    if (this.repository(route.repository) === undefined) {
      refuse(res, 404, `the repository ${route.repository} does not exist: push to it once to create it`);
      return;
    }
    await this.#serve(req, res, { route, query: url.search.slice(1) });
    res.end();
  }

  #mayPass(req: IncomingMessage, res: ServerResponse, route: GitRoute, write: boolean): boolean {
    const { authorize, isReadOnly } = this.#options;
    const { repository } = route;
    if (authorize !== undefined && !authorize(basicCredentials(req.headers.authorization), { repository, write })) {
      res.setHeader('www-authenticate', 'Basic realm="towpath git"');
      refuse(res, 401, `the credentials do not allow to ${write ? 'push to' : 'read'} ${repository}`);
      return false;
    }
    if (write && isReadOnly?.(repository) === true) {
      refuse(res, 403, `the repository ${repository} is read-only: push to another name`);
      return false;
    }
    return true;
  }

  async #push(req: IncomingMessage, res: ServerResponse, request: { route: GitRoute; query: string }): Promise<void> {
    const { route } = request;
    const repo = this.repository(route.repository);
    if (repo === undefined) {
      refuse(res, 404, `the repository ${route.repository} does not exist`);
      return;
    }
    if (route.advertisement) {
      await this.#serve(req, res, request);
      res.end();
      return;
    }
    const before = await readRefs(repo);
    await this.#serve(req, res, request);
    const after = await readRefs(repo);
    const refs = changedRefs(before, after);
    if (refs.length === 0) {
      res.end();
      return;
    }
    const settled = await this.#settleHead(repo, after);
    res.end();
    this.#options.log.info('pushed', { repository: route.repository, refs: refs.map((ref) => ref.name) });
    this.#track('push event', this.#tell(this.#event(route.repository, settled, refs)));
  }

  /** HEAD follows the first push: a repository whose HEAD names no branch shows nothing when cloned. */
  async #settleHead(repo: Repo, refs: Refs): Promise<Refs> {
    const names = Object.keys(refs.branches);
    if (refs.branches[refs.head] !== undefined || names.length === 0) return refs;
    const head = names.find((name) => name === 'main' || name === 'master') ?? names[0] ?? refs.head;
    await this.#git.run({
      args: ['symbolic-ref', 'HEAD', `refs/heads/${head}`],
      gitDir: repo.gitDir,
      subject: repo.subject,
    });
    return { ...refs, head };
  }

  async #serve(
    req: IncomingMessage,
    res: ServerResponse,
    request: { route: GitRoute; query: string },
  ): Promise<number> {
    const { route, query } = request;
    const action = route.advertisement ? 'info/refs' : `git-${route.service}`;
    return runBackend({
      req,
      res,
      git: this.#git,
      clock: this.#options.clock,
      root: this.#options.dir,
      pathInfo: `/${route.repository}.git/${action}`,
      query,
      write: route.service === 'receive-pack',
      timeoutMs: pushTimeoutMs,
    });
  }

  async #tell(event: PushEvent): Promise<void> {
    await this.#options.onPush(event);
  }

  /** Work that `idle` waits for. */
  #track(name: string, work: Promise<void>): void {
    const quiet = work.catch(() => {}).finally(() => this.#running.delete(quiet));
    this.#running.add(quiet);
    background(name, work, this.#options.log);
  }

  #event(repository: string, refs: Refs, pushed: readonly PushedRef[]): PushEvent {
    const base = this.#options.baseUrl ?? 'http://git.towpath-system';
    return {
      repository,
      url: `${base}/${repository}.git`,
      refs: pushed,
      branches: refs.branches,
      tags: refs.tags,
      defaultBranch: refs.head,
    };
  }

  #inTurn<Value>(repository: string, work: () => Promise<Value>): Promise<Value> {
    const turn = (this.#turns.get(repository) ?? Promise.resolve()).then(work, work);
    const quiet = turn.catch(() => {});
    this.#turns.set(repository, quiet);
    return turn;
  }
}

/** Makes a bare repository beside its place and renames it, so that a killed process leaves nothing half-made. */
export async function initBare(git: Git, gitDir: string, name: string): Promise<Repo> {
  const repo: Repo = { git, gitDir, subject: name };
  if (existsSync(join(gitDir, 'HEAD'))) return repo;
  await mkdir(dirname(gitDir), { recursive: true });
  const fresh = `${gitDir.slice(0, -'.git'.length)}.new`;
  await rm(fresh, { recursive: true, force: true });
  await git.run({ args: ['init', '--quiet', '--bare', '--initial-branch=master', '--', fresh], subject: name });
  for (const [key, value] of repositoryConfig) {
    await git.run({ args: ['config', key, value], gitDir: fresh, subject: name });
  }
  await rename(fresh, gitDir);
  return repo;
}

const repositoryConfig = [
  ['uploadpack.allowFilter', 'true'],
  ['uploadpack.allowAnySHA1InWant', 'true'],
  ['receive.maxInputSize', String(maxPackBytes)],
  ['core.logAllRefUpdates', 'true'],
] as const;

function changedRefs(before: Refs, after: Refs): PushedRef[] {
  const compare = (
    kind: 'heads' | 'tags',
    old: Readonly<Record<string, string>>,
    now: Readonly<Record<string, string>>,
  ) =>
    [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .toSorted()
      .filter((name) => old[name] !== now[name])
      .map((name) => ({ name: `refs/${kind}/${name}`, before: old[name] ?? zeroId, after: now[name] ?? zeroId }));
  return [...compare('heads', before.branches, after.branches), ...compare('tags', before.tags, after.tags)];
}

function basicCredentials(header: string | undefined): BasicCredentials | undefined {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header ?? '');
  if (match === null) return undefined;
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Plain text, which git shows its user after `remote:`. */
function refuse(res: ServerResponse, status: number, message: string): void {
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`${message}\n`);
}
