/** Which targets there are: mesh sidecars, annotated pods, and what ServiceMonitors select. Pure functions of objects. */

import { getIn, isRecord } from '@towpath/kit';
import {
  matchesSelector,
  type AnyObject,
  type EndpointSlice,
  type LabelSelector,
  type Pod,
  type Service,
} from '@towpath/api';
import { labelsOf } from '../labels.ts';
import { parseDuration } from '../promql/literals.ts';
import type { ScrapeTarget } from './target.ts';

/** What discovery looks at. */
export interface ClusterView {
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly monitors: readonly AnyObject[];
}

export interface DiscoveryOptions {
  /** For targets that name no interval. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Sidecars are scraped this often: canaries are judged over short windows. */
  readonly meshIntervalMs: number;
}

export interface Discovered {
  readonly targets: readonly ScrapeTarget[];
  /** What a ServiceMonitor asks for that is not done, one sentence each. */
  readonly refusals: readonly string[];
}

/** The container whose telemetry is scraped without being asked for. */
const sidecarContainer = 'istio-proxy';
const sidecarPort = 15020;
const sidecarPath = '/stats/prometheus';

/** Every target of the cluster as it stands. */
export function discover(view: ClusterView, options: DiscoveryOptions): Discovered {
  const refusals: string[] = [];
  const targets = [
    ...view.pods.flatMap((pod) => sidecarTarget(pod, options)),
    ...view.pods.flatMap((pod) => annotatedTarget(pod, options)),
    ...view.monitors.flatMap((monitor) => monitorTargets(monitor, view, { ...options, refusals })),
  ];
  return { targets, refusals };
}

function isRunning(pod: Pod): boolean {
  return (
    pod.status?.phase === 'Running' && (pod.status.podIP ?? '') !== '' && pod.metadata.deletionTimestamp === undefined
  );
}

function hasSidecar({ spec }: Pod): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ name }) => name === sidecarContainer);
}

function sidecarTarget(pod: Pod, options: DiscoveryOptions): ScrapeTarget[] {
  if (!isRunning(pod) || !hasSidecar(pod)) return [];
  return [
    podTarget(pod, {
      pool: 'istio-mesh',
      port: sidecarPort,
      path: sidecarPath,
      intervalMs: options.meshIntervalMs,
      timeoutMs: options.timeoutMs,
      extra: {},
    }),
  ];
}

/** Source: the `kubernetes-pods` job of Prometheus' example configuration. */
function annotatedTarget(pod: Pod, options: DiscoveryOptions): ScrapeTarget[] {
  const annotations = pod.metadata.annotations ?? {};
  if (annotations['prometheus.io/scrape'] !== 'true' || !isRunning(pod)) return [];
  const port = Number(annotations['prometheus.io/port'] ?? firstPort(pod));
  const path = annotations['prometheus.io/path'] ?? '/metrics';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return [];
  // Injection writes these annotations for the sidecar, which is a target already.
  if (port === sidecarPort && hasSidecar(pod)) return [];
  const extra = {
    ...podLabels(pod),
    kubernetes_namespace: pod.metadata.namespace ?? '',
    kubernetes_pod_name: pod.metadata.name,
  };
  const { intervalMs, timeoutMs } = options;
  return [podTarget(pod, { pool: 'kubernetes-pods', port, path, intervalMs, timeoutMs, extra })];
}

function firstPort(pod: Pod): number | undefined {
  return pod.spec.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
}

/** Pod labels under names that PromQL accepts. */
function podLabels(pod: Pod): Record<string, string> {
  const labels = Object.entries(pod.metadata.labels ?? {});
  return Object.fromEntries(labels.map(([name, value]) => [name.replace(/[^A-Za-z0-9_]/g, '_'), value]));
}

interface PodTarget {
  readonly pool: string;
  readonly port: number;
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly extra: Readonly<Record<string, string>>;
}

function podTarget(pod: Pod, target: PodTarget): ScrapeTarget {
  const { pool, port, path, intervalMs, timeoutMs, extra } = target;
  const host = pod.status?.podIP ?? '';
  const namespace = pod.metadata.namespace ?? '';
  return {
    id: `${pool}/${namespace}/${pod.metadata.name}/${pod.metadata.uid ?? ''}`,
    pool,
    host,
    port,
    path,
    query: '',
    intervalMs,
    timeoutMs,
    honorLabels: false,
    labels: labelsOf({ ...extra, job: pool, instance: `${host}:${port}`, namespace, pod: pod.metadata.name }),
    discoveredLabels: {
      __address__: `${host}:${port}`,
      __metrics_path__: path,
      __meta_kubernetes_namespace: namespace,
      __meta_kubernetes_pod_name: pod.metadata.name,
      __meta_kubernetes_pod_ip: host,
      __meta_kubernetes_pod_node_name: pod.spec.nodeName ?? '',
      job: pool,
    },
  };
}

interface MonitorOptions extends DiscoveryOptions {
  readonly refusals: string[];
}

function monitorTargets(monitor: AnyObject, view: ClusterView, options: MonitorOptions): ScrapeTarget[] {
  const spec = isRecord(monitor['spec']) ? monitor['spec'] : {};
  const endpoints = Array.isArray(spec['endpoints']) ? spec['endpoints'].filter(isRecord) : [];
  const selector = isRecord(spec['selector']) ? (spec['selector'] as LabelSelector) : undefined;
  const namespaces = monitorNamespaces(monitor, spec);
  const services = view.services.filter((service) => {
    const namespace = service.metadata.namespace ?? '';
    if (namespaces !== 'any' && !namespaces.includes(namespace)) return false;
    return matchesSelector(selector, service.metadata.labels);
  });
  return endpoints.flatMap((endpoint, index) => {
    refuseUnsupported(monitor, endpoint, options.refusals);
    return services.flatMap((service) => endpointTargets({ monitor, spec, endpoint, index, service, view, options }));
  });
}

