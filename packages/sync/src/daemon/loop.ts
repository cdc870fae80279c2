/** The one loop: fetch when told or when it is time, synchronise when the head moved or when it is time. */

import { backoffMs, messageOf, toTimestamp, type Clock, type Logger } from '@towpath/kit';
import type { Client, Recorder } from '@towpath/runtime';
import { synchronise, type SynchroniseOutcome } from '../apply/synchronise.ts';
import type { FluxLog } from '../flux-log.ts';
import type { Problem } from '../manifests/documents.ts';
import { syncSetName } from '../marks.ts';
import type { FluxOptions } from '../options.ts';
import type { BranchSource } from './source.ts';
import type { StatusWriter } from './status.ts';

const fetchRetry = { firstMs: 1_000, maxMs: 60_000 } as const;
const applyRetry = { firstMs: 2_000, maxMs: 120_000 } as const;
const problemsShownMax = 20;

export interface LoopDeps {
  readonly options: FluxOptions;
  readonly source: BranchSource;
  readonly client: Client;
  readonly status: StatusWriter;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly logLine: FluxLog;
  readonly signal: AbortSignal;
}

/** Work that is asked for is remembered while other work runs, so the newest commit is always the next. */
export class SyncLoop {
  readonly #deps: LoopDeps;
  readonly #setName: string;
  #fetchAtMs = 0;
  #syncAtMs = 0;
  #fetchFailures = 0;
  #applyFailures = 0;
  #requestedAt: string | undefined;
  #wake: () => void = () => {};
  #syncedRevision: string | undefined;
  #lastShown = '';

  constructor(deps: LoopDeps) {
    this.#deps = deps;
    const { gitBranch: branch, gitPaths: paths } = deps.options;
    // Credentials are no part of the name: changing a token must not orphan every object.
    this.#setName = syncSetName({ url: deps.source.url, branch, paths });
    deps.source.onHead(() => this.#syncNow());
  }

  /** The last commit that was applied by this process. */
  get syncedRevision(): string | undefined {
    return this.#syncedRevision;
  }

  /** Fetch as soon as possible. `requestedAt` is repeated in the status when that is done. */
  requestFetch(requestedAt?: string): void {
    this.#fetchAtMs = 0;
    this.#requestedAt = requestedAt ?? this.#requestedAt;
    this.#wake();
  }

  /** Apply as soon as possible, also without a new commit. */
  requestSync(): void {
    this.#syncNow();
  }

  #syncNow(): void {
    this.#syncAtMs = 0;
    this.#wake();
  }

  /** Runs until the signal; resolves then. */
  async run(): Promise<void> {
    const { clock, signal } = this.#deps;
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      if (this.#fetchAtMs <= nowMs) await this.#fetch();
      else if (this.#syncAtMs <= nowMs && this.#deps.source.head() !== undefined) await this.#sync();
      else await this.#pause(Math.min(this.#fetchAtMs, this.#nextSyncMs()) - nowMs);
    }
  }

  /** Before the first fetch there is nothing to apply. */
  #nextSyncMs(): number {
    return this.#deps.source.head() === undefined ? Infinity : this.#syncAtMs;
  }

