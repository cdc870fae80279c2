/** HorizontalPodAutoscalers under the real kube-controller-manager and under our controllers: the same numbers and words. */

import { Disposer, messageOf, systemClock } from '@towpath/kit';
import { applyYaml, readText } from '../apply.ts';
import type { SuiteContext, Tally } from '../client-suite.ts';
import { until } from '../kubectl.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { buildReal } from '../real/build.ts';
import { testImages } from '../test-images.ts';
import { startManager } from './controller-manager.ts';

const namespace = 'scaled';
/** Two turns of 15 s, after the first figures. */
const doneMs = 150_000;
/** Events follow the status. */
const eventsMs = 2_000;
const autoscalers = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`;

interface Case {
  readonly name: string;
  /** Default: the name. */
  readonly target?: string;
  readonly metric: object;
  /** The condition that ends the wait. */
  readonly until: string;
}

const cpu = (target: object): object => ({ type: 'Resource', resource: { name: 'cpu', target } });
const average = { type: 'AverageValue', averageValue: '1' };
const metric = { name: 'requests' };
const labelled = { ...metric, selector: { matchLabels: { queue: 'jobs' } } };
const describedObject = { apiVersion: 'v1', kind: 'Service', name: 'main' };

const cases: readonly Case[] = [
  { name: 'busy', metric: cpu({ type: 'Utilization', averageUtilization: 50 }), until: '"TooManyReplicas"' },
  { name: 'value', metric: cpu({ type: 'AverageValue', averageValue: '5m' }), until: '"TooManyReplicas"' },
  { name: 'nobody', metric: cpu({ type: 'Utilization', averageUtilization: 50 }), until: '"FailedGetScale"' },
  { name: 'bare', metric: cpu({ type: 'Utilization', averageUtilization: 50 }), until: 'missing request' },
  { name: 'pods', metric: { type: 'Pods', pods: { metric, target: average } }, until: '"FailedGetPodsMetric"' },
  {
    name: 'object',
    metric: { type: 'Object', object: { metric, target: { type: 'Value', value: '1' }, describedObject } },
    until: '"FailedGetObjectMetric"',
  },
  {
    name: 'external',
    metric: { type: 'External', external: { metric: labelled, target: average } },
    until: '"FailedGetExternalMetric"',
  },
  { name: 'first', target: 'shared', metric: cpu(average), until: '"AmbiguousSelector"' },
  { name: 'second', target: 'shared', metric: cpu(average), until: '"AmbiguousSelector"' },
];

/** Skipped where kube-controller-manager is neither there nor can be built. */
export async function autoscalerCases(tally: Tally, context: SuiteContext): Promise<void> {
  let file: string;
  try {
    file = (await buildReal(['kube-controller-manager'], { say: context.print }))['kube-controller-manager'];
  } catch (error) {
    return tally.skip('autoscaler', messageOf(error));
  }
  const ends = new Disposer();
  try {
    const theirs = ends.own(await startOwnServer({ hasScheduler: true, hasServiceAccounts: true, images: testImages }));
    const manager = await startManager(file, theirs);
    ends.add(() => manager.stop());
    const ours = ends.own(await startOwnServer({ hasControllers: true, images: testImages }));
    const [wanted, found] = await Promise.all([play(theirs), play(ours)]);
    for (const [index, { name }] of cases.entries()) {
      await tally.run(`autoscaler: ${name}`, async () => compare(wanted[index] ?? '', found[index] ?? ''));
    }
  } finally {
    await ends.dispose();
  }
}

function compare(wanted: string, found: string): void {
  if (wanted !== found) throw new Error(`kube-controller-manager:\n${wanted}\nours:\n${found}`);
}

/** What each autoscaler came to, as text. */
async function play({ client }: OwnServer): Promise<readonly string[]> {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...['busy', 'value', 'pods', 'object', 'external', 'shared'].map((name) => deployment(name, { cpu: '20m' })),
    deployment('bare', {}),
    ...cases.map(autoscaler),
  ];
  for (const object of objects) await applyYaml(client, JSON.stringify(object), namespace);
  return Promise.all(
    cases.map(async ({ name, until: part }) => {
      const path = `${autoscalers}/${name}`;
      const status = await until(`${name} to be ${part}`, doneMs, async () => {
        const text = await readText(client, path);
        return text.includes(part) ? text : undefined;
      }).catch(async (error: unknown) => `${messageOf(error)}: ${await readText(client, path)}`);
      await systemClock.sleep(eventsMs);
      return `${conditionsIn(status)}\n${await eventsOf(client, name)}`;
    }),
  );
}

function deployment(name: string, requests: object): object {
  const container = { name: 'busy', image: 'conformance/busy:1', resources: { requests } };
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
}

function autoscaler({ name, target = name, metric: one }: Case): object {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: target };
  const spec = { scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics: [one] };
  return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name }, spec };
}

interface Seen {
  readonly status?: { readonly conditions?: readonly Record<string, string>[]; readonly desiredReplicas?: number };
}

function conditionsIn(text: string): string {
  if (!text.startsWith('{')) return text;
  const { status = {} } = JSON.parse(text) as Seen;
  const lines = (status.conditions ?? []).map(({ type, status: value, reason, message }) =>
    withoutNames([type, value, reason, message].join(' ')),
  );
  return [`desired ${status.desiredReplicas}`, ...lines].join('\n');
}

/** Each kind of event once, in the order of their names: how often one is told depends on the time. */
async function eventsOf(client: OwnServer['client'], name: string): Promise<string> {
  const selector = `involvedObject.name=${name},involvedObject.kind=HorizontalPodAutoscaler`;
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(selector)}`;
  const { items } = JSON.parse(await readText(client, path)) as { items: readonly Record<string, string>[] };
  const lines = items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  // Whether the first figures were late is a matter of time, too; and the hash in a pod's name is its own.
  const certain = lines.filter((line) => !/no metrics returned|did not receive metrics/.test(line)).map(withoutNames);
  return [...new Set(certain)].toSorted((left, right) => left.localeCompare(right)).join('\n');
}

/** Names of pods differ, and theirs lists autoscalers in any order. */
function withoutNames(text: string): string {
  return text.replaceAll(/\b([a-z]+)-[a-z0-9]{6,10}-[a-z0-9]{5}\b/g, '$1-HASH').replace(
    /\[(scaled\/[^\]]+)\]/,
    (_, list: string) =>
      `[${list
        .split(' ')
        .toSorted((a, b) => (a < b ? -1 : 1))
        .join(' ')}]`,
  );
}
