/** Image automation: a new tag becomes one commit that changes the tag in Git and nothing else. */

import { Images, towpathNamespace, type GitSource, type ImageRecord, type StartImageAutomation } from '@towpath/api';
import {
  background,
  codeOf,
  Disposer,
  jsonEqual,
  messageOf,
  systemClock,
  type Clock,
  type Disposable,
} from '@towpath/kit';
import { Client, createInformer, type Informer } from '@towpath/runtime';
import { canonicalRepository } from './image-ref.ts';
import type { TagInfo, TagPolicy } from './policy/policy.ts';
import { createTagSource, type TagSource } from './registry-tags.ts';
import { commitMessage, editFiles, findCandidates, planUpdates, type Candidate, type Update } from './scan.ts';

/** Pushes that belong together (one pipeline builds many images) become one commit. */
const quietMs = 700;
/** A steady stream of pushes does not put the commit off for longer than this. */
const quietMaxMs = 5_000;
const imageKind = { apiVersion: 'towpath.dev/v1alpha1', kind: 'Image' } as const;
/** How often a commit is redone when somebody else pushed first. */
const attemptsMax = 5;
/** How many tags of one repository are asked for their time in one round; public registries limit requests. */
const timedTagsMax = 100;

export interface ImageAutomationDeps {
  readonly clock?: Clock;
  /** Asked for repositories that no Image object describes; by default the registry each name means. */
  readonly tagSource?: TagSource;
}

/** Gives the starter that synchronisation calls; see {@link StartImageAutomation}. */
export function createImageAutomation(deps: ImageAutomationDeps = {}): StartImageAutomation {
  return (options) => new Automation(options, deps);
}

type Options = Parameters<StartImageAutomation>[0];

class Automation implements Disposable {
  readonly #options: Options;
  readonly #tagSource: TagSource;
  readonly #clock: Clock;
  readonly #client: Client;
  readonly #records: Informer<ImageRecord>;
  readonly #ends = new Disposer();
  readonly #stop = new AbortController();
  /** Tags of other registries: repository → what was found, and when it is to be asked again. */
  readonly #polled = new Map<string, { tags: readonly TagInfo[]; untilMs: number }>();
  readonly #shown = new Set<string>();
  #hasEmbeddedRegistry = false;
  #wake: () => void = () => {};
  #dueAtMs = Infinity;
  #firstNewsAtMs = Infinity;
  readonly #running: Promise<void>;

