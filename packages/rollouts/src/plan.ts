/** A Canary read once: names, defaults and limits in one place, unsupported wishes named. */

import { getIn, isRecord, parseGoDuration } from '@towpath/kit';
import type { Canary, CanaryMetric, CanaryService, CanaryWebhook } from './canary.ts';

type Strategy = 'canary' | 'blue-green' | 'ab-testing';

interface Threshold {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

export interface MetricPlan {
  readonly name: string;
  readonly kind: 'request-success-rate' | 'request-duration' | 'query' | 'template';
  /** As written, for the query's range. */
  readonly interval: string;
  readonly threshold: Threshold;
  readonly query: string;
  readonly templateRef: { readonly name: string; readonly namespace: string } | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

export type WebhookType =
  | 'confirm-rollout'
  | 'pre-rollout'
  | 'rollout'
  | 'confirm-traffic-increase'
  | 'confirm-promotion'
  | 'post-rollout'
  | 'rollback'
  | 'event';

export interface WebhookPlan {
  readonly name: string;
  readonly type: WebhookType;
  readonly url: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the controller works with. Weights are percent. */
export interface Plan {
  readonly name: string;
  readonly namespace: string;
  readonly target: string;
  readonly targetKind: string;
  readonly primary: string;
  readonly metricsServer: string;
  readonly autoscaler: string | undefined;
  readonly service: CanaryService & { readonly apex: string; readonly primary: string; readonly canary: string };
  readonly intervalMs: number;
  readonly threshold: number;
  readonly strategy: Strategy;
  readonly iterations: number;
  /** The weights of the canary, ascending; the last one ends the analysis. */
  readonly weights: readonly number[];
  readonly match: readonly Record<string, unknown>[];
  readonly metrics: readonly MetricPlan[];
  readonly webhooks: readonly WebhookPlan[];
  readonly progressDeadlineSeconds: number;
  readonly primaryReadyThreshold: number;
  readonly canaryReadyThreshold: number;
  readonly skipAnalysis: boolean;
  readonly suspend: boolean;
}

export interface PlanDefaults {
  /** The component's -mesh-provider. */
  readonly meshProvider: string;
  /** The component's -metrics-server. */
  readonly metricsServer: string;
}

export interface PlanResult {
  /** Absent when the Canary cannot be run at all. */
  readonly plan: Plan | undefined;
  /** Why not: one sentence each, naming the member. */
  readonly refusals: readonly string[];
  /** Wishes that are left out without changing the verdict. */
  readonly warnings: readonly string[];
}

/** Flagger raises shorter intervals to this. */
const minIntervalMs = 10_000;
const defaultIntervalMs = 60_000;
const defaultDeadlineSeconds = 600;

/** Reads a Canary. Never throws: what is wrong comes back as sentences. */
export function readPlan(canary: Canary, defaults: PlanDefaults): PlanResult {
  const { spec } = canary;
  const refusals = [...missing(canary), ...unsupported(canary, defaults)];
  if (refusals.length > 0) return { plan: undefined, refusals, warnings: [] };
  const analysis = spec.analysis ?? spec.canaryAnalysis ?? {};
  const target = spec.targetRef.name;
  const apex = spec.service.name ?? target;
  const iterations = analysis.iterations ?? 0;
  const match = analysis.match ?? [];
  const namespace = canary.metadata.namespace ?? '';
  const plan: Plan = {
    name: canary.metadata.name,
    namespace,
    target,
    targetKind: spec.targetRef.kind,
    primary: `${target}-primary`,
    metricsServer: spec.metricsServer ?? defaults.metricsServer,
    autoscaler: spec.autoscalerRef?.name,
    service: {
      ...spec.service,
      apexMetadata: spec.service['apex'],
      primaryMetadata: spec.service['primary'],
      canaryMetadata: spec.service['canary'],
      apex,
      primary: `${apex}-primary`,
      canary: `${apex}-canary`,
    },
    intervalMs: intervalOf(analysis.interval),
    // An absent or nonsensical threshold means the first failed check ends it.
    threshold: (analysis.threshold ?? 0) > 0 ? (analysis.threshold ?? 1) : 1,
    strategy: iterations > 0 ? (match.length > 0 ? 'ab-testing' : 'blue-green') : 'canary',
    iterations,
    weights: weightsOf(analysis),
    match,
    metrics: (analysis.metrics ?? []).map((metric) => metricOf(metric, namespace)),
    webhooks: (analysis.webhooks ?? []).map(webhookOf),
    progressDeadlineSeconds: spec.progressDeadlineSeconds ?? defaultDeadlineSeconds,
    primaryReadyThreshold: percentOf(analysis['primaryReadyThreshold']),
    canaryReadyThreshold: percentOf(analysis['canaryReadyThreshold']),
    skipAnalysis: spec.skipAnalysis === true || (spec.analysis === undefined && spec.canaryAnalysis === undefined),
    suspend: spec.suspend === true,
  };
  return { plan, refusals: [], warnings: leftOut(canary) };
}

function missing({ spec }: Canary): string[] {
  const problems: string[] = [];
  if (getIn(spec, ['targetRef', 'name']) === undefined) problems.push('spec.targetRef.name is missing');
  if (getIn(spec, ['service', 'port']) === undefined) problems.push('spec.service.port is missing');
  return problems;
}

function unsupported({ spec }: Canary, defaults: PlanDefaults): string[] {
  const problems: string[] = [];
  const analysis = spec.analysis ?? spec.canaryAnalysis ?? {};
  const provider = spec.provider ?? defaults.meshProvider;
  const kind = spec.targetRef?.kind ?? 'Deployment';
  if (provider !== 'istio') problems.push(`spec.provider ${provider} is not supported, only istio`);
  if (kind !== 'Deployment') problems.push(`spec.targetRef.kind ${kind} is not supported, only Deployment`);
  const autoscaler = spec.autoscalerRef?.kind;
  if (autoscaler !== undefined && autoscaler !== 'HorizontalPodAutoscaler') {
    problems.push(`spec.autoscalerRef.kind ${autoscaler} is not supported, only HorizontalPodAutoscaler`);
  }
  if (analysis['mirror'] === true) problems.push('spec.analysis.mirror is not supported');
  if (analysis['sessionAffinity'] !== undefined) problems.push('spec.analysis.sessionAffinity is not supported');
  if (Number(analysis['stepWeightPromotion'] ?? 0) > 0) {
    problems.push('spec.analysis.stepWeightPromotion is not supported');
  }
  if (spec.service?.['delegation'] === true) problems.push('spec.service.delegation is not supported');
  if (spec.service?.appProtocol === 'tcp') problems.push('spec.service.appProtocol tcp is not supported');
  for (const webhook of analysis.webhooks ?? []) {
    const type = webhook.type ?? '';
    if (type !== '' && !webhookTypes.has(type)) {
      problems.push(`spec.analysis.webhooks ${webhook.name}: type ${type} is unknown`);
    }
  }
  return problems;
}

function leftOut({ spec }: Canary): string[] {
  const analysis = spec.analysis ?? spec.canaryAnalysis ?? {};
  const warnings: string[] = [];
  const alerts = analysis['alerts'];
  if (Array.isArray(alerts) && alerts.length > 0) warnings.push('spec.analysis.alerts is not supported and left out');
  if ((analysis.webhooks ?? []).some(({ type }) => type === 'event')) {
    warnings.push('spec.analysis.webhooks of type event are not supported and left out');
  }
  if (spec['revertOnDeletion'] === true) warnings.push('spec.revertOnDeletion is not supported and left out');
  if (spec.service['portDiscovery'] === true) {
    warnings.push('spec.service.portDiscovery is not supported and left out');
  }
  return warnings;
}

const webhookTypes: ReadonlySet<string> = new Set<WebhookType>([
  'confirm-rollout',
  'pre-rollout',
  'rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
  'post-rollout',
  'rollback',
  'event',
]);

function intervalOf(text: string | undefined): number {
  const ms = text === undefined ? defaultIntervalMs : (parseGoDuration(text) ?? defaultIntervalMs);
  return Math.max(minIntervalMs, ms);
}

/** Steps until the maximum is reached or passed: 20 up to 50 gives 20, 40, 60. */
function weightsOf(analysis: { stepWeight?: number; stepWeights?: number[]; maxWeight?: number }): number[] {
  if (analysis.stepWeights !== undefined && analysis.stepWeights.length > 0) return [...analysis.stepWeights];
  const step = analysis.stepWeight ?? 0;
  if (step <= 0) return [];
  const max = (analysis.maxWeight ?? 0) > 0 ? (analysis.maxWeight ?? 100) : 100;
  const weights: number[] = [];
  for (let weight = step; ; weight += step) {
    weights.push(Math.min(100, weight));
    if (weight >= max || weight >= 100) return weights;
  }
}

function percentOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && value <= 100 ? value : 100;
}

function metricOf(metric: CanaryMetric, namespace: string): MetricPlan {
  const { name, templateRef } = metric;
  const kind = templateRef !== undefined ? 'template' : isBuiltin(name) ? name : 'query';
  return {
    name,
    kind,
    interval: metric.interval ?? '1m',
    threshold: thresholdOf(metric),
    query: metric.query ?? '',
    templateRef:
      templateRef === undefined ? undefined : { name: templateRef.name, namespace: templateRef.namespace ?? namespace },
    variables: metric.templateVariables ?? {},
  };
}

function isBuiltin(name: string): name is 'request-success-rate' | 'request-duration' {
  return name === 'request-success-rate' || name === 'request-duration';
}

/** The deprecated single threshold is the least success rate and the greatest anything else. */
function thresholdOf({ name, threshold, thresholdRange }: CanaryMetric): Threshold {
  if (isRecord(thresholdRange)) return { min: thresholdRange.min, max: thresholdRange.max };
  if (threshold === undefined) return { min: undefined, max: undefined };
  return name === 'request-success-rate' ? { min: threshold, max: undefined } : { min: undefined, max: threshold };
}

const defaultWebhookTimeoutMs = 10_000;

function webhookOf(webhook: CanaryWebhook): WebhookPlan {
  const type = webhook.type === undefined || webhook.type === '' ? 'rollout' : webhook.type;
  return {
    name: webhook.name,
    type: type as WebhookType,
    url: webhook.url,
    timeoutMs:
      (webhook.timeout === undefined ? undefined : parseGoDuration(webhook.timeout)) ?? defaultWebhookTimeoutMs,
    retries: webhook.retries ?? 0,
    metadata: webhook.metadata ?? {},
  };
}
