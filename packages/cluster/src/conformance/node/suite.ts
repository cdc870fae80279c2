/** Our node in a real control plane: kube-apiserver asks it for logs, exec and port-forward as it asks a kubelet. */

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, createLogger, Disposer, messageOf, systemClock } from '@towpath/kit';
import { httpTransport, loadKubeconfig } from '@towpath/runtime';
import { startNodes, type RunningNodes } from '../../node/start-nodes.ts';
import { clientSuite, type SuiteContext, type Tally } from '../client-suite.ts';
import { commandLine, expectPart, until, type CommandLine } from '../kubectl.ts';
import { findKubectls, type Kubectl } from '../kubectl-skew/find.ts';
import { runCommands } from '../kubectl-skew/commands.ts';
import { hostFacts } from '../own-server.ts';
import { buildReal } from '../real/build.ts';
import { startRealControlPlane } from '../real/control-plane.ts';
import type { Suite } from '../suite.ts';
import { testImages } from '../test-images.ts';

const nodeName = 'joined';
const doneMs = 60_000;

export const node: Suite = clientSuite({
  name: 'node',
  summary: 'our node joined to a real kube-apiserver, with its controller-manager and scheduler',
  async run(tally, context) {
    const kubectls = await findKubectls([context.toolsFolder]);
    if (kubectls.length === 0) return tally.skip('kubectl', 'no kubectl from 1.29 on PATH or in the tools folder');
    const programs = await realPrograms(context);
    if (typeof programs === 'string') return tally.skip('kube-apiserver', programs);
    const ends = new Disposer();
    try {
      const folder = await mkdtemp(join(tmpdir(), 'towpath-joined-'));
      ends.add(() => rm(folder, { recursive: true, force: true }));
      const plane = ends.own(await startRealControlPlane({ programs, clock: systemClock }));
      const joined = await joinNode(plane.kubeconfigFile, folder);
      ends.add(() => joined.dispose());
      // The oldest kubectl speaks SPDY, the newest WebSocket.
      const chosen = kubectls.filter((_, index) => index === 0 || index === kubectls.length - 1);
      await runCommands(tally, chosen, { kubeconfig: plane.kubeconfigFile, folder });
      await nodeCases(tally, { kubeconfig: plane.kubeconfigFile, folder, kubectls: chosen, joined });
    } finally {
      await ends.dispose();
    }
  },
});

/** Their files, or why there are none. */
async function realPrograms(
  context: SuiteContext,
): Promise<Parameters<typeof startRealControlPlane>[0]['programs'] | string> {
  try {
    const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
    return await buildReal(names, { say: context.print });
  } catch (error) {
    if (codeOf(error) === 'GO_MISSING') return messageOf(error);
    throw error;
  }
}

async function joinNode(kubeconfig: string, folder: string): Promise<RunningNodes> {
  const { transport: target } = await loadKubeconfig({ file: kubeconfig });
  const transport = httpTransport(target);
  const dataDir = join(folder, 'node');
  await mkdir(dataDir, { recursive: true });
  const { hostname, port } = new URL(target.server);
  const nodes = await startNodes({
    transport,
    // No builtin runs here.
    transportWithToken: () => transport,
    clock: systemClock,
    log: createLogger({ level: 'error', write: () => {} }),
    dataDir,
    nodes: 1,
    images: testImages,
    builtins: {},
    hostServices: { 'kubernetes.default:443': { host: hostname, port: Number(port) } },
    host: hostFacts(),
    join: { name: nodeName, nodeIP: '127.0.0.1', port: 0, clientAuthority: String(target.ca) },
  });
  return {
    ...nodes,
    async dispose() {
      await nodes.dispose();
      transport.close();
    },
  };
}

interface NodeCase {
  readonly kubeconfig: string;
  readonly folder: string;
  readonly kubectls: readonly Kubectl[];
  readonly joined: RunningNodes;
}

