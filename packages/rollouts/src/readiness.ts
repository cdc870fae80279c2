/** Whether a Deployment's rollout is finished, in Flagger's words. */

import type { Deployment } from '@towpath/api';

export type Readiness =
  | { readonly ready: true }
  /** `retriable` is false once the progress deadline has passed. */
  | { readonly ready: false; readonly retriable: boolean; readonly reason: string };

export interface ReadinessOptions {
  readonly deadlineSeconds: number;
  /** Percent of the replicas that must be available. */
  readonly readyThreshold: number;
  readonly nowMs: number;
}

/** Source: Flagger, pkg/canary/deployment_ready.go, isDeploymentReady. */
export function deploymentReadiness(deployment: Deployment, options: ReadinessOptions): Readiness {
  const { metadata, spec, status } = deployment;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return waiting('observed deployment generation less than desired generation');
  }
  if (isStuck(deployment, options)) {
    const reason = `deployment "${metadata.name}" exceeded its progress deadline`;
    return { ready: false, retriable: false, reason };
  }
  const desired = spec.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {};
  if (updatedReplicas < desired) {
    return waiting(`${updatedReplicas} out of ${desired} new replicas have been updated`);
  }
  if (replicas > updatedReplicas) {
    return waiting(`${replicas - updatedReplicas} old replicas are pending termination`);
  }
  const needed = Math.floor((updatedReplicas * options.readyThreshold) / 100);
  if (availableReplicas < needed) {
    const share = `(readyThreshold ${options.readyThreshold}%)`;
    return waiting(`${availableReplicas} of ${updatedReplicas} ${share} updated replicas are available`);
  }
  return { ready: true };
}

function waiting(what: string): Readiness {
  return { ready: false, retriable: true, reason: `waiting for rollout to finish: ${what}` };
}

function isStuck({ status }: Deployment, { deadlineSeconds, nowMs }: ReadinessOptions): boolean {
  const conditions = status?.conditions ?? [];
  if (conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded'))
    return true;
  const unavailable = conditions.find(({ type, status: value, reason }) => {
    return type === 'Available' && value === 'False' && reason === 'MinimumReplicasUnavailable';
  });
  const since = unavailable?.lastUpdateTime ?? unavailable?.lastTransitionTime;
  return since !== undefined && Date.parse(since) + deadlineSeconds * 1000 < nowMs;
}