  #pause(forMs: number): Promise<void> {
    const { clock, signal } = this.#deps;
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', finish);
        this.#wake = () => {};
        resolve();
      };
      const timer = clock.startTimer(Math.max(1, forMs), finish);
      signal.addEventListener('abort', finish);
      this.#wake = finish;
    });
  }

  async #fetch(): Promise<void> {
    const { options, source, clock, logLine, status } = this.#deps;
    const requestedAt = this.#requestedAt;
    // Set first: a request that comes in while the fetch runs must lead to another one.
    this.#fetchAtMs = clock.monotonicMs() + options.gitPollMs;
    const handled = requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt };
    try {
      const before = source.head();
      const head = await source.refresh();
      this.#fetchFailures = 0;
      if (head !== before || requestedAt !== undefined) {
        logLine('loop.go:134', {
          component: 'sync-loop',
          event: 'refreshed',
          url: source.url,
          branch: source.branch,
          HEAD: head,
        });
      }
      if (requestedAt !== undefined) this.#syncNow();
      const willSync = head !== before || requestedAt !== undefined;
      // Whatever failed before is open again: who waits for this request must not see the last one's outcome.
      const conditions = status.ready('Unknown', 'Progressing', `applying ${source.branch}@${head.slice(0, 7)}`);
      await status.update({ ...handled, head, ...(willSync && { conditions }) });
    } catch (error) {
      if (this.#deps.signal.aborted) return;
      this.#fetchFailures++;
      this.#fetchAtMs = Math.min(this.#fetchAtMs, clock.monotonicMs() + backoffMs(this.#fetchFailures, fetchRetry));
      const message = messageOf(error);
      logLine('loop.go:108', { component: 'sync-loop', err: message, url: source.url });
      await status.update({ ...handled, conditions: status.ready('False', 'GitNotReady', message) });
    }
    if (this.#requestedAt === requestedAt) this.#requestedAt = undefined;
  }

  async #sync(): Promise<void> {
    const { options, source, clock, logLine, status, signal } = this.#deps;
    const revision = source.head() ?? '';
    const old = source.taggedRevision() ?? '';
    this.#syncAtMs = clock.monotonicMs() + options.syncIntervalMs;
    if (old !== revision) {
      const info = 'trying to sync git changes to the cluster';
      logLine('sync.go:61', { component: 'daemon', info, old, new: revision });
    }
    try {
      const outcome = await synchronise({
        client: this.#deps.client,
        clock,
        logLine,
        files: await source.readManifests(revision),
        setName: this.#setName,
        defaultNamespace: options.defaultNamespace,
        garbageCollection: options.garbageCollectionDryRun ? 'dry-run' : options.garbageCollection ? 'on' : 'off',
        signal,
      });
      await this.#finish(revision, old, outcome);
    } catch (error) {
      if (signal.aborted) return;
      this.#retryLater();
      const message = messageOf(error);
      logLine('loop.go:108', { component: 'sync-loop', err: message });
      await this.#tell([{ source: revision.slice(0, 7), message }]);
      await status.update({ head: revision, conditions: status.ready('False', 'SyncFailed', message) });
    }
  }

  /** The tag moves also when single objects failed: it says what was tried, the status says how it went. */
  async #finish(revision: string, old: string, outcome: SynchroniseOutcome): Promise<void> {
    const { clock, status } = this.#deps;
    const problems = [...outcome.fileProblems, ...outcome.applyProblems];
    this.#syncedRevision = revision;
    if (old !== revision) await this.#moveTag(old, revision);
    if (outcome.applyProblems.length > 0) this.#retryLater();
    else this.#applyFailures = 0;
    await this.#tell(problems);
    const first = problems[0];
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    const conditions =
      first === undefined
        ? status.ready('True', 'Synced', `applied ${this.#deps.source.branch}@${revision.slice(0, 7)}`)
        : status.ready('False', 'ManifestsFailed', `${describe(first)}${more}`);
    await status.update({
      head: this.#deps.source.head() ?? revision,
      syncedRevision: revision,
      syncedAt: toTimestamp(clock.nowMs()),
      resources: outcome.resources,
      problems: problems.slice(0, problemsShownMax).map(({ source, message, resource }) => {
        return { source, message, ...(resource !== undefined && { resource }) };
      }),
      conditions,
    });
  }

  async #moveTag(old: string, revision: string): Promise<void> {
    const { options, source, logLine } = this.#deps;
    if (options.gitReadonly) return;
    try {
      await source.tag(revision);
      logLine('loop.go:236', { component: 'sync-loop', state: `tag ${options.gitSyncTag}`, old, new: revision });
    } catch (error) {
      logLine('loop.go:240', { component: 'sync-loop', err: `sync tag not moved: ${messageOf(error)}` });
    }
  }

  #retryLater(): void {
    this.#applyFailures++;
    const atMs = this.#deps.clock.monotonicMs() + backoffMs(this.#applyFailures, applyRetry);
    this.#syncAtMs = Math.min(this.#syncAtMs, atMs);
  }

  /** Events on the Sync object; the same set of problems is told once. */
  async #tell(problems: readonly Problem[]): Promise<void> {
    const shown = problems.map(describe);
    const text = shown.join('\n');
    if (text === this.#lastShown) return;
    this.#lastShown = text;
    const object = await this.#deps.status.object().catch(() => undefined);
    if (object === undefined) return;
    for (const message of shown.slice(0, problemsShownMax)) {
      void this.#deps.recorder.event(object, { type: 'Warning', reason: 'ManifestFailed', message });
    }
  }
}

function describe(problem: Problem): string {
  const subject = problem.resource === undefined ? '' : `${problem.resource}: `;
  return `${problem.source}: ${subject}${problem.message}`;
}