async function nodeCases(tally: Tally, { kubeconfig, folder, kubectls, joined }: NodeCase): Promise<void> {
  const command = kubectls.at(-1)?.path ?? 'kubectl';
  const kubectl = commandLine({ command: [command, '-n', 'default'], kubeconfig, home: folder });
  const web = ['create', 'deployment', 'web', '--image=conformance/web:1'];
  const rollout = ['rollout', 'status', 'deployment/web', '--timeout=60s'];
  await tally.run('the node is as kubectl shows one', async () => {
    expectPart(await kubectl.run(['get', 'nodes', '-o', 'wide']), /joined +Ready .* 127\.0\.0\.1 .* process:\/\//);
    expectPart(await kubectl.run(['describe', 'node', nodeName]), /KubeletReady/);
  });
  await tally.run('a pod reaches another by its service, and the API server with its token', async () => {
    await kubectl.run(web);
    await kubectl.run(['expose', 'deployment', 'web', '--port=80']);
    await kubectl.run(rollout);
    const ask = `fetch('http://web/').then((r) => r.text()).then(console.log)`;
    expectPart(await kubectl.run(['exec', 'deploy/web', '--', 'node', '-e', ask]), 'hello from web-');
    expectPart(await kubectl.run(['exec', 'deploy/web', '--', 'node', '-e', asksForItself]), /status (200|403)/);
  });
  await tally.run('so does a pod whose program is not Node, from a network namespace', async () => {
    const ask = `fetch('http://web/').then((r) => r.text()).then(console.log); ${asksForItself}`;
    const shell = ['sh', '-c', 'exec node -e "$0"', ask];
    await kubectl.run(['run', 'shell', '--image=conformance/web:1', '--restart=Never', '--command', '--', ...shell]);
    await kubectl.run(['wait', 'pod/shell', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s']);
    const logs = await kubectl.run(['logs', 'shell']);
    expectPart(logs, 'hello from web-');
    expectPart(logs, /status (200|403)/);
  });
  await tally.run('kubectl cp takes a file out', async () => {
    const pod = await podOf(kubectl);
    const file = join(folder, 'hosts');
    await kubectl.run(['cp', `${pod}:/etc/hosts`, file]);
    expectPart(await readFile(file, 'utf8'), pod);
  });
  await tally.run('a deleted pod is gone and replaced', async () => {
    const pod = await podOf(kubectl);
    expectPart(await kubectl.run(['delete', 'pod', pod, '--timeout=60s']), 'deleted');
    await kubectl.run(rollout);
    if ((await podOf(kubectl)) === pod) throw new Error('it is the same pod');
  });
  await tally.run('strangers are refused', async () => {
    const port = 'jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}';
    const response = await askWithout(Number(await kubectl.run(['get', 'node', nodeName, '-o', port])));
    if (response !== 401) throw new Error(`the kubelet's server answers ${response} to somebody it does not know`);
  });
  await tally.run('a node that stops is no longer ready', async () => {
    await joined.dispose();
    const ready = ['get', 'node', nodeName, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
    await until('the node to be not ready', doneMs, async () =>
      (await kubectl.run(ready)) === 'False' ? true : undefined,
    );
  });
}

const asksForItself = `
const fs = require('node:fs');
const { env } = require('node:process');
const folder = '/var/run/secrets/kubernetes.io/serviceaccount/';
const options = {
  host: env.KUBERNETES_SERVICE_HOST, port: env.KUBERNETES_SERVICE_PORT, path: '/api/v1/namespaces/default/pods',
  ca: fs.readFileSync(folder + 'ca.crt'), headers: { authorization: 'Bearer ' + fs.readFileSync(folder + 'token') },
};
require('node:https').get(options, (response) => { console.log('status ' + response.statusCode); response.resume(); });
`;

async function podOf(kubectl: CommandLine): Promise<string> {
  const names = await kubectl.run([
    'get',
    'pods',
    '-l',
    'app=web',
    '--field-selector=status.phase=Running',
    '-o',
    'jsonpath={.items[*].metadata.name}',
  ]);
  return names.split(' ').at(-1) ?? '';
}

/** The status of a request without credentials. */
function askWithout(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/pods', rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}
