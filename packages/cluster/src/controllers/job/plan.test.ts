/** The decisions about Jobs, with the numbers, reasons and messages of kube-controller-manager 1.34. */

import type { Pod } from '@towpath/api';
import { describe, expect, test } from 'vitest';
import type { Job, JobStatus } from '../types.ts';
import { planJob, type JobPlan } from './plan.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();

function jobOf(spec: Partial<Job['spec']>, status: JobStatus = {}): Job {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'a' }] } };
  const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 3 };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'work', namespace: 'default', uid: 'job' },
    spec: { ...indexed, template, ...spec },
    status: { startTime: ago(60), ...status },
  };
}

interface PodFacts {
  readonly phase?: string;
  readonly exitCode?: number;
  readonly condition?: string;
  readonly isDeleted?: boolean;
  readonly isUntracked?: boolean;
  /** Failures of the index before this pod. */
  readonly failures?: number;
  readonly endedSeconds?: number;
}

function podOf(index: number, facts: PodFacts = {}): Pod {
  const { phase = 'Running', exitCode, condition, isDeleted, isUntracked, failures, endedSeconds = 3600 } = facts;
  const terminated = { exitCode: exitCode ?? (phase === 'Succeeded' ? 0 : 1), finishedAt: ago(endedSeconds) };
  const isOver = phase !== 'Running';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `work-${index}-x`,
      namespace: 'default',
      uid: `uid-${index}-${failures ?? 0}-${phase}`,
      ...(isUntracked !== true && { finalizers: ['batch.kubernetes.io/job-tracking'] }),
      ...(isDeleted === true && { deletionTimestamp: ago(1) }),
      annotations: {
        'batch.kubernetes.io/job-completion-index': String(index),
        ...(failures !== undefined && { 'batch.kubernetes.io/job-index-failure-count': String(failures) }),
      },
    },
    spec: { containers: [{ name: 'main', image: 'a' }] },
    status: {
      phase,
      ...(condition !== undefined && { conditions: [{ type: condition, status: 'True' as const }] }),
      ...(isOver && {
        containerStatuses: [
          { name: 'main', ready: false, restartCount: 0, image: 'a', imageID: '', state: { terminated } },
        ],
      }),
    },
  };
}

const conditionsOf = (plan: JobPlan): string[] =>
  (plan.status.conditions ?? []).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
const indexes = (plan: JobPlan): unknown[] => plan.creations.map(({ index }) => index);
const rule = (action: string, values: number[], operator = 'In') => ({ action, onExitCodes: { operator, values } });

describe('podFailurePolicy', () => {
  const failure = podOf(0, { phase: 'Failed', exitCode: 42 });
  const failed = (message: string): string[] => [`FailureTarget PodFailurePolicy: ${message}`];
  test.each([
    {
      name: 'FailJob by exit code',
      rules: [rule('Count', [1]), rule('FailJob', [42])],
      pod: failure,
      conditions: failed(
        'Container main for pod default/work-0-x failed with exit code 42 matching FailJob rule at index 1',
      ),
      uncounted: 1,
    },
    {
      name: 'FailJob by condition',
      rules: [{ action: 'FailJob', onPodConditions: [{ type: 'ConfigIssue', status: 'True' }] }],
      pod: podOf(0, { phase: 'Failed', condition: 'ConfigIssue' }),
      conditions: failed('Pod default/work-0-x has condition ConfigIssue matching FailJob rule at index 0'),
      uncounted: 1,
    },
    { name: 'Ignore', rules: [rule('Ignore', [42]), rule('FailJob', [42])], pod: failure, creations: [0, 1, 2] },
    {
      name: 'NotIn does not match what is listed',
      rules: [rule('FailJob', [42], 'NotIn')],
      pod: failure,
      creations: [0, 1, 2],
      uncounted: 1,
    },
    {
      name: 'another container',
      rules: [{ action: 'FailJob', onExitCodes: { containerName: 'other', operator: 'In', values: [42] } }],
      pod: failure,
      creations: [0, 1, 2],
      uncounted: 1,
    },
    {
      name: 'a pod that is being deleted is judged when it has ended',
      rules: [rule('FailJob', [42])],
      pod: podOf(0, { isDeleted: true }),
      creations: [1, 2],
    },
  ])('$name', ({ rules, pod, conditions = [], creations = [], uncounted = 0 }) => {
    const plan = planJob(jobOf({ podFailurePolicy: { rules } }), [pod], nowMs);

    expect(conditionsOf(plan)).toEqual(conditions);
    expect(indexes(plan)).toEqual(creations);
    expect(plan.status.uncountedTerminatedPods?.failed ?? []).toHaveLength(uncounted);
  });

  test('an ignored failure is let go without being counted', () => {
    const plan = planJob(jobOf({ podFailurePolicy: { rules: [rule('Ignore', [42])] } }), [failure], nowMs);

    expect(plan.toUntrack).toEqual([failure]);
    expect(plan.status.failed).toBeUndefined();
  });
});

