/** What the metrics of an autoscaler propose, and the words for it. Source: Kubernetes, as in replicas.ts. */

import type { LabelSelector, Pod } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { parseQuantity } from '../../scheduler/quantity.ts';
import { proposeByUtilization, proposeByValue, type PodUsage, type Proposal, type UsageInput } from './replicas.ts';
import type { MetricSpec, MetricTarget } from './types.ts';

/** Usage of one container as the metrics API tells it. */
export interface ContainerFigures {
  readonly name: string;
  readonly usage: Readonly<Record<string, string>>;
}

/** `metrics.k8s.io/v1beta1 PodMetrics` */
export interface PodFigures {
  readonly metadata: { readonly name: string };
  readonly timestamp: string;
  /** A Go duration of seconds, e.g. `15s`. */
  readonly window: string;
  readonly containers: readonly ContainerFigures[];
}

export interface MeasureInput {
  readonly namespace: string;
  readonly currentReplicas: number;
  readonly pods: readonly Pod[];
  /** Undefined, with the reason, where the metrics API does not answer. */
  readonly figures: readonly PodFigures[] | { readonly error: string };
  readonly nowMs: number;
}

export type Measured =
  | { readonly type: 'proposal'; readonly replicas: number; readonly name: string; readonly status: object }
  /** `reason` and `cause` are of the condition and the event, `message` of the whole. */
  | { readonly type: 'failure'; readonly reason: string; readonly cause: string; readonly message: string };

/** One metric; kinds that need an API this cluster does not have fail with the words of a cluster without it. */
export function measure(metric: MetricSpec, input: MeasureInput): Measured {
  const { resource, containerResource, pods, object, external } = metric;
  if (resource !== undefined) {
    return measureResource('Resource', { ...resource, container: undefined }, input);
  }
  if (containerResource !== undefined) return measureResource('ContainerResource', containerResource, input);
  if (pods !== undefined) {
    const cause = `unable to get metric ${pods.metric.name}: ${noCustomApi}`;
    return failure('FailedGetPodsMetric', cause, `failed to get pods metric value: ${cause}`);
  }
  if (object !== undefined) return withoutObjectMetrics(object, input.namespace);
  return withoutExternalMetrics(external, input.namespace);
}

const noCustomApi =
  'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';

function withoutObjectMetrics(object: NonNullable<MetricSpec['object']>, namespace: string): Measured {
  const { metric, describedObject, target } = object;
  // The order of the parts is Kubernetes'.
  const cause = `unable to get metric ${metric.name}: ${describedObject.kind} on ${namespace} ${describedObject.name}/${noCustomApi}`;
  const inner = target.type === 'AverageValue' ? `failed to get ${metric.name} object metric: ${cause}` : cause;
  return failure('FailedGetObjectMetric', cause, `failed to get object metric value: ${inner}`);
}

function withoutExternalMetrics(external: MetricSpec['external'], namespace: string): Measured {
  const name = external?.metric.name ?? '';
  const missing = `the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`;
  const selector = external?.metric.selector === undefined ? 'nil' : goSelector(external.metric.selector);
  const cause = `unable to get external metric ${namespace}/${name}/${selector}: unable to fetch metrics from external metrics API: ${missing}`;
  const isAverage = external?.target.averageValue !== undefined;
  const inner = `failed to get ${isAverage ? `${name} external metric` : `external metric ${name}`}: ${cause}`;
  return failure('FailedGetExternalMetric', cause, `failed to get ${name} external metric value: ${inner}`);
}

