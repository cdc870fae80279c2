/** Whether one measurement passes, and the sentence that says why not. Pure. */

import { goDurationText } from '@towpath/kit';
import type { MetricPlan, Plan } from './plan.ts';
import type { Measurement } from './providers/provider.ts';

export interface Failure {
  /** Events of level error are Warnings too, but the log line says error. */
  readonly level: 'warning' | 'error';
  readonly message: string;
  /** Worth a diagnosis: there were no values, or the provider did not answer. */
  readonly unexplained: boolean;
}

/** Undefined when the metric passes. Source of the texts: Flagger, pkg/controller/scheduler_metrics.go. */
export function judge(plan: Plan, metric: MetricPlan, measurement: Measurement): Failure | undefined {
  switch (measurement.type) {
    case 'no-values':
      return { level: 'warning', message: noValues(plan, metric), unexplained: true };
    case 'failed':
      return { level: 'error', message: queryFailed(metric, measurement.error), unexplained: true };
    case 'value': {
      const message = outside(plan, metric, measurement.value);
      return message === undefined ? undefined : { level: 'warning', message, unexplained: false };
    }
  }
}

function noValues(plan: Plan, { kind, name }: MetricPlan): string {
  const probably = `probably ${plan.target}.${plan.namespace} is not receiving traffic`;
  switch (kind) {
    case 'request-success-rate': {
      const cause = 'running query failed: no values found';
      return `Halt advancement no values found for istio metric request-success-rate ${probably}: ${cause}`;
    }
    case 'request-duration':
      return `Halt advancement no values found for istio metric request-duration ${probably}`;
    case 'query':
      return `Halt advancement no values found for metric: ${name}`;
    case 'template':
      return `Halt advancement no values found for custom metric: ${name}: no values found`;
  }
}

function queryFailed({ kind, name }: MetricPlan, error: string): string {
  if (kind === 'query') return `Prometheus query failed for ${name}: ${error}`;
  if (kind === 'template') return `Metric query failed for ${name}: ${error}`;
  return `Prometheus query failed: running query failed: ${error}`;
}

function outside(plan: Plan, { kind, name, threshold }: MetricPlan, value: number): string | undefined {
  const { min, max } = threshold;
  const halt = `Halt ${plan.name}.${plan.namespace} advancement`;
  if (kind === 'request-success-rate') {
    if (min !== undefined && value < min) return `${halt} success rate ${value.toFixed(2)}% < ${min}%`;
    if (max !== undefined && value > max) return `${halt} success rate ${value.toFixed(2)}% > ${max}%`;
    return undefined;
  }
  if (kind === 'request-duration') {
    const ms = Math.trunc(value);
    if (min !== undefined && ms < Math.trunc(min)) {
      return `${halt} request duration ${wholeMs(ms)} < ${wholeMs(min)}`;
    }
    if (max !== undefined && ms > Math.trunc(max)) {
      return `${halt} request duration ${wholeMs(ms)} > ${wholeMs(max)}`;
    }
    return undefined;
  }
  if (min !== undefined && value < min) return `${halt} ${name} ${value.toFixed(2)} < ${min}`;
  if (max !== undefined && value > max) return `${halt} ${name} ${value.toFixed(2)} > ${max}`;
  return undefined;
}

/** Flagger prints no parts of a millisecond. */
function wholeMs(ms: number): string {
  return goDurationText(Math.trunc(ms));
}
