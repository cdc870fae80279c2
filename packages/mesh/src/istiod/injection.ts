/** What the injection webhook answers: whether a pod gets a sidecar, and the patch that adds it. */

import type { Container, Pod } from '@towpath/api';
import { canonicalRevisionOf, canonicalServiceOf, sidecarContainer, workloadName } from '../model/workload.ts';

export interface InjectionOptions {
  /** Of the images, e.g. `1.16.0`. */
  readonly version: string;
  /** Prefix of the images, e.g. `towpath.builtin`. */
  readonly hub: string;
}

export interface PatchOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

const injectName = 'sidecar.istio.io/inject';
const statusName = 'sidecar.istio.io/status';
const initContainer = 'istio-init';

/** Ports of the sidecar itself; connections to them are not the program's. */
export const sidecarPorts = { metrics: 15020, ready: 15021, envoyMetrics: 15090 } as const;

/**
 * The reason why a pod that the webhook was asked about gets no sidecar; undefined when it does.
 * The namespace's and revision's labels are judged by the webhook's selectors. Source: istio pkg/kube/inject.
 */
export function refusal(pod: Pod): string | undefined {
  const label = pod.metadata.labels?.[injectName];
  const annotation = pod.metadata.annotations?.[injectName];
  if (label === 'false' || annotation === 'false') return `${injectName} is "false"`;
  if (pod.spec['hostNetwork'] === true) return 'the pod uses the host network';
  if (pod.spec.containers.some(({ name }) => name === sidecarContainer)) return 'the pod has a sidecar already';
  return undefined;
}

/** The JSON patch that adds the sidecar. */
export function injectionPatch(pod: Pod, options: InjectionOptions): PatchOperation[] {
  const workload = workloadForNew(pod);
  const { spec, metadata } = pod;
  const labels = metadata.labels ?? {};
  const operations: PatchOperation[] = [];
  const init = initContainerOf(options);
  operations.push(
    (spec.initContainers ?? undefined) === undefined
      ? { op: 'add', path: '/spec/initContainers', value: [init] }
      : { op: 'add', path: '/spec/initContainers/-', value: init },
    { op: 'add', path: '/spec/containers/-', value: proxyContainerOf(pod, workload, options) },
  );
  addMembers(operations, '/metadata/annotations', metadata.annotations, {
    'kubectl.kubernetes.io/default-container': spec.containers[0]?.name ?? '',
    'kubectl.kubernetes.io/default-logs-container': spec.containers[0]?.name ?? '',
    ...(metadata.annotations?.['prometheus.io/scrape'] !== 'false' && {
      'prometheus.io/path': '/stats/prometheus',
      'prometheus.io/port': String(sidecarPorts.metrics),
      'prometheus.io/scrape': 'true',
    }),
    [statusName]: JSON.stringify({
      initContainers: [initContainer],
      containers: [sidecarContainer],
      volumes: null,
      imagePullSecrets: null,
      revision: 'default',
    }),
  });
  addMembers(operations, '/metadata/labels', metadata.labels, {
    'security.istio.io/tlsMode': 'istio',
    'service.istio.io/canonical-name': canonicalServiceOf(labels, workload),
    'service.istio.io/canonical-revision': canonicalRevisionOf(labels),
  });
  return operations;
}

/** A pod that is being created may have only a generateName. */
function workloadForNew(pod: Pod): string {
  const named = pod.metadata.name ?? pod.metadata.generateName?.replace(/-$/, '') ?? '';
  return workloadName({ ...pod, metadata: { ...pod.metadata, name: named } });
}

/** What the pod says itself is left alone, except for the addresses of metrics, which now lead to the sidecar. */
function addMembers(
  operations: PatchOperation[],
  path: string,
  present: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): void {
  if (present === undefined) {
    operations.push({ op: 'add', path, value: wanted });
    return;
  }
  for (const [name, value] of Object.entries(wanted)) {
    if (present[name] !== undefined && !name.startsWith('prometheus.io/')) continue;
    operations.push({ op: 'add', path: `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, value });
  }
}

function initContainerOf({ hub, version }: InjectionOptions): Container {
  return {
    name: initContainer,
    image: `${hub}/pilot-init:${version}`,
    args: [
      'istio-iptables',
      '-p',
      '15001',
      '-z',
      '15006',
      '-m',
      'REDIRECT',
      '-i',
      '*',
      '-b',
      '*',
      '-d',
      '15090,15021,15020',
    ],
    resources: { requests: { cpu: '10m', memory: '40Mi' } },
  };
}

function proxyContainerOf(pod: Pod, workload: string, { hub, version }: InjectionOptions): Container {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const probe = { httpGet: { path: '/healthz/ready', port: sidecarPorts.ready }, timeoutSeconds: 3 };
  return {
    name: sidecarContainer,
    image: `${hub}/proxyv2:${version}`,
    args: ['proxy', 'sidecar', '--domain', '$(POD_NAMESPACE).svc.cluster.local', '--proxyLogLevel=warning'],
    ports: [{ name: 'http-envoy-prom', containerPort: sidecarPorts.envoyMetrics, protocol: 'TCP' }],
    env: [
      field('POD_NAME', 'metadata.name'),
      field('POD_NAMESPACE', 'metadata.namespace'),
      field('INSTANCE_IP', 'status.podIP'),
      field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
      { name: 'ISTIO_META_WORKLOAD_NAME', value: workload },
      ...programMetricsEnv(pod.metadata.annotations),
      { name: 'ISTIO_META_APP_CONTAINERS', value: pod.spec.containers.map(({ name }) => name).join(',') },
    ],
    resources: { requests: { cpu: '10m', memory: '40Mi' } },
    startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 600 },
    readinessProbe: { ...probe, periodSeconds: 15, failureThreshold: 4 },
  };
}

/** Where the program's own metrics are, which the sidecar adds to its own. Source: istio pkg/kube/inject, prometheus merge. */
export const programMetricsVariable = 'ISTIO_PROMETHEUS_ANNOTATIONS';

function programMetricsEnv(
  annotations: Readonly<Record<string, string>> | undefined,
): { name: string; value: string }[] {
  if (annotations?.['prometheus.io/scrape'] !== 'true') return [];
  const value = {
    scrape: 'true',
    path: annotations['prometheus.io/path'] ?? '/metrics',
    port: annotations['prometheus.io/port'] ?? '80',
  };
  return [{ name: programMetricsVariable, value: JSON.stringify(value) }];
}
