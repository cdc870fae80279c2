/** Jobs, rollouts and nodes under the real kube-controller-manager and under our controllers: the same status and words. */

import { Disposer, messageOf } from '@towpath/kit';
import { applyYaml, readText } from '../apply.ts';
import type { SuiteContext, Tally } from '../client-suite.ts';
import { commandLine, until, type CommandLine } from '../kubectl.ts';
import { findKubectls } from '../kubectl-skew/find.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { buildReal } from '../real/build.ts';
import { testImages } from '../test-images.ts';
import { startManager } from './controller-manager.ts';

const namespace = 'beside';
const doneMs = 90_000;

interface Play {
  readonly server: OwnServer;
  readonly kubectl: CommandLine;
  /** What is compared. */
  readonly seen: string[];
}

interface Case {
  readonly name: string;
  readonly play: (play: Play) => Promise<void>;
}

/** The exit code of the task is its argument. */
const task = (argument: string): object => ({ name: 'task', image: 'conformance/task:1', args: [argument] });
const idle = { name: 'idle', image: 'conformance/task:1', command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 3 };
const onExit = (action: string, ...values: number[]): object => ({
  podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In', values } }] },
});

const jobs: readonly Case[] = [
  jobCase('fails by exit code', { ...onExit('FailJob', 3) }, task('3'), '"Failed"'),
  jobCase('fails by its limit', { backoffLimit: 0 }, task('1'), '"Failed"'),
  jobCase('completes', { completions: 3, parallelism: 2 }, task('0'), '"Complete"'),
  jobCase('gives up indexes', { ...indexed, backoffLimitPerIndex: 0 }, task('$(JOB_COMPLETION_INDEX)'), '"Failed"'),
  jobCase(
    'tries an index again',
    { ...indexed, completions: 2, backoffLimitPerIndex: 1 },
    task('$(JOB_COMPLETION_INDEX)'),
    '"Failed"',
  ),
  jobCase(
    'gives up an index by exit code',
    { ...indexed, backoffLimitPerIndex: 6, ...onExit('FailIndex', 1, 2) },
    task('$(JOB_COMPLETION_INDEX)'),
    '"Failed"',
  ),
  jobCase(
    'fails by the number of failed indexes',
    { ...indexed, completions: 2, parallelism: 1, backoffLimitPerIndex: 0, maxFailedIndexes: 0 },
    task('1'),
    '"Failed"',
  ),
  jobCase(
    'succeeds by its policy',
    { ...indexed, parallelism: 1, successPolicy: { rules: [{ succeededIndexes: '0' }] } },
    task('$(JOB_COMPLETION_INDEX)'),
    '"Complete"',
  ),
  {
    name: 'a suspended job is resumed',
    play: async (play) => {
      await create(play, job('suspended', { suspend: true }, task('0')));
      play.seen.push(await status(play, 'jobs/suspended', '"Suspended"'));
      await play.kubectl.run(['patch', 'job', 'suspended', '-p', '{"spec":{"suspend":false}}']);
      play.seen.push(await status(play, 'jobs/suspended', '"Complete"'), await events(play, 'Job', 'suspended'));
    },
  },
  {
    name: 'a pod that is deleted is replaced when it has failed',
    play: async (play) => {
      await create(play, job('replaced', { podReplacementPolicy: 'Failed' }, idle));
      await status(play, 'jobs/replaced', '"ready":1');
      await play.kubectl.run(['delete', 'pod', '-l', 'job-name=replaced']);
      play.seen.push(await status(play, 'jobs/replaced', /"active":1,.*"failed":1,.*"ready":1/));
      await play.kubectl.run(['delete', 'job', 'replaced', '--wait']);
      play.seen.push(await events(play, 'Job', 'replaced'));
    },
  },
];

function jobCase(name: string, spec: object, container: object, part: string): Case {
  const id = name.replaceAll(' ', '-');
  return {
    name: `a job ${name}`,
    play: async (play) => {
      await create(play, job(id, spec, container));
      play.seen.push(await status(play, `jobs/${id}`, `"type":${part}`), await events(play, 'Job', id));
      const annotations = 'jsonpath={range .items[*]}{.metadata.annotations}{.status.phase}{"\\n"}{end}';
      const pods = await play.kubectl.run(['get', 'pods', '-l', `job-name=${id}`, '-o', annotations]);
      play.seen.push(pods.trim().split('\n').toSorted().join('\n'));
    },
  };
}