function monitorNamespaces(monitor: AnyObject, spec: Record<string, unknown>): readonly string[] | 'any' {
  if (getIn(spec, ['namespaceSelector', 'any']) === true) return 'any';
  const names = getIn(spec, ['namespaceSelector', 'matchNames']);
  const given = Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  return given.length > 0 ? given : [monitor.metadata.namespace ?? ''];
}

/** Members of an endpoint that change what is scraped and that are not done. */
const unsupportedMembers = [
  'relabelings',
  'metricRelabelings',
  'basicAuth',
  'authorization',
  'oauth2',
  'tlsConfig',
  'bearerTokenSecret',
  'bearerTokenFile',
  'proxyUrl',
] as const;

function refuseUnsupported(monitor: AnyObject, endpoint: Record<string, unknown>, refusals: string[]): void {
  const name = `ServiceMonitor ${monitor.metadata.namespace ?? ''}/${monitor.metadata.name}`;
  for (const member of unsupportedMembers) {
    if (endpoint[member] !== undefined) refusals.push(`${name}: endpoints[].${member} is not supported and left out`);
  }
  const scheme = endpoint['scheme'];
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'HTTP') {
    refusals.push(`${name}: endpoints[].scheme ${JSON.stringify(scheme)} is not supported, only http`);
  }
}

interface EndpointContext {
  readonly monitor: AnyObject;
  readonly spec: Record<string, unknown>;
  readonly endpoint: Record<string, unknown>;
  readonly index: number;
  readonly service: Service;
  readonly view: ClusterView;
  readonly options: MonitorOptions;
}

function endpointTargets(context: EndpointContext): ScrapeTarget[] {
  const { endpoint, service, view } = context;
  const scheme = endpoint['scheme'];
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'HTTP') return [];
  const slices = view.slices.filter((slice) => {
    return (
      slice.metadata.namespace === service.metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name
    );
  });
  return slices.flatMap((slice) => {
    return slice.endpoints.flatMap((one) => {
      const pod = view.pods.find((other) => {
        return other.metadata.name === one.targetRef?.name && other.metadata.namespace === slice.metadata.namespace;
      });
      const port = endpointPort(context, slice, pod);
      const host = one.addresses[0];
      if (port === undefined || host === undefined || one.conditions?.ready === false) return [];
      return [endpointTarget(context, { host, ...port }, pod)];
    });
  });
}

/** The port by Service port name (`port`) or by the pod's own port (`targetPort`). */
function endpointPort(
  { endpoint }: EndpointContext,
  slice: EndpointSlice,
  pod: Pod | undefined,
): { port: number; portName: string } | undefined {
  const wanted = endpoint['port'];
  if (typeof wanted === 'string') {
    const found = slice.ports?.find((port) => port.name === wanted);
    return found?.port === undefined ? undefined : { port: found.port, portName: wanted };
  }
  const target = endpoint['targetPort'];
  if (typeof target === 'number') return { port: target, portName: String(target) };
  if (typeof target !== 'string') return undefined;
  const ports = pod?.spec.containers.flatMap((container) => container.ports ?? []) ?? [];
  const named = ports.find((port) => port.name === target);
  return named === undefined ? undefined : { port: named.containerPort, portName: target };
}

function endpointTarget(
  { monitor, spec, endpoint, index, service, options }: EndpointContext,
  address: { host: string; port: number; portName: string },
  pod: Pod | undefined,
): ScrapeTarget {
  const { host, port, portName } = address;
  const namespace = service.metadata.namespace ?? '';
  const pool = `serviceMonitor/${monitor.metadata.namespace ?? ''}/${monitor.metadata.name}/${index}`;
  const jobLabel = spec['jobLabel'];
  const job = typeof jobLabel === 'string' ? service.metadata.labels?.[jobLabel] : undefined;
  const path = typeof endpoint['path'] === 'string' ? endpoint['path'] : '/metrics';
  const intervalMs = durationOf(endpoint['interval']) ?? options.intervalMs;
  return {
    id: `${pool}/${namespace}/${service.metadata.name}/${host}:${port}/${pod?.metadata.uid ?? ''}`,
    pool,
    host,
    port,
    path: path.startsWith('/') ? path : `/${path}`,
    query: queryOf(endpoint['params']),
    intervalMs,
    timeoutMs: Math.min(durationOf(endpoint['scrapeTimeout']) ?? options.timeoutMs, intervalMs),
    honorLabels: endpoint['honorLabels'] === true,
    labels: labelsOf({
      job: job ?? service.metadata.name,
      instance: `${host}:${port}`,
      namespace,
      service: service.metadata.name,
      endpoint: portName,
      ...(pod !== undefined && { pod: pod.metadata.name }),
      ...(pod?.spec.containers.length === 1 && { container: pod.spec.containers[0]?.name ?? '' }),
    }),
    discoveredLabels: {
      __address__: `${host}:${port}`,
      __metrics_path__: path,
      __meta_kubernetes_namespace: namespace,
      __meta_kubernetes_service_name: service.metadata.name,
      __meta_kubernetes_endpoint_port_name: portName,
      __meta_kubernetes_pod_name: pod?.metadata.name ?? '',
      job: pool,
    },
  };
}

function durationOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}

function queryOf(params: unknown): string {
  if (!isRecord(params)) return '';
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(params)) {
    for (const value of Array.isArray(values) ? values : []) query.append(name, String(value));
  }
  return query.toString();
}
