/** Puts the page's data together from what the cluster holds. */

import { canaryCards } from './canaries.ts';
import type { CommitHistory } from './commits.ts';
import { eventRows } from './events.ts';
import { healthOf } from './health.ts';
import type { DashboardState, Link } from './model.ts';
import { releaseRows } from './releases.ts';
import type { Sources } from './sources.ts';

export interface StateInput {
  readonly sources: Sources;
  readonly history: CommitHistory;
  readonly links: readonly Link[];
  readonly nowMs: number;
}

/** The same objects give the same data: only a change of them makes the page move. */
export function buildState({ sources, history, links, nowMs }: StateInput): DashboardState {
  const releases = releaseRows(sources.releases, sources.pods);
  const canaries = canaryCards(sources.canaries, sources.pods);
  const commits = history.rows(sources, nowMs);
  const namespaces = new Set(releases.map(({ namespace }) => namespace));
  const pods = sources.pods.filter(({ metadata }) => namespaces.has(metadata.namespace ?? ''));
  const health = healthOf({ releases, canaries, commits, pods });
  return { health, commits, releases, canaries, events: eventRows(sources.events), links };
}
