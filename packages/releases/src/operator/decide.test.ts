import { describe, expect, it } from 'vitest';
import { decide, type Observed, type ObservedRelease } from './decide.ts';
import { parseHelmRelease, type HelmReleaseSpec } from './helm-release.ts';

const resourceId = 'shop:helmrelease/frontend';
const syncIntervalMs = 60_000;

function spec(extra: Record<string, unknown> = {}): HelmReleaseSpec {
  return parseHelmRelease({
    apiVersion: 'helm.fluxcd.io/v1',
    kind: 'HelmRelease',
    metadata: { name: 'frontend', namespace: 'shop' },
    spec: { chart: { git: 'http://git/x.git', path: 'charts/frontend' }, ...extra },
  });
}

function release(extra: Partial<ObservedRelease> = {}): ObservedRelease {
  return {
    version: 3,
    status: 'deployed',
    ageMs: 5_000,
    antecedent: resourceId,
    abandoned: false,
    failures: 0,
    ...extra,
  };
}

function observed(extra: Partial<Observed> = {}): Observed {
  return {
    generation: 2,
    observedGeneration: 2,
    lastAttemptedRevision: 'aaa',
    rollbackCount: 0,
    rolledBack: false,
    attemptFailed: false,
    last: release(),
    chart: { revision: 'aaa', changed: false },
    comparedRecently: false,
    ...extra,
  };
}

describe('decide', () => {
  const rows: { name: string; spec?: Record<string, unknown>; observed: Partial<Observed>; want: string }[] = [
    { name: 'no release', observed: { last: undefined }, want: 'install' },
    { name: 'uninstalled with history kept', observed: { last: release({ status: 'uninstalled' }) }, want: 'install' },
    {
      name: 'somebody else’s release',
      observed: { last: release({ antecedent: 'shop:helmrelease/other' }) },
      want: 'refuse',
    },
    {
      name: 'a release no HelmRelease owns yet',
      observed: { last: release({ antecedent: undefined }) },
      want: 'dry-run-compare',
    },
    { name: 'the HelmRelease changed', observed: { generation: 3 }, want: 'upgrade' },
    { name: 'first seen by this operator', observed: { observedGeneration: undefined }, want: 'upgrade' },
    { name: 'the chart changed', observed: { chart: { revision: 'bbb', changed: true } }, want: 'upgrade' },
    { name: 'nothing changed', observed: {}, want: 'dry-run-compare' },
    { name: 'nothing changed and compared just now', observed: { comparedRecently: true }, want: 'skip' },
    {
      name: 'the last attempt did not render',
      observed: { attemptFailed: true, comparedRecently: true },
      want: 'upgrade',
    },
    {
      name: 'an upgrade that was killed',
      observed: { last: release({ status: 'pending-upgrade', abandoned: true }) },
      want: 'upgrade',
    },
    {
      name: 'an install that was killed',
      observed: { last: release({ status: 'pending-install', abandoned: true }) },
      want: 'upgrade',
    },
    { name: 'somebody is at work', observed: { last: release({ status: 'pending-upgrade' }) }, want: 'wait' },
    {
      name: 'somebody was at work for too long',
      observed: { last: release({ status: 'pending-upgrade', ageMs: 331_000 }) },
      want: 'upgrade',
    },
    { name: 'failed just now', observed: { last: release({ status: 'failed', failures: 1 }) }, want: 'wait' },
    {
      name: 'failed a while ago',
      observed: { last: release({ status: 'failed', failures: 1, ageMs: 61_000 }) },
      want: 'upgrade',
    },
    {
      name: 'failed again and again',
      observed: { last: release({ status: 'failed', failures: 4, ageMs: 61_000 }) },
      want: 'wait',
    },
    {
      name: 'failed, then the chart was mended',
      observed: { last: release({ status: 'failed' }), chart: { revision: 'b', changed: true } },
      want: 'upgrade',
    },
    { name: 'rolled back, no retry', observed: { rolledBack: true, rollbackCount: 1 }, want: 'skip' },
    {
      name: 'rolled back, retry',
      spec: { rollback: { enable: true, retry: true } },
      observed: { rolledBack: true, rollbackCount: 1 },
      want: 'upgrade',
    },
    {
      name: 'rolled back too often',
      spec: { rollback: { enable: true, retry: true, maxRetries: 2 } },
      observed: { rolledBack: true, rollbackCount: 3 },
      want: 'skip',
    },
    {
      name: 'rolled back, then the chart changed',
      observed: { rolledBack: true, chart: { revision: 'b', changed: true } },
      want: 'upgrade',
    },
    { name: 'being uninstalled', observed: { last: release({ status: 'uninstalling' }) }, want: 'refuse' },
  ];

  it.each(rows)('$name: $want', (row) => {
    const action = decide(spec(row.spec), observed(row.observed), { resourceId, syncIntervalMs });

    expect(action.type).toBe(row.want);
  });

  it('names who owns the release it refuses', () => {
    const action = decide(spec(), observed({ last: release({ antecedent: 'a:helmrelease/b' }) }), {
      resourceId,
      syncIntervalMs,
    });

    expect(action.because).toBe("release appears to be managed by 'a:helmrelease/b'");
  });
});
