/** Istio's standard labels, in Istio's order, as ready-made text. */

import type { Workload } from '../model/workload.ts';

export type Reporter = 'source' | 'destination';

/** The Service a request was meant for. */
export interface DestinationService {
  /** Full name, e.g. `frontend.shop.svc.cluster.local`; or what was asked for when no Service is known. */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export interface Subject {
  readonly reporter: Reporter;
  /** Undefined: a client outside the mesh. */
  readonly source: Workload | undefined;
  readonly destination: Workload | undefined;
  readonly service: DestinationService | undefined;
}

export interface RequestOutcome {
  readonly protocol: 'http' | 'grpc';
  /** 0 when the client went away before there was an answer. */
  readonly responseCode: number;
  /** Absent for plain HTTP. */
  readonly grpcStatus: number | undefined;
  /** Envoy's flags, joined with commas; `-` when there are none. */
  readonly flags: string;
}

const unknown = 'unknown';
/** Istio's name of the only cluster there is. */
const clusterName = 'Kubernetes';

/**
 * The labels of a request, without braces. Connections stay inside one process and are not encrypted, so that the
 * destination's security policy is `none` and nobody has a principal.
 * Source: istio.io "Istio Standard Metrics", in the order istio_stats writes them.
 */
export function requestLabels(subject: Subject, outcome: RequestOutcome): string {
  const { protocol, responseCode, grpcStatus, flags } = outcome;
  return (
    `${subjectLabels(subject)},request_protocol="${protocol}",response_code="${responseCode}",` +
    `grpc_response_status="${grpcStatus ?? ''}",response_flags="${flags}",${securityLabel(subject.reporter)}`
  );
}

/** The labels of a TCP connection, without braces. */
export function tcpLabels(subject: Subject, flags: string): string {
  return `${subjectLabels(subject)},request_protocol="tcp",response_flags="${flags}",${securityLabel(subject.reporter)}`;
}

function securityLabel(reporter: Reporter): string {
  return `connection_security_policy="${reporter === 'destination' ? 'none' : unknown}"`;
}

function subjectLabels({ reporter, source, destination, service }: Subject): string {
  return `reporter="${reporter}",${sourceLabels(source)},${destinationLabels(destination, service)}`;
}

function sourceLabels(workload: Workload | undefined): string {
  return join([
    ['source_workload', workload?.name],
    ['source_canonical_service', workload?.canonicalService],
    ['source_canonical_revision', workload?.canonicalRevision],
    ['source_workload_namespace', workload?.namespace],
    ['source_principal', undefined],
    ['source_app', workload?.app],
    ['source_version', workload?.version],
    ['source_cluster', workload === undefined ? undefined : clusterName],
  ]);
}

function destinationLabels(workload: Workload | undefined, service: DestinationService | undefined): string {
  return join([
    ['destination_workload', workload?.name],
    ['destination_workload_namespace', workload?.namespace],
    ['destination_principal', undefined],
    ['destination_app', workload?.app],
    ['destination_version', workload?.version],
    ['destination_service', service?.host],
    ['destination_canonical_service', workload?.canonicalService],
    ['destination_canonical_revision', workload?.canonicalRevision],
    ['destination_service_name', service?.name],
    ['destination_service_namespace', service?.namespace],
    ['destination_cluster', workload === undefined ? undefined : clusterName],
  ]);
}

function join(pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  return pairs.map(([name, value]) => `${name}="${escapeLabel(value ?? unknown)}"`).join(',');
}

/** Source: Prometheus text format 0.0.4, label values. */
function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