describe('backoffLimitPerIndex', () => {
  const spec = { backoffLimitPerIndex: 1, backoffLimit: 2147483647 };
  const failedOnce = podOf(1, { phase: 'Failed', failures: 0 });
  const failedTwice = podOf(1, { phase: 'Failed', failures: 1 });

  test('a failed pod stays until its replacement has its count', () => {
    const plan = planJob(jobOf(spec), [podOf(0), failedOnce, podOf(2)], nowMs);

    expect(plan.creations).toEqual([{ index: 1, annotations: { 'batch.kubernetes.io/job-index-failure-count': '1' } }]);
    expect(plan.toUntrack).toEqual([]);
    expect(plan.status.uncountedTerminatedPods).toEqual({});

    const next = planJob(jobOf(spec), [podOf(0), failedOnce, podOf(1, { failures: 1 }), podOf(2)], nowMs);
    expect(next.status.uncountedTerminatedPods).toEqual({ failed: [failedOnce.metadata.uid] });
  });

  test('a first pod says that nothing failed before it', () => {
    const plan = planJob(jobOf({ ...spec, completions: 1 }), [], nowMs);

    expect(plan.creations).toEqual([{ index: 0, annotations: { 'batch.kubernetes.io/job-index-failure-count': '0' } }]);
  });

  test('an index waits for itself', () => {
    const recent = podOf(1, { phase: 'Failed', failures: 0, endedSeconds: 4 });
    const plan = planJob(jobOf(spec), [podOf(0), recent, podOf(2)], nowMs);

    expect(indexes(plan)).toEqual([]);
    expect(plan.waitMs).toBe(6_000);
  });

  const done = [podOf(0, { phase: 'Succeeded' }), podOf(2, { phase: 'Succeeded' })];
  test.each([
    { name: 'an index over its limit is failed, the others go on', pods: [podOf(0), failedTwice], failed: '1' },
    {
      name: 'failed when every index has ended',
      pods: [...done, failedTwice],
      failed: '1',
      conditions: ['FailureTarget FailedIndexes: Job has failed indexes'],
    },
    {
      name: 'failed at maxFailedIndexes',
      more: { maxFailedIndexes: 0 },
      pods: [podOf(0), failedTwice],
      failed: '1',
      conditions: [
        'FailureTarget MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes',
      ],
    },
    {
      name: 'FailIndex at the first failure',
      more: { podFailurePolicy: { rules: [rule('FailIndex', [1])] } },
      pods: [podOf(0), failedOnce, podOf(2)],
      failed: '1',
    },
    { name: 'no index failed', pods: [podOf(0)], failed: '' },
  ])('$name', ({ more = {}, pods, failed, conditions = [] }) => {
    const plan = planJob(jobOf({ ...spec, ...more }), pods, nowMs);

    expect(plan.status.failedIndexes).toBe(failed);
    expect(conditionsOf(plan)).toEqual(conditions);
  });
});