function job(name: string, spec: object, container: object): object {
  const pod = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [container] };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { ...spec, template: { spec: pod } } };
}

const rollouts: readonly Case[] = [
  { name: 'a deployment is rolled out and back', play: (play) => rollOut(play, 'deployment', { replicas: 2 }) },
  {
    name: 'a stateful set is rolled out and back',
    play: (play) => rollOut(play, 'statefulset', { replicas: 2, serviceName: 'web' }),
  },
  { name: 'a daemon set is rolled out and back', play: (play) => rollOut(play, 'daemonset', {}) },
  {
    name: 'a daemon set is rolled out with surge',
    play: (play) =>
      rollOut(play, 'daemonset', {
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      }),
  },
];

const kinds: Readonly<Record<string, string>> = {
  deployment: 'Deployment',
  statefulset: 'StatefulSet',
  daemonset: 'DaemonSet',
};

/** Two revisions with their causes, one undone; every answer of kubectl is kept. */
async function rollOut(play: Play, kind: string, spec: object): Promise<void> {
  const name = `${kind}-${play.seen.length}`;
  const target = `${kind}/${name}`;
  const run = async (...args: string[]): Promise<void> => void play.seen.push(await play.kubectl.run(args));
  const settled = (): Promise<string> => play.kubectl.run(['rollout', 'status', target, '--timeout=60s']);
  const template = {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: 'conformance/web:1' }] },
  };
  const metadata = { name, annotations: { 'kubernetes.io/change-cause': 'first' } };
  const body = { ...spec, selector: { matchLabels: { app: name } }, template };
  await create(play, { apiVersion: 'apps/v1', kind: kinds[kind], metadata, spec: body });
  await settled();
  await play.kubectl.run(['annotate', target, 'kubernetes.io/change-cause=second', '--overwrite']);
  await run('set', 'image', target, 'web=conformance/web:2');
  await settled();
  await run('rollout', 'history', target);
  await run('rollout', 'history', target, '--revision=2');
  await run('rollout', 'undo', target, '--to-revision=1');
  await settled();
  await run('rollout', 'history', target);
  await run('rollout', 'restart', target);
  await settled();
  await run('get', target, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
  play.seen.push(await status(play, `${kind}s/${name}`, /"(?:availableReplicas|numberAvailable)":[12]/));
  await play.kubectl.run(['delete', target, '--wait', '--cascade=foreground']);
}

