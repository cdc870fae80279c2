/** A pod's status from the states of its containers: phase, conditions, container statuses. Pure. */

import { setCondition, type Condition, type Pod } from '@towpath/api';
import { isSidecar, specOf, type CorePodSpec } from '../core.ts';
import { toContainerStatus, type ContainerFacts } from './container-state.ts';

export interface PodStatusInput {
  readonly pod: Pod;
  readonly nowMs: number;
  readonly startTime: string;
  readonly hostIP: string;
  /** Absent until the pod is on the network and its volumes are there. */
  readonly podIP: string | undefined;
  readonly inits: readonly ContainerFacts[];
  readonly containers: readonly ContainerFacts[];
  /** Set when the node ended the pod for a reason of its own. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
}

type PodStatus = NonNullable<Pod['status']>;
type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Conditions of other writers (readiness gates, the scheduler) are kept as they are. */
export function podStatus(input: PodStatusInput): PodStatus {
  const { pod, containers, inits, podIP } = input;
  const phase = phaseOf(input);
  const initialized = isInitialized(specOf(pod), inits);
  const waiting = initialized ? undefined : 'PodInitializing';
  const shown = containers.map((facts) =>
    waiting !== undefined && facts.state.type === 'waiting' && inits.length > 0
      ? { ...facts, state: { type: 'waiting' as const, reason: waiting } }
      : facts,
  );
  return {
    phase,
    conditions: conditionsOf(input, phase, initialized),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(podIP !== undefined && { podIP, podIPs: [{ ip: podIP }] }),
    startTime: input.startTime,
    ...(inits.length > 0 && { initContainerStatuses: inits.map((facts) => initStatus(pod, facts)) }),
    containerStatuses: shown.map(toContainerStatus),
    qosClass: pod.status?.qosClass ?? qosClassOf(specOf(pod)),
    ...(input.failure !== undefined && { reason: input.failure.reason, message: input.failure.message }),
  };
}

/** An init container is ready when it has done its work. */
function initStatus(pod: Pod, facts: ContainerFacts): ReturnType<typeof toContainerStatus> {
  const spec = specOf(pod).initContainers?.find(({ name }) => name === facts.name);
  const status = toContainerStatus(facts);
  if (spec !== undefined && isSidecar(spec)) return status;
  return { ...status, ready: facts.state.type === 'terminated' && facts.state.exitCode === 0 };
}

function isInitialized(spec: CorePodSpec, inits: readonly ContainerFacts[]): boolean {
  return inits.every((facts) => {
    const own = spec.initContainers?.find(({ name }) => name === facts.name);
    if (own !== undefined && isSidecar(own)) return facts.started;
    return facts.state.type === 'terminated' && facts.state.exitCode === 0;
  });
}

/** Source: Kubernetes pkg/kubelet, getPhase. */
function phaseOf(input: PodStatusInput): Phase {
  const { pod, containers, inits, failure } = input;
  const spec = specOf(pod);
  if (failure !== undefined) return 'Failed';
  const policy = spec.restartPolicy ?? 'Always';
  if (!isInitialized(spec, inits)) {
    const failed = inits.some((facts) => facts.state.type === 'terminated' && facts.state.exitCode !== 0);
    const started = containers.some(({ state }) => state.type === 'running');
    if (started) return 'Running';
    return failed && policy === 'Never' ? 'Failed' : 'Pending';
  }
  const states = containers.map(({ state, last }) => (state.type === 'waiting' && last !== undefined ? last : state));
  if (states.some(({ type }) => type === 'waiting')) return 'Pending';
  if (states.some(({ type }) => type === 'running')) return 'Running';
  const deleting = pod.metadata.deletionTimestamp !== undefined;
  if (policy === 'Always' && !deleting) return 'Running';
  if (states.every((state) => state.type === 'terminated' && state.exitCode === 0)) return 'Succeeded';
  return policy === 'Never' || deleting ? 'Failed' : 'Running';
}

function conditionsOf(input: PodStatusInput, phase: Phase, initialized: boolean): Condition[] {
  const { pod, containers, inits, nowMs } = input;
  const ended = phase === 'Succeeded' || phase === 'Failed';
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const incomplete = inits
    .filter(({ state, started }) => !started && !(state.type === 'terminated' && state.exitCode === 0))
    .map(({ name }) => name);
  const finished = phase === 'Succeeded' ? { reason: 'PodCompleted' } : { reason: 'PodFailed' };
  const notReady = ended
    ? finished
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const gates = (specOf(pod).readinessGates ?? []).filter(({ conditionType }) => {
    const found = pod.status?.conditions?.find(({ type }) => type === conditionType);
    return found?.status !== 'True';
  });
  const containersReady = !ended && unready.length === 0;
  const gated = {
    reason: 'ReadinessGatesNotReady',
    message: `the status of pod readiness gate "${gates[0]?.conditionType ?? ''}" is not "True"`,
  };
  const wanted: Omit<Condition, 'lastTransitionTime'>[] = [
    status('PodReadyToStartContainers', input.podIP !== undefined && !ended),
    status('Initialized', initialized || ended, {
      reason: 'ContainersNotInitialized',
      message: `containers with incomplete status: [${incomplete.join(' ')}]`,
    }),
    status('Ready', containersReady && gates.length === 0, containersReady ? gated : notReady),
    status('ContainersReady', containersReady, notReady),
  ];
  let conditions = pod.status?.conditions ?? [];
  for (const condition of wanted) conditions = setCondition(conditions, condition, nowMs);
  if (!conditions.some(({ type }) => type === 'PodScheduled')) {
    conditions = setCondition(conditions, status('PodScheduled', true), nowMs);
  }
  return inOrder([...conditions]);
}

function status(
  type: string,
  isTrue: boolean,
  because?: { reason: string; message?: string },
): Omit<Condition, 'lastTransitionTime'> {
  return { type, status: isTrue ? 'True' : 'False', ...(!isTrue && because) };
}

const order = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'];

function inOrder(conditions: Condition[]): Condition[] {
  const rank = (type: string): number => (order.includes(type) ? order.indexOf(type) : -1);
  return conditions.toSorted((left, right) => rank(left.type) - rank(right.type));
}

/** Source: Kubernetes pod quality of service classes. */
function qosClassOf(spec: CorePodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const names = ['cpu', 'memory'];
  const hasAny = all.some(({ resources }) =>
    names.some((name) => resources?.limits?.[name] !== undefined || resources?.requests?.[name] !== undefined),
  );
  if (!hasAny) return 'BestEffort';
  const guaranteed = all.every(({ resources }) =>
    names.every((name) => {
      const limit = resources?.limits?.[name];
      return limit !== undefined && (resources?.requests?.[name] ?? limit) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
