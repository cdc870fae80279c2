/** The conditions of a HelmRelease as Flux keeps them, and Ready as the sum of the others. */

import { findCondition, setFluxCondition, withoutCondition, type Condition } from '@towpath/api';
import { commonMetadataDigest, postRenderersDigest } from './digests.ts';
import type { HelmRelease, HelmReleaseStatus } from './helm-release.ts';

export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Released' | 'TestSuccess' | 'Remediated' | 'Drifted';

/** The status that is being worked out, with the time and the generation its conditions are set for. */
export interface Draft {
  readonly object: HelmRelease;
  status: HelmReleaseStatus;
  readonly nowMs: () => number;
}

export function mark(
  draft: Draft,
  type: ConditionType,
  status: Condition['status'],
  reason: string,
  message: string,
): void {
  const { generation } = draft.object.metadata;
  const at = { nowMs: draft.nowMs(), generation };
  draft.status.conditions = setFluxCondition(draft.status.conditions, { type, status, reason, message }, at);
}

export function markReconciling(draft: Draft, reason: 'Progressing' | 'ProgressingWithRetry', message: string): void {
  remove(draft, 'Stalled');
  mark(draft, 'Reconciling', 'True', reason, message);
}

export function markStalled(draft: Draft, reason: string, message: string): void {
  remove(draft, 'Reconciling');
  mark(draft, 'Stalled', 'True', reason, message);
}

export function remove(draft: Draft, type: ConditionType): void {
  draft.status.conditions = withoutCondition(draft.status.conditions, type);
}

export function findIn(draft: Draft, type: ConditionType): Condition | undefined {
  return findCondition(draft.status.conditions, type);
}

export function isTrue(draft: Draft, type: ConditionType): boolean {
  return findIn(draft, type)?.status === 'True';
}

/** Another condition takes the place of one, and its transition time with it. */
export function replace(
  draft: Draft,
  { from, to, reason, message }: { from: ConditionType; to: ConditionType; reason: string; message: string },
): void {
  const known = findIn(draft, from);
  if (known === undefined) return;
  remove(draft, to);
  mark(draft, to, 'True', reason, message);
  remove(draft, from);
}

/**
 * Ready becomes the newest and most important of Remediated, TestSuccess and Released; a remediated release is not
 * ready. Source: helm-controller internal/reconcile/release.go, summarize.
 */
export function summarize(draft: Draft): void {
  const { spec } = draft.object;
  const isTested = spec.test?.enable === true;
  if (!isTested) remove(draft, 'TestSuccess');
  const first = mostImportant(draft.status.conditions ?? [], isTested && spec.test?.ignoreFailures !== true);
  if (first === undefined) return;
  const status = first.type === 'Remediated' ? 'False' : first.status;
  if (status === 'True') remove(draft, 'Stalled');
  mark(draft, 'Ready', status, first.reason ?? '', first.message ?? '');
  setOrDrop(draft.status, 'observedPostRenderersDigest', postRenderersDigest(spec));
  setOrDrop(draft.status, 'observedCommonMetadataDigest', commonMetadataDigest(spec));
}

function mostImportant(conditions: readonly Condition[], countsTests: boolean): Condition | undefined {
  const summed = countsTests ? ['Remediated', 'TestSuccess', 'Released'] : ['Remediated', 'Released'];
  const comesBefore = (left: Condition, right: Condition): boolean => {
    const leftAt = summed.indexOf(left.type);
    const rightAt = summed.indexOf(right.type);
    if (leftAt < 0) return false;
    if (rightAt < 0) return true;
    return (left.observedGeneration ?? 0) >= (right.observedGeneration ?? 0) && leftAt < rightAt;
  };
  // The comparison is no order, so the way of sorting counts: insertion, as Go sorts short lists.
  const list = [...conditions];
  for (let at = 1; at < list.length; at += 1) {
    for (let place = at; place > 0; place -= 1) {
      const [left, right] = [list[place - 1], list[place]];
      if (left === undefined || right === undefined || !comesBefore(right, left)) break;
      list[place - 1] = right;
      list[place] = left;
    }
  }
  return list[0];
}

function setOrDrop(
  status: HelmReleaseStatus,
  member: 'observedPostRenderersDigest' | 'observedCommonMetadataDigest',
  value: string,
): void {
  if (value === '') delete status[member];
  else status[member] = value;
}
