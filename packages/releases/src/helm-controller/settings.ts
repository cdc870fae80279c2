/** What a HelmRelease asks for once the defaults of Flux are filled in. Source: helm-controller api/v2. */

import { parseGoDuration } from '@towpath/kit';
import { createHash } from 'node:crypto';
import type { HelmRelease, HelmReleaseSpec, HelmReleaseStatus } from './helm-release.ts';

export const defaultTimeoutMs = 300_000;
const defaultRetryIntervalMs = 300_000;
export const defaultMaxHistory = 5;
const releaseNameMax = 53;
const shortHashLength = 12;

/** As the spec names it, which may be longer than Helm takes. */
export function fullReleaseName({ metadata, spec }: HelmRelease): string {
  if (spec.releaseName !== undefined && spec.releaseName !== '') return spec.releaseName;
  const target = spec.targetNamespace ?? '';
  return target === '' ? metadata.name : `${target}-${metadata.name}`;
}

/** Helm takes 53 characters: a longer name ends in a hash. */
export function shortenName(name: string): string {
  if (name.length <= releaseNameMax) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, shortHashLength);
  return `${name.slice(0, releaseNameMax - shortHashLength - 1)}-${hash}`;
}

export function namespaceOf({ metadata }: Pick<HelmRelease, 'metadata'>): string {
  return metadata.namespace ?? 'default';
}

export function releaseNamespace(object: HelmRelease): string {
  return object.spec.targetNamespace || namespaceOf(object);
}

export function storageNamespace(object: HelmRelease): string {
  return object.spec.storageNamespace || namespaceOf(object);
}

/** Milliseconds of a duration that the CRD has checked. */
export function durationMsOf(text: string | undefined, fallbackMs: number): number {
  return text === undefined ? fallbackMs : (parseGoDuration(text) ?? fallbackMs);
}

export type TimedAction =
  | 'install'
  | 'upgrade'
  | 'test'
  | 'rollback'
  | 'uninstall'
  | 'unlock'
  | 'correct cluster drift';

export function timeoutMs(spec: HelmReleaseSpec, action: TimedAction): number {
  const general = durationMsOf(spec.timeout, defaultTimeoutMs);
  if (action === 'unlock' || action === 'correct cluster drift') return general;
  return durationMsOf(spec[action]?.timeout, general);
}

/** What follows a failure of the last attempted action. */
export interface ActiveRemediation {
  readonly failures: number;
  readonly exhausted: boolean;
  readonly ignoreTestFailures: boolean;
  readonly remediateLastFailure: boolean;
  readonly strategy: 'rollback' | 'uninstall';
  readonly uninstallAfterUpgrade: boolean;
}

export function installRemediation(spec: HelmReleaseSpec, status: HelmReleaseStatus): ActiveRemediation {
  const given = spec.install?.remediation;
  const failures = status.installFailures ?? 0;
  const retries = given?.retries ?? 0;
  return {
    failures,
    exhausted: retries >= 0 && failures > retries,
    ignoreTestFailures: given?.ignoreTestFailures ?? spec.test?.ignoreFailures ?? false,
    remediateLastFailure: given?.remediateLastFailure ?? false,
    strategy: 'uninstall',
    uninstallAfterUpgrade: false,
  };
}

export function upgradeRemediation(spec: HelmReleaseSpec, status: HelmReleaseStatus): ActiveRemediation {
  const given = spec.upgrade?.remediation;
  const failures = status.upgradeFailures ?? 0;
  const retries = given?.retries ?? 0;
  const strategy = given?.strategy ?? 'rollback';
  return {
    failures,
    exhausted: retries >= 0 && failures > retries,
    ignoreTestFailures: given?.ignoreTestFailures ?? spec.test?.ignoreFailures ?? false,
    remediateLastFailure: given?.remediateLastFailure ?? retries > 0,
    strategy,
    uninstallAfterUpgrade: strategy === 'uninstall',
  };
}

/** Of the action that was attempted last; undefined when none was. */
export function activeRemediation(spec: HelmReleaseSpec, status: HelmReleaseStatus): ActiveRemediation | undefined {
  if (status.lastAttemptedReleaseAction === 'install') return installRemediation(spec, status);
  if (status.lastAttemptedReleaseAction === 'upgrade') return upgradeRemediation(spec, status);
  return undefined;
}

/** The interval of the strategy RetryOnFailure of the last attempted action; undefined when it has another. */
export function activeRetryMs(spec: HelmReleaseSpec, status: HelmReleaseStatus): number | undefined {
  const action = status.lastAttemptedReleaseAction;
  if (action !== 'install' && action !== 'upgrade') return undefined;
  const strategy = spec[action]?.strategy;
  if (strategy?.name !== 'RetryOnFailure') return undefined;
  return durationMsOf(strategy.retryInterval, defaultRetryIntervalMs);
}

export function detectsDrift(spec: HelmReleaseSpec): boolean {
  const mode = spec.driftDetection?.mode ?? 'disabled';
  return mode === 'enabled' || mode === 'warn';
}