/** As Go prints one: labels in the order of their names. */
function goSelector({ matchLabels = {} }: LabelSelector): string {
  const labels = Object.entries(matchLabels)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}: ${value}`);
  return `&LabelSelector{MatchLabels:map[string]string{${labels.map((label) => `${label},`).join('')}},MatchExpressions:[]LabelSelectorRequirement{},}`;
}

function failure(reason: string, cause: string, message: string): Measured {
  return { type: 'failure', reason, cause, message };
}

interface ResourceMetric {
  readonly name: string;
  readonly container: string | undefined;
  readonly target: MetricTarget;
}

function measureResource(
  type: 'Resource' | 'ContainerResource',
  metric: ResourceMetric,
  input: MeasureInput,
): Measured {
  const { name, container, target } = metric;
  const isPercent = target.averageValue === undefined;
  try {
    const { proposal, percent } = isPercent
      ? { proposal: byUtilization(metric, input), percent: true }
      : { proposal: byValue(metric, input), percent: false };
    const current = {
      ...(percent && { averageUtilization: proposal.utilizationPercent }),
      averageValue: averageText(name, proposal.averageMilli),
    };
    const status =
      type === 'Resource'
        ? { type, resource: { name, current } }
        : { type, containerResource: { name, container, current } };
    const of = type === 'Resource' ? 'resource' : 'container resource';
    const words = percent ? `${name} ${of} utilization (percentage of request)` : `${name} resource`;
    return { type: 'proposal', replicas: proposal.replicas, name: words, status };
  } catch (error) {
    const cause = `failed to get ${name} ${isPercent ? 'utilization' : 'usage'}: ${messageOf(error)}`;
    const of = type === 'Resource' ? `${name} resource` : `${container} container`;
    return failure(`FailedGet${type}Metric`, cause, `failed to get ${of} metric value: ${cause}`);
  }
}

function byUtilization(metric: ResourceMetric, input: MeasureInput): Proposal {
  const usage = usageInput(metric, input);
  const requestsMilli = new Map(usage.pods.map((pod) => [pod.metadata.name, requestMilli(pod, metric)]));
  return proposeByUtilization(usage, { percent: metric.target.averageUtilization ?? 0, requestsMilli });
}

function byValue(metric: ResourceMetric, input: MeasureInput): Proposal {
  return proposeByValue(usageInput(metric, input), milliOf(metric.target.averageValue ?? ''));
}

function usageInput({ name, container }: ResourceMetric, input: MeasureInput): UsageInput {
  const { figures, pods, currentReplicas, nowMs } = input;
  const where = `unable to get metrics for resource ${name}:`;
  if ('error' in figures)
    throw new Error(`${where} unable to fetch metrics from resource metrics API: ${figures.error}`);
  if (figures.length === 0) throw new Error(`${where} no metrics returned from resource metrics API`);
  const usage = new Map<string, PodUsage>();
  for (const pod of figures) {
    const chosen = pod.containers.filter((one) => container === undefined || one.name === container);
    if (chosen.length === 0 || chosen.some((one) => one.usage[name] === undefined)) continue;
    const milli = chosen.reduce((sum, one) => sum + milliOf(one.usage[name] ?? ''), 0);
    const windowMs = Number.parseFloat(pod.window) * 1000;
    usage.set(pod.metadata.name, { milli, atMs: Date.parse(pod.timestamp), windowMs });
  }
  return { currentReplicas, pods, usage, resource: name, nowMs };
}

/** Of all containers that run beside one another, or of the one that is named. */
function requestMilli(pod: Pod, { name, container }: ResourceMetric): number {
  const { containers, initContainers = [] } = pod.spec;
  const running = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')];
  let milli = 0;
  for (const one of running) {
    if (container !== undefined && one.name !== container) continue;
    const request = one.resources?.requests?.[name];
    if (request === undefined) {
      throw new Error(`missing request for ${name} in container ${one.name} of Pod ${pod.metadata.name}`);
    }
    milli += milliOf(request);
  }
  return milli;
}

function milliOf(quantity: string): number {
  return Math.ceil(parseQuantity(quantity) * 1000);
}

const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** As a Quantity prints it: memory with the largest binary suffix that leaves a whole number, all else in thousandths. */
function averageText(resource: string, milli: number): string {
  if (resource !== 'memory') return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
  let value = Math.ceil(milli / 1000);
  let power = 0;
  while (value >= 1024 && value % 1024 === 0 && power < binarySuffixes.length - 1) {
    value /= 1024;
    power++;
  }
  return `${value}${binarySuffixes[power]}`;
}
