/** The synchronised branch: a bare mirror with its head, shared by synchronisation and image automation. */

import type { GitSource } from '@towpath/api';
import { TowpathError, type Clock } from '@towpath/kit';
import { safeUrl, type Mirror, type Refs } from '@towpath/git';
import { manifestPaths } from '../manifests/documents.ts';
import type { FluxOptions } from '../options.ts';

const utf8 = new TextDecoder();

export class BranchSource implements GitSource {
  readonly url: string;
  readonly branch: string;
  readonly #options: FluxOptions;
  readonly #mirror: Mirror;
  readonly #clock: Clock;
  readonly #handlers = new Set<(head: string) => void>();
  #head: string | undefined;
  #refs: Refs | undefined;

  constructor(options: { flux: FluxOptions; mirror: Mirror; clock: Clock }) {
    this.#options = options.flux;
    this.#mirror = options.mirror;
    this.#clock = options.clock;
    this.url = safeUrl(options.flux.gitUrl);
    this.branch = options.flux.gitBranch;
  }

  head(): string | undefined {
    return this.#head;
  }

  /** The commit the sync tag points at, as of the last fetch. */
  taggedRevision(): string | undefined {
    return this.#refs?.tags[this.#options.gitSyncTag];
  }

  async refresh(): Promise<string> {
    this.#refs = await this.#mirror.fetch();
    const head = this.#refs.branches[this.branch];
    if (head === undefined) {
      throw new TowpathError('SYNC_BRANCH_MISSING', `${this.url} has no branch ${this.branch}`, {
        next: 'push it, or set git.branch to one that exists',
      });
    }
    this.#move(head);
    return head;
  }

  async readManifests(revision: string): Promise<ReadonlyMap<string, string>> {
    const paths = this.#options.gitPaths;
    const isBelow = (path: string): boolean =>
      paths.length === 0 || paths.some((folder) => path === folder || path.startsWith(`${folder}/`));
    const files = await this.#mirror.readFiles(revision, '', (path) => /\.ya?ml$/.test(path) && isBelow(path));
    for (const folder of paths) {
      const hasYaml = [...files.keys()].some((path) => path === folder || path.startsWith(`${folder}/`));
      if (!hasYaml) await this.#requirePath(revision, folder);
    }
    return new Map(manifestPaths([...files.keys()]).map((path) => [path, utf8.decode(files.get(path))]));
  }

  /** A path that is gone is more likely a mistake than the wish to delete everything. */
  async #requirePath(revision: string, folder: string): Promise<void> {
    if ((await this.#mirror.readTree(revision, folder)).length > 0) return;
    throw new TowpathError('SYNC_PATH_MISSING', `${this.url} has no folder ${folder} at ${revision.slice(0, 7)}`, {
      next: 'create it, or set git.path to a folder that exists',
    });
  }

  async commit(change: { parent: string; edits: ReadonlyMap<string, string>; message: string }): Promise<string> {
    const { gitCiSkipMessage, gitUser, gitEmail } = this.#options;
    const message = gitCiSkipMessage === '' ? change.message : `${change.message}\n\n${gitCiSkipMessage}`;
    const commit = await this.#mirror.commitAndPush({
      branch: this.branch,
      parent: change.parent,
      edits: new Map([...change.edits].map(([path, content]) => [path, { content }])),
      author: { name: gitUser, email: gitEmail, atMs: this.#clock.nowMs() },
      message,
    });
    this.#move(commit);
    return commit;
  }

  /** Moves the sync tag in the repository. */
  async tag(commit: string): Promise<void> {
    const { gitUser, gitEmail, gitSyncTag } = this.#options;
    const tagger = { name: gitUser, email: gitEmail, atMs: this.#clock.nowMs() };
    await this.#mirror.pushTag({ name: gitSyncTag, commit, message: 'Sync pointer', tagger });
    if (this.#refs !== undefined) this.#refs = { ...this.#refs, tags: { ...this.#refs.tags, [gitSyncTag]: commit } };
  }

  /** Ids of the commits after `since`, newest first; for the API. */
  async commitsSince(since: string | undefined, until: string): Promise<string[]> {
    const commits = await this.#mirror.log({ revision: until, ...(since !== undefined && { since }), max: 100 });
    return commits.map(({ id }) => id);
  }

  resolve(revision: string): Promise<string | undefined> {
    return this.#mirror.resolve(revision);
  }

  onHead(handler: (head: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  #move(head: string): void {
    if (head === this.#head) return;
    this.#head = head;
    for (const handler of this.#handlers) handler(head);
  }
}
