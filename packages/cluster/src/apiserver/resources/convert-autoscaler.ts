/** HorizontalPodAutoscalers between autoscaling/v1 and v2. Source: pkg/apis/autoscaling/v1/conversion.go. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';

/** v1 knows one target, the CPU utilisation; other metrics travel in an annotation. */
export function convertAutoscaler(object: AnyObject, apiVersion: string): AnyObject {
  return apiVersion === 'autoscaling/v1' ? toV1(object) : toV2(object, apiVersion);
}

function isCpuUtilisation(metric: unknown): boolean {
  return (
    getIn(metric, ['type']) === 'Resource' &&
    getIn(metric, ['resource', 'name']) === 'cpu' &&
    getIn(metric, ['resource', 'target', 'averageUtilization']) !== undefined
  );
}

function toV1(object: AnyObject): AnyObject {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const { metrics, behavior: _behavior, ...rest } = spec;
  const list = Array.isArray(metrics) ? metrics : [];
  const cpu = list.find(isCpuUtilisation);
  const others = list.filter((metric) => metric !== cpu);
  const target = getIn(cpu, ['resource', 'target', 'averageUtilization']);
  const status = isRecord(object['status']) ? object['status'] : {};
  const { currentMetrics, conditions: _conditions, ...statusRest } = status;
  const current = Array.isArray(currentMetrics)
    ? getIn(
        currentMetrics.find((metric) => getIn(metric, ['resource', 'name']) === 'cpu'),
        ['resource', 'current', 'averageUtilization'],
      )
    : undefined;
  const annotations =
    others.length === 0
      ? object.metadata.annotations
      : { ...object.metadata.annotations, [metricsAnnotation]: JSON.stringify(others) };
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: { ...object.metadata, ...(annotations === undefined ? {} : { annotations }) },
    spec: { ...rest, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: { ...statusRest, ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }) },
  };
}

function toV2(object: AnyObject, apiVersion: string): AnyObject {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const { targetCPUUtilizationPercentage: target, ...rest } = spec;
  const { [metricsAnnotation]: others, ...annotations } = object.metadata.annotations ?? {};
  const cpu = {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } },
  };
  const parsed: unknown = others === undefined ? [] : JSON.parse(others);
  const metrics = [...(target === undefined ? [] : [cpu]), ...(Array.isArray(parsed) ? parsed : [])];
  const status = isRecord(object['status']) ? object['status'] : {};
  const { currentCPUUtilizationPercentage: _current, ...statusRest } = status;
  const metadata = { ...object.metadata };
  if (Object.keys(annotations).length > 0) metadata.annotations = annotations;
  else delete metadata.annotations;
  return {
    ...object,
    apiVersion,
    metadata,
    spec: { ...rest, ...(metrics.length === 0 ? {} : { metrics }) },
    status: statusRest,
  };
}
