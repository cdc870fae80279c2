/** The table of releases. */

import type { AnyObject, Pod } from '@towpath/api';
import type { Level, ReleaseRow } from './model.ts';
import { listAt, shortRevision, textAt } from './read.ts';

/** One row per HelmRelease, by name. */
export function releaseRows(releases: readonly AnyObject[], pods: readonly Pod[]): ReleaseRow[] {
  return releases
    .map((release) => releaseRow(release, pods))
    .toSorted((left, right) => compare(`${left.name}/${left.namespace}`, `${right.name}/${right.namespace}`));
}

function releaseRow(release: AnyObject, pods: readonly Pod[]): ReleaseRow {
  const { name, namespace = '' } = release.metadata;
  const target = textAt(release, ['spec', 'targetNamespace']) ?? namespace;
  const own = pods.filter((pod) => pod.metadata.namespace === target && belongsTo(pod, name) && !isOver(pod));
  const status = textAt(release, ['status', 'releaseStatus']) ?? textAt(release, ['status', 'phase']) ?? 'new';
  return {
    namespace,
    name,
    level: levelOf(release, status),
    status,
    message: messageOfRelease(release),
    tag: textAt(release, ['spec', 'values', 'image', 'tag']),
    revision: shortRevision(textAt(release, ['status', 'revision'])),
    podsReady: own.filter(isReady).length,
    podsTotal: own.length,
    createdAt: release.metadata.creationTimestamp ?? '',
  };
}

const badPhases = /Fail/;

function levelOf(release: AnyObject, status: string): Level {
  const phase = textAt(release, ['status', 'phase']) ?? '';
  if (status === 'failed' || badPhases.test(phase)) return 'bad';
  return status === 'deployed' ? 'good' : 'busy';
}

/** The Released condition's message: what `kubectl get helmrelease` shows. */
function messageOfRelease(release: AnyObject): string {
  const conditions = listAt(release, ['status', 'conditions']);
  const failed = conditions.find((condition) => textAt(condition, ['status']) === 'False');
  const released = conditions.find((condition) => textAt(condition, ['type']) === 'Released');
  return textAt(failed ?? released, ['message']) ?? '';
}

/** Pods carry the release's name as `app`, less Flagger's suffix, or as Helm's instance label. */
function belongsTo(pod: Pod, release: string): boolean {
  const labels = pod.metadata.labels ?? {};
  if (labels['app.kubernetes.io/instance'] === release || labels['release'] === release) return true;
  return labels['app'] === release || labels['app'] === `${release}-primary`;
}

/** True when every container of a pod is ready. */
export function isReady(pod: Pod): boolean {
  const statuses = pod.status?.containerStatuses ?? [];
  return pod.status?.phase === 'Running' && statuses.length > 0 && statuses.every(({ ready }) => ready);
}

/** True for pods that have done their work or are being removed. */
export function isOver(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
