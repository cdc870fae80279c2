/** Waits for what the repository describes: the pipeline built, the releases deployed, every pod Ready. */

import {
  Deployments,
  HelmReleases,
  isConditionTrue,
  Namespaces,
  Pipelines,
  Pods,
  Syncs,
  towpathNamespace,
  type AnyObject,
  type Pod,
} from '@towpath/api';
import { getIn, TowpathError, type Clock } from '@towpath/kit';
import type { Client } from '@towpath/runtime';

export interface WaitDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

const pollMs = 250;
const sayEveryMs = 5000;

/** Tries `check` until it returns no more reason to wait. Says the reason now and then. */
async function until(deps: WaitDeps, limitMs: number, check: () => Promise<string | undefined>): Promise<void> {
  const startedAtMs = deps.clock.monotonicMs();
  let saidAtMs = startedAtMs;
  for (;;) {
    const reason = await check();
    if (reason === undefined) return;
    const nowMs = deps.clock.monotonicMs();
    if (nowMs - startedAtMs > limitMs) {
      throw new TowpathError('START_TIMEOUT', `not ready after ${limitMs / 1000} s: ${reason}`, {
        next: 'start again: it continues from what is stored',
      });
    }
    if (nowMs - saidAtMs > sayEveryMs) {
      deps.progress(`waiting: ${reason}`);
      saidAtMs = nowMs;
    }
    await deps.clock.sleep(pollMs, deps.signal);
  }
}

/** Resolves with the number of jobs when the last pipeline of the repository has ended. Throws `PIPELINE_FAILED`. */
export async function pipelineBuilt(deps: WaitDeps, repository: string, limitMs: number): Promise<number> {
  let jobs = 0;
  await until(deps, limitMs, async () => {
    const list = await deps.client.list(Pipelines, { namespace: towpathNamespace });
    const own = list.items.filter((pipeline) => pipeline.spec.repository === repository);
    const last = own.toSorted((left, right) => right.spec.iid - left.spec.iid)[0];
    const phase = last?.status?.phase ?? 'Pending';
    jobs = last?.status?.jobs?.length ?? 0;
    if (phase === 'Failed') {
      throw new TowpathError(
        'PIPELINE_FAILED',
        `pipeline ${last?.metadata.name} failed: ${last?.status?.message ?? ''}`,
        {
          next: `read it with: towpath pipeline logs ${last?.metadata.name}`,
        },
      );
    }
    const built = last?.status?.jobs?.filter((job) => job.phase === 'Succeeded').length ?? 0;
    return ['Succeeded', 'Skipped', 'Canceled'].includes(phase) ? undefined : `${built} of ${jobs} images are built`;
  });
  return jobs;
}

/** Resolves when `count` releases of the namespace are deployed. */
export function releasesDeployed(deps: WaitDeps, namespace: string, count: number, limitMs: number): Promise<void> {
  return until(deps, limitMs, async () => {
    const { items } = await deps.client.list(HelmReleases, { namespace });
    const deployed = items.filter((release) => getIn(release, ['status', 'releaseStatus']) === 'deployed');
    return deployed.length >= count
      ? undefined
      : `${deployed.length} of ${count} releases are deployed${problems(items)}`;
  });
}

/** Resolves when the newest commit was applied as far as it could be; with what could not be, or undefined. */
export async function synchronised(
  deps: WaitDeps,
  newest: () => Promise<string>,
  limitMs: number,
): Promise<string | undefined> {
  let problem: string | undefined;
  await until(deps, limitMs, async () => {
    // Asked each time: an image update adds a commit.
    const commit = await newest();
    const sync = await deps.client.get(Syncs, { namespace: 'flux', name: 'flux' });
    const ready = sync?.status?.conditions?.find(({ type }) => type === 'Ready');
    if (sync?.status?.head !== commit || ready === undefined || ready.status === 'Unknown')
      return `commit ${commit.slice(0, 7)} is not synchronised`;
    problem = ready.status === 'True' ? undefined : ready.message;
    return undefined;
  });
  return problem;
}

/** Resolves when every release of the cluster is deployed or has failed; with the names of those that failed. */
export async function releasesSettled(
  deps: WaitDeps,
  limitMs: number,
): Promise<{ deployed: number; failed: string[] }> {
  let settled: { deployed: number; failed: string[] } = { deployed: 0, failed: [] };
  await until(deps, limitMs, async () => {
    const { items } = await deps.client.list(HelmReleases, {});
    const isDeployed = (release: AnyObject): boolean => getIn(release, ['status', 'releaseStatus']) === 'deployed';
    const rest = items.filter((release) => !isDeployed(release));
    const failed = rest.filter(isFailed).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);
    settled = { deployed: items.length - rest.length, failed };
    return rest.length === failed.length ? undefined : `${settled.deployed} of ${items.length} releases are deployed`;
  });
  return settled;
}

/** Every namespace but that of Towpath's own objects. */
export async function namespacesOf(client: Client): Promise<string[]> {
  const { items } = await client.list(Namespaces, {});
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== towpathNamespace);
}

function isFailed(release: AnyObject): boolean {
  return String(getIn(release, ['status', 'phase'])).endsWith('Failed');
}

function problems(releases: readonly AnyObject[]): string {
  const failed = releases.find(isFailed);
  return failed === undefined ? '' : `; ${failed.metadata.name}: ${String(getIn(failed, ['status', 'phase']))}`;
}

/** Resolves when every Deployment of the namespaces has the pods it wants, and all of them are Ready. */
export function podsReady(deps: WaitDeps, namespaces: readonly string[], limitMs: number): Promise<void> {
  return until(deps, limitMs, async () => {
    for (const namespace of namespaces) {
      const reason = await notReady(deps.client, namespace);
      if (reason !== undefined) return reason;
    }
    return undefined;
  });
}

async function notReady(client: Client, namespace: string): Promise<string | undefined> {
  const [deployments, pods] = await Promise.all([
    client.list(Deployments, { namespace }),
    client.list(Pods, { namespace }),
  ]);
  const behind = deployments.items.find(({ spec, status, metadata }) => {
    const wanted = spec.replicas ?? 1;
    return (status?.observedGeneration ?? 0) < (metadata.generation ?? 0) || (status?.readyReplicas ?? 0) < wanted;
  });
  if (behind !== undefined) return `deployment ${namespace}/${behind.metadata.name} is not ready`;
  const waiting = pods.items.find((pod) => isWanted(pod) && !isConditionTrue(pod.status?.conditions, 'Ready'));
  return waiting === undefined ? undefined : `pod ${namespace}/${waiting.metadata.name} is not ready`;
}

function isWanted(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return pod.metadata.deletionTimestamp === undefined && phase !== 'Succeeded' && phase !== 'Failed';
}
