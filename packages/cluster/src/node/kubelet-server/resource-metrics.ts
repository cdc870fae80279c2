/** `/metrics/resource`: usage of containers, pods and the node as metrics-server scrapes it. */

import type { Pod } from '@towpath/api';
import type { ContainerUsage, PodStreams } from '../../apiserver/pod-streams.ts';

interface PodUsage {
  readonly labels: string;
  readonly containers: readonly ContainerUsage[];
}

/** Source: Kubernetes pkg/kubelet/metrics/collectors/resource_metrics.go, names and labels. */
export async function resourceMetrics(pods: readonly Pod[], streams: PodStreams, nowMs: number): Promise<string> {
  const all: PodUsage[] = [];
  for (const pod of pods) {
    const containers = await streams.usage?.(pod);
    if (containers === undefined) continue;
    all.push({ labels: `namespace="${pod.metadata.namespace ?? ''}",pod="${pod.metadata.name}"`, containers });
  }
  const sum = (of: readonly ContainerUsage[], member: 'cpuSeconds' | 'memoryBytes'): number =>
    of.reduce((total, usage) => total + usage[member], 0);
  const every = all.flatMap(({ containers }) => containers);
  const lines: string[] = [];
  const metric = (name: string, type: string, samples: readonly (readonly [string, number])[]): void => {
    lines.push(`# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${value} ${nowMs}`);
  };
  const perContainer = (member: 'cpuSeconds' | 'memoryBytes'): (readonly [string, number])[] =>
    all.flatMap(({ labels, containers }) =>
      containers.map((usage) => [`container="${usage.name}",${labels}`, usage[member]] as const),
    );
  metric('container_cpu_usage_seconds_total', 'counter', perContainer('cpuSeconds'));
  metric('container_memory_working_set_bytes', 'gauge', perContainer('memoryBytes'));
  metric(
    'pod_cpu_usage_seconds_total',
    'counter',
    all.map((one) => [one.labels, sum(one.containers, 'cpuSeconds')]),
  );
  metric(
    'pod_memory_working_set_bytes',
    'gauge',
    all.map((one) => [one.labels, sum(one.containers, 'memoryBytes')]),
  );
  metric('node_cpu_usage_seconds_total', 'counter', [['', sum(every, 'cpuSeconds')]]);
  metric('node_memory_working_set_bytes', 'gauge', [['', sum(every, 'memoryBytes')]]);
  return `${lines.join('\n')}\n`;
}
