/** The snapshots in a HelmRelease's status: the newest revision first. Source: helm-controller api/v2 snapshot_types.go. */

import type { Snapshot } from './helm-release.ts';
import { defaultMaxHistory } from './settings.ts';

type History = readonly Snapshot[];

export function sorted(history: History | undefined): Snapshot[] {
  return (history ?? []).toSorted((left, right) => right.version - left.version);
}

export function latest(history: History | undefined): Snapshot | undefined {
  return sorted(history)[0];
}

/** The newest revision before the latest that was deployed and whose tests did not fail. */
export function previous(history: History | undefined, ignoreTests: boolean): Snapshot | undefined {
  return sorted(history)
    .slice(1)
    .find((snapshot) => worked(snapshot, ignoreTests));
}

/** Without what lies before the previous revision that worked. */
export function truncated(history: History | undefined, ignoreTests: boolean): Snapshot[] {
  const all = sorted(history);
  const at = all.findIndex((snapshot, index) => index > 0 && worked(snapshot, ignoreTests));
  return all.slice(0, at < 0 ? defaultMaxHistory : at + 1);
}

/** The newest ones, whatever became of them. */
export function newest(history: History | undefined): Snapshot[] {
  return sorted(history).slice(0, defaultMaxHistory);
}

function worked(snapshot: Snapshot, ignoreTests: boolean): boolean {
  if (snapshot.status !== 'deployed' && snapshot.status !== 'superseded') return false;
  return ignoreTests || !hasFailedTest(snapshot);
}

export function hasFailedTest({ testHooks }: Snapshot): boolean {
  return Object.values(testHooks ?? {}).some((hook) => hook?.phase === 'Failed');
}

/** `namespace/name.v1` */
export function fullName({ namespace, name, version }: Snapshot): string {
  return `${namespace}/${name}.v${version}`;
}

/** `chart@version` */
export function chartName({ chartName: name, chartVersion }: Snapshot): string {
  return `${name}@${chartVersion}`;
}

export function isOf(snapshot: Snapshot, release: { name: string; namespace: string; version: number }): boolean {
  return (
    snapshot.name === release.name && snapshot.namespace === release.namespace && snapshot.version === release.version
  );
}
