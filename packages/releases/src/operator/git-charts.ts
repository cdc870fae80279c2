/** Charts in Git: one mirror a repository, fetched when it moved and now and then. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openMirror, repositoryIdentity, safeUrl, type Git, type GitAuth, type Mirror, type Refs } from '@towpath/git';
import { messageOf, type Clock } from '@towpath/kit';
import { releaseError } from '../errors.ts';

export interface GitChartsOptions {
  readonly git: Git;
  /** Mirrors are kept below it. */
  readonly dir: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** An in-cluster URL as the git command can open it. */
  readonly hostUrl: (url: string) => string;
  /** Branches moved, or a repository could be read for the first time. */
  readonly onMoved: (identity: string) => void;
  readonly onFailure: (url: string, error: unknown) => void;
}

/** A revision of a repository and what it holds. */
export interface GitRevision {
  /** The commit id. */
  readonly commit: string;
  readonly mirror: Mirror;
  /** Names the content of a folder at a commit: equal content, equal text. '' when the folder is not there. */
  fingerprint(path: string, commit?: string): Promise<string>;
}

interface Entry {
  readonly identity: string;
  readonly url: string;
  readonly mirror: Mirror;
  /** Something moved since the last fetch began. */
  stale: boolean;
  fetching: Promise<void> | undefined;
  fetched: boolean;
  refs: Refs | undefined;
  /** Fingerprints by commit and folder: neither ever changes its content. */
  readonly fingerprints: Map<string, string>;
}

const fingerprintsKept = 512;

/** Reads any number of repositories; each is cloned once and then only fetched when there is reason to. */
export class GitCharts {
  readonly #options: GitChartsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: GitChartsOptions) {
    this.#options = options;
  }

  /** The commit that `ref` (branch, tag or commit) names now. Throws what git says, or `CHART_NOT_FOUND`. */
  async resolve(source: { url: string; ref: string; auth: GitAuth | undefined }): Promise<GitRevision> {
    const entry = this.#entry(source.url, source.auth);
    const wasUnderWay = entry.fetching !== undefined;
    if (!entry.fetched || entry.stale) await this.#fetch(entry);
    // A fetch that was already under way may have begun before the repository moved.
    if (wasUnderWay && entry.stale) await this.#fetch(entry);
    const { ref } = source;
    const commit = entry.refs?.branches[ref] ?? entry.refs?.tags[ref] ?? (await entry.mirror.resolve(ref));
    if (commit !== undefined) {
      return {
        commit,
        mirror: entry.mirror,
        fingerprint: (path, at = commit) => fingerprintOf(entry, at, path),
      };
    }
    throw releaseError('CHART_NOT_FOUND', `${safeUrl(source.url)} has no branch, tag or commit "${source.ref}"`, {
      next: 'push it, or correct spec.chart.ref',
    });
  }

  /** Says that a repository moved: it is fetched before it is read again. */
  markMoved(identity: string): void {
    for (const entry of this.#entries.values()) if (entry.identity === identity) entry.stale = true;
  }

  /** Fetches every repository; `onMoved` is called for those that moved. */
  async poll(): Promise<void> {
    await Promise.all(
      [...this.#entries.values()].map(async (entry) => {
        const before = JSON.stringify(entry.refs);
        entry.stale = true;
        try {
          await this.#fetch(entry);
        } catch (error) {
          this.#options.onFailure(safeUrl(entry.url), error);
          return;
        }
        if (JSON.stringify(entry.refs) !== before) this.#options.onMoved(entry.identity);
      }),
    );
  }

  #entry(url: string, auth: GitAuth | undefined): Entry {
    const credentials = auth === undefined ? '' : JSON.stringify(auth);
    const key = createHash('sha256').update(`${url}\n${credentials}`).digest('hex');
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const { git, dir, timeoutMs, hostUrl } = this.#options;
    const mirror = openMirror({ git, dir: join(dir, `${key.slice(0, 16)}.git`), url: hostUrl(url), auth, timeoutMs });
    const identity = repositoryIdentity(url);
    const entry: Entry = {
      identity,
      url,
      mirror,
      stale: false,
      fetching: undefined,
      fetched: false,
      refs: undefined,
      fingerprints: new Map(),
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** One fetch at a time for a repository; whoever asks meanwhile shares it. */
  #fetch(entry: Entry): Promise<void> {
    entry.fetching ??= this.#fetchNow(entry).finally(() => {
      entry.fetching = undefined;
    });
    return entry.fetching;
  }

  async #fetchNow(entry: Entry): Promise<void> {
    entry.stale = false;
    try {
      entry.refs = await entry.mirror.fetch();
      entry.fetched = true;
    } catch (error) {
      entry.stale = true;
      // With something to read, a server that is away must not stop what does not need it.
      if (!entry.fetched) throw error;
      this.#options.onFailure(safeUrl(entry.url), `${messageOf(error)}; going on with what was fetched before`);
    }
  }
}

async function fingerprintOf(entry: Entry, commit: string, path: string): Promise<string> {
  const key = `${commit} ${path}`;
  const known = entry.fingerprints.get(key);
  if (known !== undefined) return known;
  const files = await entry.mirror.readTree(commit, path);
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.path}\0${file.type}\0${file.id}\n`);
  const fingerprint = files.length === 0 ? '' : hash.digest('hex');
  entry.fingerprints.set(key, fingerprint);
  if (entry.fingerprints.size > fingerprintsKept) {
    entry.fingerprints.delete(entry.fingerprints.keys().next().value ?? '');
  }
  return fingerprint;
}
