/** Names the cause behind "no values found": a pure function of evidence. */

/** What was found out after a check had no values. Rates are requests per second within the metric's interval. */
export interface Evidence {
  readonly canary: string;
  readonly target: string;
  readonly primary: string;
  readonly namespace: string;
  /** The Canary's own gateways; empty means the mesh. */
  readonly gateways: readonly string[];
  /** Hosts of the Canary's service. */
  readonly hosts: readonly string[];
  readonly apexHost: string;
  readonly interval: string;
  /** Why the provider did not answer; undefined when it did. */
  readonly providerError: string | undefined;
  readonly address: string;
  /** Running canary pods, and those of them without a sidecar. */
  readonly pods: readonly string[];
  readonly podsWithoutSidecar: readonly string[];
  /** The request counter of the canary exists, whatever its rate. */
  readonly hasRequestSeries: boolean;
  /** Samples of it within the interval. */
  readonly samplesInInterval: number;
  readonly canaryRate: number;
  /** Who reaches the primary. */
  readonly primarySources: readonly Source[];
}

export interface Source {
  /** `unknown` when the caller has no sidecar. */
  readonly workload: string;
  readonly namespace: string;
  /** The host that was called. */
  readonly host: string;
  readonly isGateway: boolean;
}

export type Cause =
  | 'provider-down'
  | 'no-pods'
  | 'no-sidecar'
  | 'traffic-bypasses-canary'
  | 'window-too-short'
  | 'series-missing'
  | 'no-traffic';

export interface Diagnosis {
  readonly cause: Cause;
  /** What was found and what to change; the same words for the same cause, so that its Events add up. */
  readonly message: string;
}

/** The first cause that explains the evidence, from the most certain on. */
export function diagnose(evidence: Evidence): Diagnosis {
  const { target, namespace } = evidence;
  if (evidence.providerError !== undefined) {
    // The client's errors name the address too; once is enough.
    const error = evidence.providerError.replace(` (metrics server ${evidence.address})`, '');
    const message = `metrics server ${evidence.address} does not answer (${error}): check that it runs and that metricsServer names it`;
    return { cause: 'provider-down', message };
  }
  if (evidence.pods.length === 0) {
    const message = `${target}.${namespace} has no running pod: look at its Deployment and pods`;
    return { cause: 'no-pods', message };
  }
  if (evidence.podsWithoutSidecar.length > 0) {
    const message = `pod ${evidence.podsWithoutSidecar.join(', ')} has no istio-proxy sidecar, so nothing counts its requests: label namespace ${namespace} with istio-injection=enabled and delete the pod`;
    return { cause: 'no-sidecar', message };
  }
  if (evidence.canaryRate > 0) return seriesMissing(evidence);
  const bypass = bypassing(evidence);
  if (bypass !== undefined) return bypass;
  if (evidence.hasRequestSeries && evidence.samplesInInterval < 2) {
    const message = `interval ${evidence.interval} of the metric holds fewer than two scrapes of ${target}.${namespace}: use a longer interval or scrape more often`;
    return { cause: 'window-too-short', message };
  }
  return noTraffic(evidence);
}

function seriesMissing({ target, namespace, interval }: Evidence): Diagnosis {
  const message = `${target}.${namespace} does receive requests, but the series that the query asks for is missing in the last ${interval}: check the query's metric name and labels`;
  return { cause: 'series-missing', message };
}

function bypassing(evidence: Evidence): Diagnosis | undefined {
  const { primary, namespace, gateways, primarySources } = evidence;
  const onlyGateways = gateways.length > 0 && !gateways.includes('mesh');
  const unmeshed = primarySources.filter(({ workload }) => workload === 'unknown');
  const outside = primarySources.filter(({ isGateway, workload }) => !isGateway && workload !== 'unknown');
  if (onlyGateways && (outside.length > 0 || unmeshed.length > 0)) {
    const hosts = unique([...outside, ...unmeshed].map(({ host }) => host)).join(', ');
    const callers = unique([...outside.map(nameOf), ...(unmeshed.length > 0 ? ['callers without a sidecar'] : [])]);
    const message =
      `traffic bypasses the canary: requests reach ${primary}.${namespace} through gateway mesh ` +
      `(${callers.join(', ')} calling ${hosts}), but the Canary routes only gateway ${gateways.join(', ')}: ` +
      `send the load to that gateway (host ${evidence.hosts.join(', ') || '*'}), or add mesh to spec.service.gateways`;
    return { cause: 'traffic-bypasses-canary', message };
  }
  if (!onlyGateways && unmeshed.length > 0 && outside.length === 0) {
    const message =
      `traffic bypasses the canary: requests reach ${primary}.${namespace} from callers without a sidecar, ` +
      `whom the mesh cannot route: inject the callers (label their namespace with istio-injection=enabled)`;
    return { cause: 'traffic-bypasses-canary', message };
  }
  const entering = primarySources.filter(({ isGateway }) => isGateway);
  const onlyMesh = gateways.every((gateway) => gateway === 'mesh');
  if (onlyMesh && entering.length > 0 && outside.length === 0) {
    const names = unique(entering.map(nameOf)).join(', ');
    const message =
      `traffic bypasses the canary: requests reach ${primary}.${namespace} through ${names}, but the Canary routes ` +
      `only gateway mesh: add the Gateway they come in by to spec.service.gateways`;
    return { cause: 'traffic-bypasses-canary', message };
  }
  return undefined;
}

function noTraffic(evidence: Evidence): Diagnosis {
  const { target, primary, namespace, gateways, primarySources, interval } = evidence;
  const host = gateways.length > 0 && !gateways.includes('mesh') ? `gateway ${gateways.join(', ')}` : evidence.apexHost;
  const message =
    primarySources.length === 0
      ? `no request reached ${target}.${namespace} or ${primary}.${namespace} in the last ${interval}: send load to ${host}`
      : `requests reach ${primary}.${namespace}, but none reached ${target}.${namespace} in the last ${interval}: send more load to ${host}, or raise stepWeight`;
  return { cause: 'no-traffic', message };
}

function nameOf({ workload, namespace }: Source): string {
  return namespace === '' || namespace === 'unknown' ? workload : `${workload}.${namespace}`;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].toSorted();
}