const nodes: readonly Case[] = [
  {
    name: 'a node is cordoned and released',
    play: async ({ kubectl, seen }) => {
      const name = (await kubectl.run(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
      const taints = ['get', 'node', name, '-o', 'jsonpath={.spec.taints[*].key}={.spec.taints[*].effect}'];
      await kubectl.run(['cordon', name]);
      const found = await until('the taint', doneMs, async () => {
        const text = await kubectl.run(taints);
        return text.includes('unschedulable') ? text : undefined;
      });
      seen.push(found);
      await kubectl.run(['uncordon', name]);
      await until('no taint', doneMs, async () => ((await kubectl.run(taints)) === '=' ? true : undefined));
    },
  },
  {
    name: 'a taint evicts a pod and says so',
    play: async (play) => {
      const { kubectl, seen } = play;
      const name = (await kubectl.run(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
      // The finalizer keeps the pod, so that its condition can be read.
      const metadata = { name: 'evicted', finalizers: ['example.com/kept'] };
      const spec = { terminationGracePeriodSeconds: 1, containers: [idle] };
      await create(play, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
      await kubectl.run(['wait', 'pod/evicted', '--for=condition=Ready', '--timeout=60s']);
      await kubectl.run(['taint', 'node', name, 'example.com/leave=now:NoExecute']);
      await until('the end of the pod', doneMs, async () =>
        /"phase":"Failed"/.test(await readText(play.server.client, pods('evicted'))) ? true : undefined,
      );
      await kubectl.run(['taint', 'node', name, 'example.com/leave-']);
      const condition = '{.status.conditions[?(@.type=="DisruptionTarget")]}';
      seen.push(await kubectl.run(['get', 'pod', 'evicted', '-o', `jsonpath=${condition}`]));
      await kubectl.run(['patch', 'pod', 'evicted', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    },
  },
];

const pods = (name: string): string => `/api/v1/namespaces/${namespace}/pods/${name}`;

/** Skipped where kube-controller-manager or kubectl is neither there nor can be built. */
export async function workloadCases(tally: Tally, context: SuiteContext): Promise<void> {
  const [kubectl] = (await findKubectls([context.toolsFolder])).slice(-1);
  if (kubectl === undefined) return tally.skip('workloads', 'no kubectl from 1.29 on PATH or in the tools folder');
  let file: string;
  try {
    file = (await buildReal(['kube-controller-manager'], { say: context.print }))['kube-controller-manager'];
  } catch (error) {
    return tally.skip('workloads', messageOf(error));
  }
  const ends = new Disposer();
  try {
    const theirs = ends.own(await startOwnServer({ hasScheduler: true, hasServiceAccounts: true, images: testImages }));
    const manager = await startManager(file, theirs);
    ends.add(() => manager.stop());
    const ours = ends.own(await startOwnServer({ hasControllers: true, images: testImages }));
    for (const server of [theirs, ours]) {
      await applyYaml(server.client, `{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
    }
    for (const { name, play } of [...jobs, ...rollouts, ...nodes]) {
      await tally.run(`workloads: ${name}`, async () => {
        const [wanted, found] = await Promise.all([theirs, ours].map((server) => played(play, server, kubectl.path)));
        if (wanted !== found) throw new Error(`kube-controller-manager:\n${wanted}\nours:\n${found}`);
      });
    }
  } finally {
    await ends.dispose();
  }
}

async function played(play: Case['play'], server: OwnServer, path: string): Promise<string> {
  const command = [path, '--namespace', namespace] as const;
  const kubectl = commandLine({ command: [...command], kubeconfig: server.kubeconfig, home: server.folder });
  const seen: string[] = [];
  await play({ server, kubectl, seen });
  return normalised(seen.join('\n'));
}

async function create({ server }: Play, object: object): Promise<void> {
  await applyYaml(server.client, JSON.stringify(object), namespace);
}

/** The status of an object once its text has `part`. */
async function status({ server }: Play, path: string, part: string | RegExp): Promise<string> {
  const group = path.startsWith('jobs/') ? 'batch' : 'apps';
  let last = '';
  try {
    return await until(`${path} to have ${String(part)}`, doneMs, async () => {
      last = await readText(server.client, `/apis/${group}/v1/namespaces/${namespace}/${path}`);
      const text = JSON.stringify(sorted((JSON.parse(last) as { status?: unknown }).status ?? {}));
      const isThere = typeof part === 'string' ? text.includes(part) : part.test(text);
      return isThere ? text : undefined;
    });
  } catch (error) {
    throw new Error(`${messageOf(error)}; it is ${last.slice(-900)}`, { cause: error });
  }
}

/** With members in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

async function events({ kubectl }: Play, kind: string, name: string): Promise<string> {
  const selector = `involvedObject.kind=${kind},involvedObject.name=${name}`;
  const template = 'jsonpath={range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}';
  // Events follow the status.
  const text = await until('the last event', doneMs, async () => {
    const found = await kubectl.run(['get', 'events', '--field-selector', selector, '-o', template]);
    return /Completed|Failed|Exceeded|FailedIndexes|PodFailurePolicy|SuccessfulDelete|SuccessfulCreate/.test(found)
      ? found
      : undefined;
  });
  return text.trim().split('\n').toSorted().join('\n');
}

/** Without what each server chooses: times, generated names and hashes. */
function normalised(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/(?<=[a-z0-9]-)[bcdf4-9]{6,10}\b/g, '<hash>')
    .replaceAll(/(?<=[a-z0-9>]-)[bcdfghjklmnpqrstvwxz2-9]{5}\b/g, '<5>')
    .replaceAll(/(?<=(?:hash|Revision)"?[:=]\s*"?)[a-z0-9]+/g, '<hash>');
}
