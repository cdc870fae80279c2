/** What the cluster knows about canaries before they start: metrics, callers, sidecars. */

import { Deployments, EndpointSlices, Gateways, Namespaces, Services, type AnyObject } from '@towpath/api';
import { getIn, isRecord, messageOf } from '@towpath/kit';
import type { Canary } from '@towpath/rollouts';
import type { Client } from '@towpath/runtime';
import type { Caller, CanaryFacts } from './forecast.ts';

/** One instant query of a Prometheus; rejects when it does not answer. */
export type Query = (query: string) => Promise<{ labels: Readonly<Record<string, string>>; value: number }[]>;

export interface FactsOptions {
  readonly client: Client;
  /** Absent when metrics cannot be asked from here. */
  readonly query: Query | undefined;
  readonly metricsServer: string;
}

/** How far back callers are looked for. */
const window = '5m';

/** Never throws: what cannot be found out stays unknown. */
export async function gatherFacts(canary: Canary, options: FactsOptions): Promise<CanaryFacts> {
  const { client } = options;
  const server = canary.spec.metricsServer ?? options.metricsServer;
  const [namespace, metricsError, callers] = await Promise.all([
    client.get(Namespaces, { name: canary.metadata.namespace ?? 'default' }).catch(() => undefined),
    serverError(client, server),
    callersOf(canary, options).catch((error: unknown) => messageOf(error)),
  ]);
  return {
    namespaceLabels: namespace?.metadata.labels,
    metricsError,
    callers: typeof callers === 'string' ? undefined : callers,
  };
}

/** What the Flagger of this cluster was started with, its host with a namespace; undefined when it is not seen. */
export async function flaggerMetricsServer(client: Client): Promise<string | undefined> {
  const deployments = await client.list(Deployments).then(
    ({ items }) => items,
    () => [],
  );
  for (const { metadata, spec } of deployments) {
    const words = (spec?.template.spec?.containers ?? []).flatMap(({ command = [], args = [] }) => [
      ...command,
      ...args,
    ]);
    if (!words.some((word) => /^--?mesh-provider\b/.test(word))) continue;
    const url = words.map((word) => /^--?metrics-server=(.+)$/.exec(word)?.[1]).find((found) => found !== undefined);
    if (url !== undefined) return url.replace(/^(\w+:\/\/[^./:]+)(?=[:/]|$)/, `$1.${metadata.namespace ?? 'default'}`);
  }
  return undefined;
}

/** By the endpoints of its Service: the address is one of the cluster's and cannot be called from here. */
async function serverError(client: Client, server: string): Promise<string | undefined> {
  let host: string;
  try {
    host = new URL(server).hostname;
  } catch {
    return 'it is no URL';
  }
  const [name = '', namespace = ''] = host.split('.');
  if (namespace === '') return undefined;
  try {
    const service = await client.get(Services, { namespace, name });
    if (service === undefined) return `there is no Service ${namespace}/${name}`;
    const { items } = await client.list(EndpointSlices, {
      namespace,
      labelSelector: `kubernetes.io/service-name=${name}`,
    });
    const isReady = items.some(({ endpoints }) =>
      (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false),
    );
    return isReady ? undefined : `Service ${namespace}/${name} has no ready endpoint`;
  } catch {
    return undefined;
  }
}

async function callersOf(canary: Canary, { client, query }: FactsOptions): Promise<Caller[] | undefined> {
  if (query === undefined) return undefined;
  const { namespace = 'default' } = canary.metadata;
  const target = canary.spec.targetRef.name;
  const workloads = `destination_workload=~"${target}|${target}-primary"`;
  const rows = await query(
    `sum by (source_workload, source_workload_namespace, destination_service) (rate(istio_requests_total{reporter="destination",` +
      `destination_workload_namespace="${namespace}",${workloads}}[${window}])) > 0`,
  );
  const gateways = await gatewayNames(client, canary);
  return rows.map(({ labels, value }) => {
    const workload = labels['source_workload'] ?? 'unknown';
    const from = labels['source_workload_namespace'] ?? '';
    return {
      workload,
      namespace: from,
      host: labels['destination_service'] ?? '',
      isGateway: gateways.has(workload),
      rate: value,
    };
  });
}

/** Gateways are known by the name their pods' selector gives them. */
async function gatewayNames(client: Client, canary: Canary): Promise<ReadonlySet<string>> {
  const names = new Set(['istio-ingressgateway']);
  for (const reference of (canary.spec.service?.gateways ?? []).filter((name) => name !== 'mesh')) {
    const [name = '', namespace = canary.metadata.namespace ?? ''] = reference.split('/').toReversed();
    const gateway = (await client.get(Gateways, { namespace, name }).catch(() => undefined)) as AnyObject | undefined;
    const selector = getIn(gateway, ['spec', 'selector']);
    if (isRecord(selector))
      for (const value of Object.values(selector)) names.add(`istio-${String(value)}`).add(String(value));
  }
  return names;
}
