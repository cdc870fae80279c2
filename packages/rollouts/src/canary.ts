/** The Canary object as users write it, v1beta1 and the 2020 form v1alpha3. */

import type { Condition, KubeObject } from '@towpath/api';

/** Source: Flagger, pkg/apis/flagger/v1beta1/status.go. */
export const phases = [
  'Initializing',
  'Initialized',
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'Succeeded',
  'Failed',
  'Terminating',
  'Terminated',
] as const;
export type Phase = (typeof phases)[number];

interface ObjectRef {
  apiVersion?: string;
  kind: string;
  name: string;
  namespace?: string;
}

export interface CanaryMetric {
  name: string;
  interval?: string;
  threshold?: number;
  thresholdRange?: { min?: number; max?: number };
  query?: string;
  templateRef?: { name: string; namespace?: string };
  templateVariables?: Record<string, string>;
}

export interface CanaryWebhook {
  name: string;
  type?: string;
  url: string;
  timeout?: string;
  retries?: number;
  metadata?: Record<string, string>;
}

interface CanaryAnalysis {
  interval?: string;
  iterations?: number;
  threshold?: number;
  maxWeight?: number;
  stepWeight?: number;
  stepWeights?: number[];
  match?: Record<string, unknown>[];
  metrics?: CanaryMetric[];
  webhooks?: CanaryWebhook[];
  [member: string]: unknown;
}

export interface CanaryService {
  name?: string;
  port: number;
  portName?: string;
  targetPort?: number | string;
  appProtocol?: string;
  gateways?: string[];
  hosts?: string[];
  match?: Record<string, unknown>[];
  rewrite?: Record<string, unknown>;
  timeout?: string;
  retries?: Record<string, unknown>;
  headers?: Record<string, unknown>;
  corsPolicy?: Record<string, unknown>;
  trafficPolicy?: Record<string, unknown>;
  [member: string]: unknown;
}

export interface CanarySpec {
  provider?: string;
  metricsServer?: string;
  targetRef: ObjectRef;
  autoscalerRef?: ObjectRef;
  service: CanaryService;
  analysis?: CanaryAnalysis;
  /** v1alpha3's name of `analysis`. */
  canaryAnalysis?: CanaryAnalysis;
  progressDeadlineSeconds?: number;
  skipAnalysis?: boolean;
  suspend?: boolean;
  [member: string]: unknown;
}

export interface CanaryStatus {
  phase: Phase | '';
  failedChecks: number;
  canaryWeight: number;
  iterations: number;
  trackedConfigs: Record<string, string>;
  lastAppliedSpec: string;
  lastPromotedSpec: string;
  lastTransitionTime: string;
  conditions: Condition[];
  /** Ours: why the last check found no values. */
  diagnosis?: { cause: string; message: string } | undefined;
}

export interface Canary extends KubeObject {
  spec: CanarySpec;
  status?: Partial<CanaryStatus>;
}

/** The status with every member present. */
export function statusOf(canary: Canary): CanaryStatus {
  return {
    phase: '',
    failedChecks: 0,
    canaryWeight: 0,
    iterations: 0,
    trackedConfigs: {},
    lastAppliedSpec: '',
    lastPromotedSpec: '',
    lastTransitionTime: '',
    conditions: [],
    ...canary.status,
  };
}
