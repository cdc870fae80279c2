/** Reads everything an explanation needs, once: lists, events, and the logs of what crashes. */

import { Events, type AnyObject, type Event } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { maskText } from '../mask.ts';
import { numberAt, recordsAt, textAt, type Snapshot } from './snapshot.ts';

/** By group: whichever version the server prefers. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  'towpath.dev': ['Sync'],
  'source.toolkit.fluxcd.io': ['GitRepository', 'OCIRepository', 'HelmRepository', 'HelmChart', 'Bucket'],
  'image.toolkit.fluxcd.io': ['ImageRepository', 'ImagePolicy', 'ImageUpdateAutomation'],
  'kustomize.toolkit.fluxcd.io': ['Kustomization'],
  'helm.toolkit.fluxcd.io': ['HelmRelease'],
  'helm.fluxcd.io': ['HelmRelease'],
  'flagger.app': ['Canary'],
  apps: ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
};

const logLines = 30;
const controllerLines = 400;
/** Of pods whose logs are read. */
const crashingMax = 20;

/** Never throws for what the user may not read: it is named in `unread`. */
export async function observe(client: Client): Promise<Snapshot> {
  const unread: string[] = [];
  const groups = await apiGroups(client);
  const lists = Object.entries(wanted).map(([group, kinds]) => {
    const apiVersion = groups.get(group);
    return apiVersion === undefined ? Promise.resolve([]) : listKinds(client, { apiVersion, kinds, unread });
  });
  const [found, pods, events] = await Promise.all([
    Promise.all(lists),
    listKinds(client, { apiVersion: 'v1', kinds: ['Pod'], unread }),
    client.list(Events).then(
      ({ items }) => items,
      (): Event[] => (unread.push('Event'), []),
    ),
  ]);
  const [logs, controllerErrors] = await Promise.all([crashLogs(client, pods), readControllerErrors(client, pods)]);
  return { objects: [...found.flat(), ...pods], events, logs, controllerErrors, unread };
}

/** Group → its preferred apiVersion. */
async function apiGroups(client: Client): Promise<Map<string, string>> {
  const response = await client.request({ method: 'GET', path: '/apis' });
  const body: unknown = JSON.parse(await response.text());
  const pairs = recordsAt(body, ['groups']).map((group): [string, string] => [
    String(group['name']),
    textAt(group, ['preferredVersion', 'groupVersion']) ?? '',
  ]);
  return new Map(pairs.filter(([, version]) => version !== ''));
}

async function listKinds(
  client: Client,
  { apiVersion, kinds, unread }: { apiVersion: string; kinds: readonly string[]; unread: string[] },
): Promise<AnyObject[]> {
  const lists = await Promise.all(
    kinds.map(async (kind) => {
      try {
        const type = await client.resourceFor({ apiVersion, kind });
        return type === undefined ? [] : ((await client.list(type)).items as AnyObject[]);
      } catch {
        unread.push(kind);
        return [];
      }
    }),
  );
  return lists.flat();
}

async function crashLogs(client: Client, pods: readonly AnyObject[]): Promise<Map<string, string>> {
  const crashing = pods.flatMap((pod) =>
    [...recordsAt(pod, ['status', 'containerStatuses']), ...recordsAt(pod, ['status', 'initContainerStatuses'])]
      .filter((status) => (numberAt(status, ['restartCount']) ?? 0) > 0 && status['ready'] !== true)
      .map((status) => ({ pod, container: String(status['name']) })),
  );
  const entries = await Promise.all(
    crashing.slice(0, crashingMax).map(async ({ pod, container }): Promise<[string, string]> => {
      const key = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}/${container}`;
      const last = await readLog(client, pod, { container, previous: 'true', tailLines: String(logLines) });
      return [key, last === '' ? await readLog(client, pod, { container, tailLines: String(logLines) }) : last];
    }),
  );
  return new Map(entries);
}

/** '' when there is none, or it may not be read. */
async function readLog(client: Client, pod: AnyObject, query: Record<string, string>): Promise<string> {
  const path = `/api/v1/namespaces/${pod.metadata.namespace ?? ''}/pods/${pod.metadata.name}/log`;
  try {
    const response = await client.request({ method: 'GET', path, query });
    const text = await response.text();
    return response.status === 200 ? text : '';
  } catch {
    return '';
  }
}

/** Flux 1 and the Helm operator tell the cause in their logs only. */
async function readControllerErrors(client: Client, pods: readonly AnyObject[]): Promise<Map<string, string>> {
  const controllers = pods.filter(({ metadata }) =>
    /^(?:flux|helm-operator|[\w-]*helm-operator)-[a-z0-9]+-[a-z0-9]+$/.test(metadata.name),
  );
  const errors = new Map<string, string>();
  for (const pod of controllers) {
    const container = textAt(pod, ['spec', 'containers', 0, 'name']) ?? '';
    const log = await readLog(client, pod, { container, tailLines: String(controllerLines) });
    for (const line of log.split('\n')) keepError(errors, line);
  }
  return errors;
}

/** The newest error of a resource; a success ends it. */
function keepError(errors: Map<string, string>, line: string): void {
  const resource = /\bresource=(\S+)/.exec(line)?.[1] ?? '';
  const error = /\b(?:error|err)="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  if (error !== undefined && error !== '') errors.set(resource, maskText(error.replaceAll('\\"', '"')));
  else if (/succeeded|event=refreshed|state="tag /.test(line)) errors.delete(resource);
}

/** How many requests reach a canary: the number behind its verdict. */
export async function canaryRate(
  canary: AnyObject,
  query: (text: string) => Promise<{ value: number }[]>,
): Promise<{ query: string; value: number } | undefined> {
  const target = textAt(canary, ['spec', 'targetRef', 'name']);
  const metrics = getIn(canary, ['spec', 'analysis', 'metrics']);
  const interval = Array.isArray(metrics) && isRecord(metrics[0]) ? String(metrics[0]['interval'] ?? '1m') : '1m';
  if (target === undefined) return undefined;
  const workload = `destination_workload_namespace="${canary.metadata.namespace ?? ''}",destination_workload="${target}"`;
  const text = `sum(rate(istio_requests_total{reporter="destination",${workload}}[${interval}]))`;
  return query(text).then(
    (rows) => ({ query: text, value: rows[0]?.value ?? 0 }),
    () => undefined,
  );
}
