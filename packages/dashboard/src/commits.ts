/** A row per commit: how far it has come, and how long each step took. */

import type { AnyObject, ImageRecord, Pipeline } from '@towpath/api';
import { canaryCards } from './canaries.ts';
import type { CanaryCard, CommitRow, Stage, StageName, StageState } from './model.ts';
import { listAt, numberAt, textAt, timeMs } from './read.ts';
import type { Sources } from './sources.ts';

const shownCommits = 8;
/** Steps of commits that are remembered; more than are shown, so that a row does not forget when others come. */
const rememberedCommits = 64;
/** Checks of a canary without a new revision after which a release is taken to have changed no pod. */
const patienceIntervals = 3;

/** What is seen of one step now. */
interface Seen {
  readonly state: StageState;
  readonly text: string;
  readonly endedAtMs?: number | undefined;
}

/** One commit and what is known of it. */
interface Journey {
  readonly repository: string;
  readonly commit: string;
  readonly ref: string;
  readonly startedAt: string;
  readonly pipeline: Pipeline | undefined;
  readonly tag: string | undefined;
}

/**
 * Objects tell the present only: a step that is done is remembered here, so that it stays done when a later commit
 * replaces it. After a restart the rows of replaced commits say so.
 */
export class CommitHistory {
  readonly #done = new Map<string, Map<StageName, Stage>>();

  /** Newest first. */
  rows(sources: Sources, nowMs: number): CommitRow[] {
    const journeys = journeysOf(sources);
    const canaries = canaryCards(sources.canaries, sources.pods);
    const rows = journeys.slice(0, shownCommits).map((journey, index) => {
      const newer = journeys.slice(0, index);
      return this.#row(journey, { sources, canaries, newer, nowMs });
    });
    for (const commit of this.#done.keys()) {
      if (this.#done.size <= rememberedCommits) break;
      this.#done.delete(commit);
    }
    return rows;
  }

  #row(journey: Journey, view: View): CommitRow {
    const remembered = this.#done.get(journey.commit) ?? new Map<StageName, Stage>();
    this.#done.set(journey.commit, remembered);
    const startMs = timeMs(journey.startedAt);
    const stages: Stage[] = [];
    let previousEndMs = startMs;
    for (const [name, look] of steps) {
      const known = remembered.get(name);
      const stage = known ?? stageOf(name, look(journey, view), previousEndMs, stages.at(-1));
      if (isFinal(stage)) remembered.set(name, stage);
      if (stage.endedAtMs !== undefined) previousEndMs = stage.endedAtMs;
      stages.push(stage);
    }
    const { repository, commit, ref, tag, startedAt } = journey;
    return { repository, commit, ref, imageTag: tag, startedAt, stages };
  }
}

interface View {
  readonly sources: Sources;
  readonly canaries: readonly CanaryCard[];
  readonly newer: readonly Journey[];
  readonly nowMs: number;
}

/** A failed synchronisation or release is tried again; a failed pipeline or canary is not. */
function isFinal({ name, state }: Stage): boolean {
  return state === 'done' || (state === 'failed' && (name === 'pipeline' || name === 'canary'));
}

function stageOf(name: StageName, seen: Seen, previousEndMs: number | undefined, before: Stage | undefined): Stage {
  const { state, text, endedAtMs } = seen;
  const started = state === 'running' || state === 'done' || state === 'failed';
  const startedAtMs = started ? (before?.endedAtMs ?? previousEndMs) : undefined;
  // Images are pushed while the pipeline still runs: a step never ends before the one before it.
  const ended = endedAtMs === undefined ? undefined : Math.max(endedAtMs, startedAtMs ?? endedAtMs);
  return { name, state, text, startedAtMs, endedAtMs: state === 'running' ? undefined : ended };
}

const steps: readonly (readonly [name: StageName, look: (journey: Journey, view: View) => Seen])[] = [
  ['commit', lookAtCommit],
  ['pipeline', lookAtPipeline],
  ['image', lookAtImages],
  ['sync', lookAtSync],
  ['release', lookAtReleases],
  ['canary', lookAtCanary],
];

