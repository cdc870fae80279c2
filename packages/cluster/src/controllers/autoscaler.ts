/** HorizontalPodAutoscalers are refused by name: their conditions say so, nothing is scaled. */

import { HorizontalPodAutoscalers, keyOf, setCondition, type Condition, type Key } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import { createController, done, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';

const message = 'this cluster does not scale by metrics yet: set the replicas of the target yourself';

export function createAutoscalerController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('horizontal-pod-autoscaler');
  const recorder = deps.recorderFor('horizontal-pod-autoscaler');
  const informer = deps.informers.of(HorizontalPodAutoscalers);

  async function reconcile(key: Key): Promise<Result> {
    const scaler = informer.get(key);
    if (scaler === undefined) return done();
    const status = isRecord(scaler['status']) ? scaler['status'] : {};
    const known = Array.isArray(status['conditions']) ? (status['conditions'] as Condition[]) : [];
    const refusal = { type: 'ScalingActive', status: 'False', reason: 'Unsupported', message } as const;
    const conditions = setCondition(known, refusal, deps.clock.nowMs());
    if (jsonEqual(conditions, known)) return done();
    void recorder.event(scaler, { type: 'Warning', reason: 'Unsupported', message });
    const replicas = { currentReplicas: 0, desiredReplicas: 0 };
    await client.updateStatus(HorizontalPodAutoscalers, { ...scaler, status: { ...replicas, ...status, conditions } });
    return done();
  }

  const controller = createController({ name: 'autoscaler', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(informer, (scaler) => [keyOf(scaler)]);
  return controller;
}
