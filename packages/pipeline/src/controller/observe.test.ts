/** What Jobs and their pods say about a job of a pipeline. */

import type { AnyObject, Pipeline, Pod } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { parseCi } from '../config/parse.ts';
import { planPipeline, type PlannedJob } from '../config/plan.ts';
import { observe } from './observe.ts';

const pipeline: Pipeline = {
  apiVersion: 'towpath.dev/v1alpha1',
  kind: 'Pipeline',
  metadata: { name: 'p-1' },
  spec: { repository: 'p', ref: 'refs/heads/m', commit: 'c', before: 'b', iid: 1, source: 'push' },
};

async function plan(file: string): Promise<readonly PlannedJob[]> {
  const planned = planPipeline({
    config: await parseCi(file),
    ref: { type: 'branch', name: 'm', source: 'push' },
    predefined: {},
    changedPaths: undefined,
    files: [],
    commitMessage: '',
  });
  return planned.type === 'jobs' ? planned.jobs : [];
}

function attempt(number: number, condition: { type: string; reason?: string } | undefined): AnyObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `p-1-a-${number}`,
      uid: `job-${number}`,
      annotations: { 'towpath.dev/ci-job': 'a', 'towpath.dev/attempt': String(number) },
    },
    status: { conditions: condition === undefined ? [] : [{ ...condition, status: 'True' }] },
  };
}

function pod(number: number, terminated: { exitCode: number; reason?: string }): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${number}`,
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: '', uid: `job-${number}` }],
    },
    spec: { containers: [] },
    status: {
      containerStatuses: [
        { name: 'build', ready: false, restartCount: 0, image: '', imageID: '', state: { terminated } },
      ],
    },
  };
}

const failed = { type: 'Failed', reason: 'BackoffLimitExceeded' };

describe('observe', () => {
  it.each([
    { name: 'nothing yet', file: 'a: { script: x }', jobs: [], pods: [], phase: undefined, next: undefined },
    {
      name: 'running',
      file: 'a: { script: x }',
      jobs: [attempt(1, undefined)],
      pods: [],
      phase: 'Running',
      next: undefined,
    },
    {
      name: 'done',
      file: 'a: { script: x }',
      jobs: [attempt(1, { type: 'Complete' })],
      pods: [],
      phase: 'Succeeded',
      next: undefined,
    },
    {
      name: 'failed by itself',
      file: 'a: { script: x }',
      jobs: [attempt(1, failed)],
      pods: [pod(1, { exitCode: 1 })],
      phase: 'Failed',
      next: undefined,
    },
    {
      name: 'retried',
      file: 'a: { script: x, retry: 1 }',
      jobs: [attempt(1, failed)],
      pods: [pod(1, { exitCode: 1 })],
      phase: undefined,
      next: 2,
    },
    {
      name: 'retries used up',
      file: 'a: { script: x, retry: 1 }',
      jobs: [attempt(2, failed), attempt(1, failed)],
      pods: [pod(1, { exitCode: 1 }), pod(2, { exitCode: 1 })],
      phase: 'Failed',
      next: undefined,
    },
    {
      name: 'killed',
      file: 'a: { script: x }',
      jobs: [attempt(1, failed)],
      pods: [pod(1, { exitCode: 143 })],
      phase: undefined,
      next: 2,
    },
    {
      name: 'lost with the node',
      file: 'a: { script: x }',
      jobs: [attempt(1, failed)],
      pods: [pod(1, { exitCode: 255, reason: 'Unknown' })],
      phase: undefined,
      next: 2,
    },
    {
      name: 'killed by its own deadline',
      file: 'a: { script: x }',
      jobs: [attempt(1, { type: 'Failed', reason: 'DeadlineExceeded' })],
      pods: [pod(1, { exitCode: 143 })],
      phase: 'Failed',
      next: undefined,
    },
  ])('$name', async ({ file, jobs, pods, phase, next }) => {
    const observed = observe(pipeline, await plan(file), { jobs, pods });

    expect(observed.states.get('a')?.phase).toBe(phase);
    expect(observed.nextAttempt.get('a')).toBe(next);
  });
});
