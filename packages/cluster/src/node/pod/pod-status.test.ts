/** Phases and conditions from container states. */

import type { Pod } from '@towpath/api';
import { expect, test } from 'vitest';
import type { ContainerFacts, ContainerState } from './container-state.ts';
import { podStatus } from './pod-status.ts';

const running: ContainerState = { type: 'running', startedAtMs: 0 };
const waiting: ContainerState = { type: 'waiting', reason: 'ContainerCreating' };
const ended = (exitCode: number): ContainerState & { type: 'terminated' } => ({
  type: 'terminated',
  exitCode,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAtMs: 0,
  finishedAtMs: 0,
  containerId: '',
});
const crashed: ContainerState = { type: 'waiting', reason: 'CrashLoopBackOff' };

function facts(name: string, state: ContainerState, more: Partial<ContainerFacts> = {}): ContainerFacts {
  const isRunning = state.type === 'running';
  const base = { image: '', imageId: '', containerId: '', last: undefined, restartCount: 0 };
  return { ...base, name, state, started: isRunning, ready: isRunning, ...more };
}

const table: {
  name: string;
  policy?: string;
  inits?: ContainerFacts[];
  containers: ContainerFacts[];
  phase: string;
  ready?: string;
  sidecar?: boolean;
}[] = [
  { name: 'creating', containers: [facts('a', waiting)], phase: 'Pending' },
  { name: 'running', containers: [facts('a', running)], phase: 'Running', ready: 'True' },
  { name: 'one not ready', containers: [facts('a', running), facts('b', running, { ready: false })], phase: 'Running' },
  { name: 'one still waiting', containers: [facts('a', running), facts('b', waiting)], phase: 'Pending' },
  { name: 'crash loop', containers: [facts('a', crashed, { last: ended(1) })], phase: 'Running' },
  { name: 'done', policy: 'Never', containers: [facts('a', ended(0))], phase: 'Succeeded' },
  { name: 'failed', policy: 'Never', containers: [facts('a', ended(0)), facts('b', ended(2))], phase: 'Failed' },
  { name: 'to be tried again', policy: 'OnFailure', containers: [facts('a', ended(2))], phase: 'Running' },
  { name: 'ended, restarts always', containers: [facts('a', ended(0))], phase: 'Running' },
  { name: 'init runs', inits: [facts('i', running)], containers: [facts('a', waiting)], phase: 'Pending' },
  {
    name: 'init failed',
    policy: 'Never',
    inits: [facts('i', ended(1))],
    containers: [facts('a', waiting)],
    phase: 'Failed',
  },
  {
    name: 'after init',
    inits: [facts('i', ended(0))],
    containers: [facts('a', running)],
    phase: 'Running',
    ready: 'True',
  },
  {
    name: 'sidecar',
    sidecar: true,
    inits: [facts('i', running)],
    containers: [facts('a', running)],
    phase: 'Running',
    ready: 'True',
  },
];

test.each(table)(
  '$name is $phase',
  ({ policy = 'Always', inits = [], containers, phase, ready = 'False', sidecar }) => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        restartPolicy: policy,
        containers: containers.map(({ name }) => ({ name })),
        initContainers: inits.map(({ name }) => ({ name, ...(sidecar === true && { restartPolicy: 'Always' }) })),
      },
    } as Pod;
    const status = podStatus({ pod, nowMs: 0, startTime: '', hostIP: '', podIP: '10.244.1.2', inits, containers });
    expect(status.phase).toBe(phase);
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe(ready);
  },
);

test('unready containers are named, conditions of others are kept', () => {
  const gate = { type: 'example.org/gate', status: 'True' as const };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'a' }] },
    status: { conditions: [gate] },
  } as Pod;
  const containers = [facts('a', running, { ready: false })];
  const status = podStatus({ pod, nowMs: 0, startTime: '', hostIP: '', podIP: undefined, inits: [], containers });
  expect(status.conditions).toContainEqual(gate);
  expect(status.conditions?.find(({ type }) => type === 'ContainersReady')).toMatchObject({
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [a]',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  });
});