  constructor(options: Options, deps: ImageAutomationDeps) {
    this.#options = options;
    this.#tagSource = deps.tagSource ?? createTagSource(options.context.hostUrl);
    this.#clock = deps.clock ?? systemClock;
    this.#client = new Client({ transport: options.context.transport, fieldManager: 'flux', userAgent: 'flux' });
    const [client, clock, log] = [this.#client, this.#clock, options.log];
    this.#records = createInformer({ client, type: Images, namespace: towpathNamespace, clock, log });
    this.#records.onChange(() => this.#news());
    this.#records.start();
    this.#ends.add(options.source.onHead(() => this.#news()));
    this.#ends.own(this.#records);
    this.#running = this.#run();
    background('image automation', this.#running, log);
  }

  async dispose(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#ends.dispose();
    await this.#running.catch(() => {});
  }

  #news(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#firstNewsAtMs = Math.min(this.#firstNewsAtMs, nowMs);
    this.#dueAtMs = Math.min(nowMs + quietMs, this.#firstNewsAtMs + quietMaxMs);
    this.#wake();
  }

  async #run(): Promise<void> {
    await this.#records.synced();
    const served = await this.#client.resourceFor(imageKind).catch(() => undefined);
    this.#hasEmbeddedRegistry = served !== undefined;
    this.#news();
    let nextRoundMs = this.#clock.monotonicMs() + this.#options.automationMs;
    while (!this.#stop.signal.aborted) {
      const nowMs = this.#clock.monotonicMs();
      const dueMs = Math.min(this.#dueAtMs, nextRoundMs);
      if (dueMs > nowMs) {
        await this.#pause(dueMs - nowMs);
        continue;
      }
      this.#dueAtMs = Infinity;
      this.#firstNewsAtMs = Infinity;
      nextRoundMs = nowMs + this.#options.automationMs;
      await this.#round().catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#say('images.go:27', { err: messageOf(error) });
      });
    }
  }

  #pause(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        this.#wake = () => {};
        resolve();
      };
      const timer = this.#clock.startTimer(Math.max(1, forMs), finish);
      this.#wake = finish;
    });
  }

  /** Looks at the head, edits and pushes; when somebody pushed first, looks again. */
  async #round(): Promise<void> {
    const { source } = this.#options;
    for (let attempt = 1; attempt <= attemptsMax && !this.#stop.signal.aborted; attempt++) {
      const head = attempt === 1 ? source.head() : await source.refresh();
      if (head === undefined) return;
      try {
        await this.#updateAt(source, head);
        return;
      } catch (error) {
        if (codeOf(error) !== 'GIT_PUSH_REJECTED' || attempt === attemptsMax) throw error;
      }
    }
  }

  async #updateAt(source: GitSource, head: string): Promise<void> {
    const files = await source.readManifests(head);
    const { candidates, problems } = findCandidates(files);
    for (const { file, message } of problems) this.#sayOnce('policy.go:41', { warning: message, file });
    this.#pollRegistries(candidates);
    const updates = planUpdates(candidates, (repository) => this.#tagsOf(repository));
    if (updates.length === 0) return;
    for (const update of updates) this.#announce(update);
    const edited = editFiles(files, updates);
    for (const { file, message } of edited.problems) this.#sayOnce('releaser.go:88', { err: message, file });
    if (edited.done.length === 0) return;
    const message = commitMessage(edited.done);
    const revision = await source.commit({ parent: head, edits: edited.edits, message });
    const images = [...new Set(edited.done.map(({ image }) => image))].join(', ');
    this.#say('daemon.go:701', {
      event: `Commit: ${revision.slice(0, 7)}, Automated release of ${images}`,
      logupstream: false,
    });
  }

  #announce(update: Update): void {
    const { workload, place, policy } = update.candidate;
    this.#say('images.go:111', {
      workload,
      container: place.container,
      repo: place.repository,
      pattern: policy.text,
      current: `${place.repository}:${place.tag ?? ''}`,
      info: 'added update to automation run',
      new: update.image,
      reason: update.because,
    });
  }

  #recordOf(repository: string): ImageRecord | undefined {
    const wanted = canonicalRepository(repository);
    return this.#records.list().find(({ spec }) => canonicalRepository(spec?.repository ?? '') === wanted);
  }

  #tagsOf(repository: string): readonly TagInfo[] | undefined {
    const record = this.#recordOf(repository);
    if (record === undefined) return this.#polled.get(repository)?.tags;
    return (record.status?.tags ?? []).map(({ name, pushedAt }) => ({ name, createdAtMs: Date.parse(pushedAt) || 0 }));
  }

  /**
   * Registries that tell nobody of pushes are asked, each repository at most once per interval and without holding up
   * the round: a registry that hangs must not keep an image waiting that is there.
   */
  #pollRegistries(candidates: readonly Candidate[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const repository of new Set(candidates.map(({ place }) => place.repository))) {
      const isTold = this.#recordOf(repository) !== undefined;
      if (isTold || this.#isEmbedded(repository) || (this.#polled.get(repository)?.untilMs ?? 0) > nowMs) continue;
      const known = this.#polled.get(repository)?.tags ?? [];
      this.#polled.set(repository, { tags: known, untilMs: nowMs + this.#options.registryPollMs });
      const policies = candidates.filter(({ place }) => place.repository === repository).map(({ policy }) => policy);
      background('registry poll', this.#poll(repository, policies, known), this.#options.log);
    }
  }

  async #poll(repository: string, policies: readonly TagPolicy[], known: readonly TagInfo[]): Promise<void> {
    const untilMs = this.#polled.get(repository)?.untilMs ?? 0;
    try {
      const tags = await this.#lookUp(repository, policies, known);
      this.#polled.set(repository, { tags, untilMs });
      if (!jsonEqual(tags, known)) this.#news();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#sayOnce('warming.go:198', { component: 'warmer', canonical_name: repository, err: messageOf(error) });
    }
  }

  /**
   * Where the embedded registry tells of its images, `owner/name` without a host is its own, pushed or not yet: a
   * repository of that name on Docker Hub belongs to somebody else.
   */
  #isEmbedded(repository: string): boolean {
    const [first = ''] = repository.split('/');
    return this.#hasEmbeddedRegistry && repository.includes('/') && !/[.:]/.test(first) && first !== 'localhost';
  }

  /** Times cost two requests a tag, so only tags that are chosen by time get one, and only once. */
  async #lookUp(
    repository: string,
    policies: readonly TagPolicy[],
    known: readonly TagInfo[],
  ): Promise<readonly TagInfo[]> {
    const { signal } = this.#stop;
    const byTime = policies.filter(({ order }) => order === 'time');
    const times = new Map(known.map(({ name, createdAtMs }) => [name, createdAtMs]));
    const names = await this.#tagSource.list(repository, signal);
    let left = timedTagsMax;
    const tags: TagInfo[] = [];
    for (const name of names.toReversed()) {
      let createdAtMs = times.get(name) ?? 0;
      if (createdAtMs === 0 && left > 0 && byTime.some((policy) => policy.matches(name))) {
        left--;
        createdAtMs = await this.#tagSource.createdAtMs(repository, name, signal);
      }
      tags.push({ name, createdAtMs });
    }
    return tags;
  }

  #say(caller: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.logLine(caller, { component: 'sync-loop', ...fields });
  }

  /** A problem that stays is logged once. */
  #sayOnce(caller: string, fields: Readonly<Record<string, unknown>>): void {
    const text = JSON.stringify([caller, fields]);
    if (this.#shown.has(text)) return;
    if (this.#shown.size >= 1000) this.#shown.clear();
    this.#shown.add(text);
    this.#say(caller, fields);
  }
}
