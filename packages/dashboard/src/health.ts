/** One sentence on how things are: the worst first, then what is going on. */

import type { Pod } from '@towpath/api';
import type { CanaryCard, CommitRow, DashboardState, ReleaseRow } from './model.ts';
import { isOver, isReady } from './releases.ts';

export interface HealthInput {
  readonly releases: readonly ReleaseRow[];
  readonly canaries: readonly CanaryCard[];
  readonly commits: readonly CommitRow[];
  readonly pods: readonly Pod[];
}

/** The sentence, and how urgent it is. */
export function healthOf({ releases, canaries, commits, pods }: HealthInput): DashboardState['health'] {
  const failedRelease = releases.find(({ level }) => level === 'bad');
  if (failedRelease !== undefined) {
    return bad(`Release ${failedRelease.name} failed: ${failedRelease.message || failedRelease.status}`);
  }
  const working = canaries.find(({ level }) => level === 'busy');
  if (working !== undefined) return busy(canarySentence(working));
  const failedCanary = canaries.find(({ level }) => level === 'bad');
  if (failedCanary !== undefined) return bad(canarySentence(failedCanary));
  const building = commits.flatMap((row) =>
    row.stages.filter(({ state }) => state === 'running').map((stage) => ({ row, stage })),
  )[0];
  if (building !== undefined) {
    const { row, stage } = building;
    return busy(`Commit ${row.commit.slice(0, 7)} is on its way: ${stage.name}, ${stage.text}`);
  }
  const living = pods.filter((pod) => !isOver(pod));
  const ready = living.filter(isReady).length;
  if (ready < living.length) return busy(`${living.length - ready} of ${living.length} pods are not ready yet`);
  if (releases.length === 0) return { level: 'good', sentence: 'The cluster runs. There are no releases yet' };
  const waiting = releases.filter(({ level }) => level === 'busy').length;
  if (waiting > 0) return busy(`${waiting} of ${releases.length} releases are being installed`);
  return { level: 'good', sentence: `All ${releases.length} releases are deployed and ${ready} pods are ready` };
}

function canarySentence(canary: CanaryCard): string {
  const { name, phase, weightPercent, failedChecks, failedChecksLimit, diagnosis } = canary;
  if (phase === 'Failed') {
    return `The new version of ${name} was rolled back${diagnosis === undefined ? '' : `: ${diagnosis}`}`;
  }
  if (phase === 'Progressing') {
    const checks =
      failedChecks === 0 ? 'all checks passed so far' : `${failedChecks} of ${failedChecksLimit} checks failed`;
    return `A new version of ${name} is being judged with ${weightPercent} % of the traffic, ${checks}`;
  }
  if (phase === 'Promoting' || phase === 'Finalising') return `The new version of ${name} passed and is being promoted`;
  if (phase === 'Waiting' || phase === 'WaitingPromotion') return `The canary of ${name} waits for approval`;
  return `The canary of ${name} is ${phase === '' ? 'being set up' : phase.toLowerCase()}`;
}

function bad(sentence: string): DashboardState['health'] {
  return { level: 'bad', sentence };
}

function busy(sentence: string): DashboardState['health'] {
  return { level: 'busy', sentence };
}
