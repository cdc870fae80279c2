/** Gathers what a diagnosis needs: a few queries and the canary's pods. */

import { Gateways, Pods, selectorText, type AnyObject, type Pod } from '@towpath/api';
import { isRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { Evidence, Source } from './diagnosis.ts';
import type { Plan } from './plan.ts';
import type { MetricProvider } from './providers/provider.ts';

export interface EvidenceOptions {
  readonly plan: Plan;
  readonly provider: MetricProvider;
  readonly client: Client;
  /** The interval of the metric that had no values. */
  readonly interval: string;
  /** Selects the canary's pods. */
  readonly selector: Readonly<Record<string, string>>;
}

/** Reads everything. Rejects only when the API cannot be read. */
export async function gatherEvidence(options: EvidenceOptions): Promise<Evidence> {
  const { plan, provider, client, interval, selector } = options;
  const { items: pods } = await client.list(Pods, {
    namespace: plan.namespace,
    labelSelector: selectorText(selector),
  });
  const running = pods.filter((pod) => pod.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined);
  const base = {
    ...subjectOf(plan),
    interval,
    address: provider.address,
    pods: running.map((pod) => pod.metadata.name),
    podsWithoutSidecar: running.filter((pod) => !hasSidecar(pod)).map((pod) => pod.metadata.name),
  };
  const nothing = { hasRequestSeries: false, samplesInInterval: 0, canaryRate: 0, primarySources: [] };
  const providerError = await provider.isOnline();
  if (providerError !== undefined) return { ...base, ...nothing, providerError };
  const numbers = await askProvider(options, await gatewayWorkloads(client, base.gateways, plan.namespace));
  return { ...base, ...nothing, ...numbers, providerError: undefined };
}

/** What a diagnosis is about. */
export function subjectOf({
  name,
  target,
  primary,
  namespace,
  service,
}: Plan): Pick<Evidence, 'canary' | 'target' | 'primary' | 'namespace' | 'gateways' | 'hosts' | 'apexHost'> {
  const { gateways = [], hosts = [], apex } = service;
  return { canary: name, target, primary, namespace, gateways, hosts, apexHost: `${apex}.${namespace}` };
}

function hasSidecar({ spec }: Pod): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ name }) => name === 'istio-proxy');
}

async function askProvider(
  { plan, provider, interval }: EvidenceOptions,
  gateways: ReadonlySet<string>,
): Promise<Partial<Evidence>> {
  const series = (workload: string): string => {
    const namespace = `destination_workload_namespace="${plan.namespace}"`;
    return `istio_requests_total{reporter="destination",${namespace},destination_workload="${workload}"}`;
  };
  const first = async (query: string): Promise<number> => (await provider.values(query)).at(-1)?.value ?? 0;
  try {
    const sources = await provider.values(
      `sum by (source_workload, source_workload_namespace, destination_service) ` +
        `(rate(${series(plan.primary)}[${interval}])) > 0`,
    );
    return {
      hasRequestSeries: (await first(`count(${series(plan.target)})`)) > 0,
      samplesInInterval: await first(`max(count_over_time(${series(plan.target)}[${interval}]))`),
      canaryRate: await first(`sum(rate(${series(plan.target)}[${interval}]))`),
      primarySources: sources.map(({ labels }): Source => {
        const workload = labels['source_workload'] ?? 'unknown';
        return {
          workload,
          namespace: labels['source_workload_namespace'] ?? '',
          host: labels['destination_service'] ?? '',
          isGateway: gateways.has(workload),
        };
      }),
    };
  } catch {
    // A provider that fails in between leaves the evidence at "nothing seen".
    return {};
  }
}

const defaultGatewayWorkload = 'istio-ingressgateway';

/** The workloads whose pods the Canary's gateways select. */
async function gatewayWorkloads(
  client: Client,
  gateways: readonly string[],
  namespace: string,
): Promise<ReadonlySet<string>> {
  const workloads = new Set([defaultGatewayWorkload]);
  for (const reference of gateways.filter((name) => name !== 'mesh')) {
    const [name = '', inNamespace = namespace] = reference.split('/').toReversed();
    const gateway: AnyObject | undefined = await client.get(Gateways, { namespace: inNamespace, name });
    const spec = gateway?.['spec'];
    const selector = isRecord(spec) && isRecord(spec['selector']) ? (spec['selector'] as Record<string, string>) : {};
    if (Object.keys(selector).length === 0) continue;
    const { items } = await client.list(Pods, { labelSelector: selectorText(selector) });
    for (const pod of items) workloads.add(workloadOf(pod));
  }
  return workloads;
}

/** The Deployment of a pod, by the names its ReplicaSet and pod got. */
function workloadOf(pod: Pod): string {
  const owner = pod.metadata.ownerReferences?.find(({ kind }) => kind === 'ReplicaSet')?.name;
  return owner === undefined ? pod.metadata.name : owner.replace(/-[a-z0-9]+$/, '');
}
