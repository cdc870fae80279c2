/** The real kube-controller-manager in place of our controllers; scheduler and node stay ours. */

import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Disposer, messageOf } from '@towpath/kit';
import { applyYaml, readText } from '../apply.ts';
import type { SuiteContext, Tally } from '../client-suite.ts';
import { expectPart, until } from '../kubectl.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { buildReal } from '../real/build.ts';
import { startProgram, type RunningProgram } from '../run-program.ts';
import { testImages } from '../test-images.ts';

const doneMs = 60_000;
const namespace = 'managed';

/** Adds the cases of the workload, endpoint, garbage and namespace controllers. */
export async function controllerManagerCases(tally: Tally, context: SuiteContext): Promise<void> {
  let programFile: string;
  try {
    programFile = (await buildReal(['kube-controller-manager'], { say: context.print }))['kube-controller-manager'];
  } catch (error) {
    return tally.skip('kube-controller-manager', messageOf(error));
  }
  const ends = new Disposer();
  try {
    const server = ends.own(await startOwnServer({ hasScheduler: true, hasServiceAccounts: true, images: testImages }));
    const manager = await startManager(programFile, server);
    ends.add(() => manager.stop());
    await cases(tally, server);
    if (!manager.isRunning()) tally.fail('kube-controller-manager runs on', manager.output().slice(-600));
    if (context.isVerbose) context.print(manager.output());
  } finally {
    await ends.dispose();
  }
}

/** Starts it against our server. */
export async function startManager(file: string, server: OwnServer): Promise<RunningProgram> {
  const ca = join(server.folder, 'ca.crt');
  const key = join(server.folder, 'service-account.key');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(ca, server.api.caPem);
  await writeFile(key, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  return startProgram(file, [
    `--kubeconfig=${server.kubeconfig}`,
    `--root-ca-file=${ca}`,
    `--service-account-private-key-file=${key}`,
    '--use-service-account-credentials',
    '--leader-elect=true',
    '--secure-port=0',
  ]);
}

async function cases(tally: Tally, { client }: OwnServer): Promise<void> {
  const at = (path: string): Promise<string> => readText(client, path.replace('NS', namespace));
  const shows = (what: string, path: string, part: string | RegExp): Promise<true> =>
    until(what, doneMs, async () => (new RegExp(part).test(await at(path)) ? true : undefined));
  const run = (name: string, body: () => Promise<void>): Promise<void> =>
    tally.run(`kube-controller-manager: ${name}`, body);
  await run('a namespace gets its service account and the authority', async () => {
    await applyYaml(client, `{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
    await shows('the service account', '/api/v1/namespaces/NS/serviceaccounts/default', '"kind":"ServiceAccount"');
    await shows('the authority', '/api/v1/namespaces/NS/configmaps/kube-root-ca.crt', 'BEGIN CERTIFICATE');
  });
  await run('a deployment is rolled out, and its change too', async () => {
    await applyYaml(client, workload('apps/v1', 'Deployment', { replicas: 2 }), namespace);
    await shows('two ready replicas', deployments, '"readyReplicas":2');
    await applyYaml(client, workload('apps/v1', 'Deployment', { replicas: 3 }, 'conformance/web:2'), namespace);
    await shows('the second revision', deployments, '"observedGeneration":2[^]*"readyReplicas":3');
    expectPart(await at(deployments), '"deployment.kubernetes.io/revision":"2"');
  });
  await run('a service gets endpoints and slices', async () => {
    const spec = { selector: { app: 'deployment' }, ports: [{ port: 80 }] };
    await applyYaml(
      client,
      JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec }),
      namespace,
    );
    await shows('the endpoints', '/api/v1/namespaces/NS/endpoints/web', '"ip":"10\\.244\\.');
    await shows('the slice', '/apis/discovery.k8s.io/v1/namespaces/NS/endpointslices', '"ready":true');
  });
  await run('a stateful set and a daemon set become ready', async () => {
    await applyYaml(client, workload('apps/v1', 'StatefulSet', { replicas: 2, serviceName: 'web' }), namespace);
    await applyYaml(client, workload('apps/v1', 'DaemonSet', {}), namespace);
    await shows('two ready members', '/apis/apps/v1/namespaces/NS/statefulsets/statefulset', '"readyReplicas":2');
    await shows('one ready daemon', '/apis/apps/v1/namespaces/NS/daemonsets/daemonset', '"numberReady":1');
  });
  await run('a job completes', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'task', image: 'conformance/task:1' }] } };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'task' }, spec: { template } };
    await applyYaml(client, JSON.stringify(job), namespace);
    await shows('the completion', '/apis/batch/v1/namespaces/NS/jobs/task', '"succeeded":1');
  });
  await run('a disruption budget counts', async () => {
    const spec = { minAvailable: 1, selector: { matchLabels: { app: 'deployment' } } };
    const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web' }, spec };
    await applyYaml(client, JSON.stringify(budget), namespace);
    await shows('the count', '/apis/policy/v1/namespaces/NS/poddisruptionbudgets/web', '"disruptionsAllowed":2');
  });
  await run('what a deleted deployment owned is collected', async () => {
    await client.request({ method: 'DELETE', path: deployments.replace('NS', namespace) });
    await shows('no replica set', '/apis/apps/v1/namespaces/NS/replicasets', '"items":\\[\\]');
    await shows('no pod', '/api/v1/namespaces/NS/pods?labelSelector=app%3Ddeployment', '"items":\\[\\]');
  });
  await run('a deleted namespace is emptied and goes', async () => {
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
    await shows('the end of the namespace', '/api/v1/namespaces/NS', '"NotFound"');
  });
}

const deployments = '/apis/apps/v1/namespaces/NS/deployments/deployment';

function workload(apiVersion: string, kind: string, spec: object, image = 'conformance/web:1'): string {
  const app = kind.toLowerCase();
  const template = {
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image }] },
  };
  return JSON.stringify({
    apiVersion,
    kind,
    metadata: { name: app },
    spec: { ...spec, selector: { matchLabels: { app } }, template },
  });
}
