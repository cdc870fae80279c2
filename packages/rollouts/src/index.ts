/** Progressive delivery: runs Canary objects as Flagger does, and says why one halts. */

export { createFlaggerBuiltin, flaggerFieldManager, type FlaggerBuiltinDeps } from './builtin.ts';
export { phases, statusOf, type Canary, type CanarySpec, type CanaryStatus, type Phase } from './canary.ts';
export { createRolloutController, type RolloutController } from './controller.ts';
export { decide, desiredWeight, type Situation, type Step } from './decide.ts';
export type { RolloutDeps } from './deps.ts';
export { diagnose, type Cause, type Diagnosis, type Evidence } from './diagnosis.ts';
export { subjectOf } from './evidence.ts';
export { rolloutErrorCodes, type RolloutErrorCode } from './errors.ts';
export { createNarrator, type Narrator } from './narrate.ts';
export { readPlan, type Plan } from './plan.ts';
export { prometheusProviders } from './providers/prometheus.ts';
export type { Measurement, MetricProvider, MetricProviderFactory } from './providers/provider.ts';
export { createRolloutMetrics } from './rollout-metrics.ts';
export { istioRouter } from './router/istio.ts';