describe('successPolicy', () => {
  const pods = [podOf(0, { phase: 'Succeeded' }), podOf(1), podOf(2, { phase: 'Succeeded' })];
  const met = (index: number): string[] => [`SuccessCriteriaMet SuccessPolicy: Matched rules at index ${index}`];
  test.each([
    { name: 'these indexes', rules: [{ succeededIndexes: '0,2' }], conditions: met(0) },
    { name: 'not these', rules: [{ succeededIndexes: '0-1' }], conditions: [] },
    { name: 'enough of these', rules: [{ succeededIndexes: '0-1', succeededCount: 1 }], conditions: met(0) },
    { name: 'enough', rules: [{ succeededIndexes: '1' }, { succeededCount: 2 }], conditions: met(1) },
    { name: 'not enough', rules: [{ succeededCount: 3 }], conditions: [] },
  ])('$name', ({ rules, conditions }) => {
    const plan = planJob(jobOf({ successPolicy: { rules } }), pods, nowMs);

    expect(conditionsOf(plan)).toEqual(conditions);
    expect(plan.deletions).toEqual(conditions.length === 0 ? [] : [pods[1]]);
    expect(plan.status.uncountedTerminatedPods).toEqual({});
    expect(plan.status.completedIndexes).toBe('0,2');
  });
});

describe('podReplacementPolicy', () => {
  const going = podOf(0, { isDeleted: true });
  test.each([
    { policy: 'TerminatingOrFailed', creations: [], uncounted: { failed: [going.metadata.uid] }, waits: true },
    { policy: 'Failed', creations: [1, 2], uncounted: {}, waits: false },
  ])('$policy', ({ policy, creations, uncounted, waits }) => {
    const plan = planJob(jobOf({ podReplacementPolicy: policy }), [going], nowMs);

    expect(indexes(plan)).toEqual(creations);
    expect(plan.status.uncountedTerminatedPods).toEqual(uncounted);
    expect(plan.status.terminating).toBe(1);
    expect(plan.waitMs !== undefined).toBe(waits);
  });
});

describe('the end', () => {
  const conditions = [
    { type: 'FailureTarget', status: 'True' as const, reason: 'BackoffLimitExceeded', message: 'Job has reached' },
  ];

  test('waits for pods that are still going', () => {
    const job = jobOf({}, { conditions, failed: 7 });

    const waiting = planJob(job, [podOf(0, { isDeleted: true, isUntracked: true })], nowMs);
    const over = planJob(job, [], nowMs);

    expect(conditionsOf(waiting)).toHaveLength(1);
    expect(conditionsOf(over)[1]).toBe('Failed BackoffLimitExceeded: Job has reached');
    expect(over.status).toMatchObject({ failed: 7, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(over.events).toEqual([{ type: 'Warning', reason: 'BackoffLimitExceeded', message: 'Job has reached' }]);
  });

  test('counts what still ran as failed, before it lets it go', () => {
    const first = planJob(jobOf({ backoffLimit: 0 }, { failed: 1 }), [podOf(0)], nowMs);
    const second = planJob(jobOf({}, { ...first.status }), [podOf(0, { isDeleted: true })], nowMs);

    expect(first.endings).toHaveLength(1);
    expect([first.toUntrack.length, second.toUntrack.length]).toEqual([0, 1]);
    expect(first.status.uncountedTerminatedPods).toEqual({ failed: [podOf(0).metadata.uid] });
  });
});

test('two pods of one index, and one beyond the last, are taken back', () => {
  const plan = planJob(
    jobOf({}),
    [podOf(0), { ...podOf(0), metadata: { ...podOf(0).metadata, uid: 'b' } }, podOf(3)],
    nowMs,
  );

  expect(plan.deletions.map((pod) => pod.metadata.name).toSorted()).toEqual(['work-0-x', 'work-3-x']);
});
