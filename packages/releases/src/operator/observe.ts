/** Everything that is read before a decision. */

import { createHash } from 'node:crypto';
import { isConditionTrue, keyText, Secrets, type Key } from '@towpath/api';
import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { keyOfObject, buildObjects } from '../actions/objects.ts';
import { createReleaseStorage, secretName, type ReleaseStorage } from '../storage/secrets.ts';
import { isPending, type Release } from '../storage/release.ts';
import type { FoundChart } from './chart-source.ts';
import type { Observed, ObservedRelease } from './decide.ts';
import type { OperatorDeps } from './deps.ts';
import type { HelmRelease, HelmReleaseSpec } from './helm-release.ts';
import { antecedentAnnotation, instanceAnnotation } from './marks.ts';

/** How many objects of a release are asked for their antecedent before it counts as having none. */
const objectsAsked = 3;

export interface ObserveInput {
  readonly key: Key;
  readonly object: HelmRelease;
  readonly spec: HelmReleaseSpec;
  readonly chart: FoundChart;
  readonly values: UnknownRecord;
}

export interface Observation {
  readonly observed: Observed;
  /** Equal for equal chart, values and release: what a comparison would compare. */
  readonly fingerprint: string;
  readonly storage: ReleaseStorage;
  readonly last: Release | undefined;
}

export async function observe(input: ObserveInput, deps: OperatorDeps): Promise<Observation> {
  const { key, object, spec, chart, values } = input;
  const { client, clock, memory, flags } = deps;
  const status = object.status ?? {};
  const storage = createReleaseStorage({ client, clock, namespace: spec.targetNamespace });
  const history = await storage.history(spec.releaseName);
  const last = history.at(-1);
  const fingerprint = hashOf([chart.fingerprint, values, last?.version, last?.info.status, object.metadata.generation]);
  const compared = memory.compared.get(keyText(key));
  const ageMs = compared === undefined ? Number.POSITIVE_INFINITY : clock.nowMs() - compared.atMs;
  const observed: Observed = {
    generation: object.metadata.generation ?? 0,
    observedGeneration: status.observedGeneration,
    lastAttemptedRevision: status.lastAttemptedRevision,
    rollbackCount: status.rollbackCount ?? 0,
    rolledBack: isConditionTrue(status.conditions, 'RolledBack'),
    attemptFailed: status.phase === 'DeployFailed',
    last: last === undefined ? undefined : await observeRelease(deps, history, last),
    chart: { revision: chart.revision, changed: await chart.changedSince(status.lastAttemptedRevision) },
    // A little less than the interval: the next turn of the clock must not fall just short of it.
    comparedRecently:
      isConditionTrue(status.conditions, 'Released') &&
      compared?.fingerprint === fingerprint &&
      ageMs < flags.syncIntervalMs * 0.9,
  };
  return { observed, fingerprint, storage, last };
}

/** What a later comparison is compared with. */
export function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

async function observeRelease(
  deps: OperatorDeps,
  history: readonly Release[],
  last: Release,
): Promise<ObservedRelease> {
  const { client, clock } = deps;
  const good = history.findLastIndex(({ info }) => info.status === 'deployed' || info.status === 'superseded');
  const deployedAtMs = Date.parse(last.info.last_deployed);
  return {
    version: last.version,
    status: last.info.status,
    ageMs: Number.isNaN(deployedAtMs) ? Number.POSITIVE_INFINITY : clock.nowMs() - deployedAtMs,
    antecedent: await antecedentOf(client, last),
    abandoned: isPending(last.info.status) && (await isAbandoned(deps, last)),
    failures: history.slice(good + 1).filter(({ info }) => info.status === 'failed').length,
  };
}

/** Who asked for the release, as its objects say; undefined when they do not. */
async function antecedentOf(client: Client, release: Release): Promise<string | undefined> {
  const objects = await buildObjects(release.manifest, {
    client,
    namespace: release.namespace,
    skipUnknownKinds: true,
  });
  for (const item of objects.slice(0, objectsAsked)) {
    const live = await client.get(item.type, keyOfObject(item));
    const antecedent = live?.metadata.annotations?.[antecedentAnnotation];
    if (antecedent !== undefined) return antecedent;
  }
  return undefined;
}

/** True when an earlier run of the operator began the pending revision: it will never end it. */
async function isAbandoned(deps: OperatorDeps, last: Release): Promise<boolean> {
  const name = secretName(last.name, last.version);
  const secret = await deps.client.get(Secrets, { namespace: last.namespace, name });
  const annotations: unknown = secret?.metadata.annotations;
  const instance = isRecord(annotations) ? annotations[instanceAnnotation] : undefined;
  return instance !== undefined && instance !== deps.instance;
}
