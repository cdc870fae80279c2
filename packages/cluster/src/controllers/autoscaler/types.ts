/** The members of `autoscaling/v2 HorizontalPodAutoscaler` that its controller reads and writes. */

import type { Condition, KubeObject, LabelSelector } from '@towpath/api';

export interface MetricTarget {
  readonly type: string;
  readonly averageUtilization?: number;
  readonly averageValue?: string;
  readonly value?: string;
}

interface NamedMetric {
  readonly metric: { readonly name: string; readonly selector?: LabelSelector };
  readonly target: MetricTarget;
}

/** One of the members beside `type`, named by it. */
export interface MetricSpec {
  readonly type: string;
  readonly resource?: { readonly name: string; readonly target: MetricTarget };
  readonly containerResource?: { readonly name: string; readonly container: string; readonly target: MetricTarget };
  readonly pods?: NamedMetric;
  readonly object?: NamedMetric & { readonly describedObject: { readonly kind: string; readonly name: string } };
  readonly external?: NamedMetric;
}

export interface ScalingPolicy {
  readonly type: 'Pods' | 'Percent';
  readonly value: number;
  readonly periodSeconds: number;
}

/** Defaults are filled in by the API server, but for the window of scaling down. */
export interface ScalingRules {
  readonly stabilizationWindowSeconds?: number;
  readonly selectPolicy?: 'Max' | 'Min' | 'Disabled';
  readonly policies?: readonly ScalingPolicy[];
}

export interface Behavior {
  readonly scaleUp: ScalingRules;
  readonly scaleDown: ScalingRules;
}

export interface AutoscalerSpec {
  readonly scaleTargetRef: { readonly apiVersion?: string; readonly kind: string; readonly name: string };
  readonly minReplicas?: number;
  readonly maxReplicas: number;
  readonly metrics?: readonly MetricSpec[];
  readonly behavior?: Behavior;
}

export interface AutoscalerStatus {
  readonly currentReplicas: number;
  readonly desiredReplicas: number;
  readonly lastScaleTime?: string;
  readonly currentMetrics: readonly object[] | null;
  readonly conditions: readonly Condition[];
  readonly observedGeneration?: number;
}

export interface Autoscaler extends KubeObject {
  readonly spec: AutoscalerSpec;
  readonly status?: Partial<AutoscalerStatus>;
}

/** `autoscaling/v1 Scale` of the target. */
export interface Scale {
  readonly metadata: object;
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas?: number; readonly selector?: string };
}