function journeysOf({ pipelines, syncs }: Sources): Journey[] {
  const byCommit = new Map<string, Journey>();
  for (const pipeline of pipelines) {
    const { repository, commit, ref } = pipeline.spec;
    byCommit.set(commit, {
      repository,
      commit,
      ref: ref.replace(/^refs\/(heads|tags)\//, ''),
      startedAt: pipeline.metadata.creationTimestamp ?? '',
      pipeline,
      tag: pipeline.status?.imageTag,
    });
  }
  for (const sync of syncs) {
    const { head, syncedAt } = sync.status ?? {};
    if (head === undefined || byCommit.has(head)) continue;
    const repository = sync.spec.url.replace(/^.*\/([^/]+\/[^/]+?)(\.git)?$/, '$1');
    const startedAt = syncedAt ?? sync.metadata.creationTimestamp ?? '';
    byCommit.set(head, {
      repository,
      commit: head,
      ref: sync.spec.branch,
      startedAt,
      pipeline: undefined,
      tag: undefined,
    });
  }
  return [...byCommit.values()].toSorted((left, right) => (left.startedAt < right.startedAt ? 1 : -1));
}

function lookAtCommit(journey: Journey): Seen {
  return { state: 'done', text: journey.commit.slice(0, 7), endedAtMs: timeMs(journey.startedAt) };
}

function lookAtPipeline({ pipeline }: Journey): Seen {
  if (pipeline === undefined) return { state: 'skipped', text: 'nothing to build' };
  const { phase = 'Pending', message, jobs = [], finishedAt } = pipeline.status ?? {};
  const over = jobs.filter((job) => job.phase === 'Succeeded' || job.phase === 'Skipped').length;
  const endedAtMs = timeMs(finishedAt);
  switch (phase) {
    case 'Succeeded':
      return { state: 'done', text: `${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'}`, endedAtMs };
    case 'Skipped':
      return { state: 'skipped', text: message ?? 'nothing to build', endedAtMs };
    case 'Failed':
    case 'Canceled':
      return { state: 'failed', text: failedJob(pipeline) ?? message ?? phase.toLowerCase(), endedAtMs };
    case 'Pending':
    case 'Running':
      return { state: 'running', text: jobs.length === 0 ? phase.toLowerCase() : `${over} of ${jobs.length} jobs` };
  }
}

function failedJob(pipeline: Pipeline): string | undefined {
  const job = pipeline.status?.jobs?.find(({ phase }) => phase === 'Failed');
  return job === undefined ? undefined : `job ${job.name}${job.message === undefined ? '' : `: ${job.message}`}`;
}

function lookAtImages({ pipeline, tag }: Journey, { sources }: View): Seen {
  const phase = pipeline?.status?.phase;
  const pushed = tag === undefined ? [] : imagesWithTag(sources.images, tag);
  if (pushed.length > 0) {
    const endedAtMs = Math.max(...pushed.map(({ pushedAtMs }) => pushedAtMs));
    const busy = phase === 'Running' || phase === 'Pending';
    const text = pushed.length === 1 ? `${pushed[0]?.repository}:${tag}` : `${pushed.length} images ${tag}`;
    return busy ? { state: 'running', text } : { state: 'done', text, endedAtMs };
  }
  if (phase === undefined || phase === 'Skipped' || phase === 'Succeeded')
    return { state: 'skipped', text: 'no image' };
  return phase === 'Failed' || phase === 'Canceled'
    ? { state: 'skipped', text: 'no image' }
    : { state: 'waiting', text: '' };
}

function imagesWithTag(images: readonly ImageRecord[], tag: string): { repository: string; pushedAtMs: number }[] {
  return images.flatMap((image) =>
    (image.status?.tags ?? [])
      .filter(({ name }) => name === tag)
      .map(({ pushedAt }) => ({ repository: image.spec.repository, pushedAtMs: timeMs(pushedAt) ?? 0 })),
  );
}

/** The releases that a commit changed: those that name its image tag, or whose chart was taken from it. */
function releasesOf({ commit, tag }: Journey, releases: readonly AnyObject[]): AnyObject[] {
  return releases.filter((release) => {
    if (tag !== undefined && textAt(release, ['spec', 'values', 'image', 'tag']) === tag) return true;
    return textAt(release, ['status', 'revision']) === commit;
  });
}

function lookAtSync(journey: Journey, view: View): Seen {
  const { sources, newer } = view;
  const affected = releasesOf(journey, sources.releases);
  const sync = sources.syncs.find(({ status }) => status?.head === journey.commit) ?? sources.syncs[0];
  const syncedAtMs = timeMs(sync?.status?.syncedAt);
  const synced = sync?.status?.syncedRevision === journey.commit;
  const problem = sync?.status?.head === journey.commit ? sync.status.problems?.[0] : undefined;
  if (problem !== undefined)
    return { state: 'failed', text: `${problem.source}: ${problem.message}`, endedAtMs: syncedAtMs };
  if (synced || affected.length > 0) {
    const text = `revision ${(sync?.status?.syncedRevision ?? journey.commit).slice(0, 7)}`;
    return { state: 'done', text, endedAtMs: newer.length === 0 ? syncedAtMs : undefined };
  }
  const phase = journey.pipeline?.status?.phase;
  if (phase === 'Failed' || phase === 'Canceled') return { state: 'waiting', text: '' };
  if (newer.length > 0) return { state: 'skipped', text: 'replaced' };
  return phase === 'Pending' || phase === 'Running'
    ? { state: 'waiting', text: '' }
    : { state: 'running', text: 'waiting for Git' };
}

function lookAtReleases(journey: Journey, { sources, newer }: View): Seen {
  const affected = releasesOf(journey, sources.releases);
  if (affected.length === 0)
    return newer.length > 0 ? { state: 'skipped', text: 'replaced' } : { state: 'waiting', text: '' };
  const named = affected.length === 1 ? (affected[0]?.metadata.name ?? '') : `${affected.length} releases`;
  const failed = affected.find((release) => textAt(release, ['status', 'releaseStatus']) === 'failed');
  if (failed !== undefined) return { state: 'failed', text: failed.metadata.name, endedAtMs: releasedAtMs(failed) };
  const pending = affected.filter((release) => !isDeployed(release));
  if (pending.length > 0) {
    return { state: 'running', text: `${affected.length - pending.length} of ${affected.length} deployed` };
  }
  return { state: 'done', text: named, endedAtMs: maxOf(affected.map(releasedAtMs)) };
}

function isDeployed(release: AnyObject): boolean {
  const observed = numberAt(release, ['status', 'observedGeneration']) ?? 0;
  return textAt(release, ['status', 'releaseStatus']) === 'deployed' && observed >= (release.metadata.generation ?? 0);
}

function releasedAtMs(release: AnyObject): number | undefined {
  const released = listAt(release, ['status', 'conditions']).find((one) => textAt(one, ['type']) === 'Released');
  return timeMs(textAt(released, ['lastUpdateTime']) ?? textAt(released, ['lastTransitionTime']));
}

function lookAtCanary(journey: Journey, { sources, canaries, newer, nowMs }: View): Seen {
  const affected = releasesOf(journey, sources.releases);
  const governed = affected.flatMap((release) => {
    const card = canaries.find(
      ({ namespace, target }) => namespace === release.metadata.namespace && target === release.metadata.name,
    );
    return card === undefined ? [] : [{ card, releasedMs: releasedAtMs(release), deployed: isDeployed(release) }];
  });
  const [first] = governed;
  if (first === undefined) {
    const settled = affected.length > 0 && affected.every(isDeployed);
    if (settled) return { state: 'skipped', text: 'no canary' };
    return newer.length > 0 ? { state: 'skipped', text: 'replaced' } : { state: 'waiting', text: '' };
  }
  const { card, releasedMs, deployed } = first;
  if (!deployed) return { state: 'waiting', text: '' };
  const changedMs = timeMs(card.changedAt);
  if (card.level === 'busy') {
    const text = card.phase === 'Progressing' ? `${card.weightPercent} %` : card.phase.toLowerCase();
    return { state: 'running', text };
  }
  const judged = changedMs !== undefined && releasedMs !== undefined && changedMs >= releasedMs;
  if (judged || (journey.tag !== undefined && card.primaryTag === journey.tag)) {
    const state = card.level === 'bad' ? 'failed' : 'done';
    return { state, text: endText(card), endedAtMs: changedMs };
  }
  const waitedMs = nowMs - (releasedMs ?? nowMs);
  if (waitedMs > patienceIntervals * intervalMs(card.interval)) return { state: 'skipped', text: 'no new pods' };
  return { state: 'running', text: 'waiting for its next check' };
}

function endText(card: CanaryCard): string {
  if (card.phase === 'Succeeded') return 'promoted';
  return card.phase === 'Initialized' ? 'first version' : 'rolled back';
}

function intervalMs(interval: string): number {
  const match = /^(\d+)(m|s)/.exec(interval);
  return match === null ? 60_000 : Number(match[1]) * (match[2] === 'm' ? 60_000 : 1000);
}

function maxOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value): value is number => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
