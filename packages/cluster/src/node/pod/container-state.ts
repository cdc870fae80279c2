/** The state of one container, as its status shows it. */

import type { ContainerStatus } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';

interface Waiting {
  readonly type: 'waiting';
  readonly reason: string;
  readonly message?: string;
}

interface Running {
  readonly type: 'running';
  readonly startedAtMs: number;
}

export interface Terminated {
  readonly type: 'terminated';
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly containerId: string;
}

export type ContainerState = Waiting | Running | Terminated;

export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  /** With scheme; empty before the first start. */
  readonly containerId: string;
  readonly state: ContainerState;
  readonly last: Terminated | undefined;
  readonly restartCount: number;
  readonly started: boolean;
  readonly ready: boolean;
}

/** `corev1.ContainerStatus`. */
export function toContainerStatus(facts: ContainerFacts): ContainerStatus {
  return {
    name: facts.name,
    state: toState(facts.state),
    lastState: facts.last === undefined ? {} : toState(facts.last),
    ready: facts.ready,
    restartCount: facts.restartCount,
    image: facts.image,
    imageID: facts.imageId,
    ...(facts.containerId !== '' && { containerID: facts.containerId }),
    started: facts.started,
  };
}

function toState(state: ContainerState): Record<string, unknown> {
  switch (state.type) {
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message !== undefined && { message: state.message }) } };
    case 'running':
      return { running: { startedAt: toTimestamp(state.startedAtMs) } };
    case 'terminated':
      return {
        terminated: {
          exitCode: state.exitCode,
          ...(state.signal !== undefined && { signal: state.signal }),
          reason: state.reason,
          ...(state.message !== undefined && { message: state.message }),
          startedAt: toTimestamp(state.startedAtMs),
          finishedAt: toTimestamp(state.finishedAtMs),
          containerID: state.containerId,
        },
      };
  }
}

/** Reads a state back from a status the API has; undefined for none. */
export function fromState(state: Record<string, unknown> | undefined): ContainerState | undefined {
  const running = state?.['running'] as { startedAt?: string } | undefined;
  if (running !== undefined) return { type: 'running', startedAtMs: msOf(running.startedAt) };
  const terminated = state?.['terminated'] as Record<string, unknown> | undefined;
  if (terminated === undefined) return undefined;
  const { signal, message } = terminated;
  return {
    type: 'terminated',
    exitCode: Number(terminated['exitCode'] ?? 0),
    ...(typeof signal === 'number' && { signal }),
    reason: String(terminated['reason'] ?? ''),
    ...(typeof message === 'string' && { message }),
    startedAtMs: msOf(terminated['startedAt']),
    finishedAtMs: msOf(terminated['finishedAt']),
    containerId: String(terminated['containerID'] ?? ''),
  };
}

function msOf(timestamp: unknown): number {
  const parsed = Date.parse(String(timestamp));
  return Number.isNaN(parsed) ? 0 : parsed;
}
