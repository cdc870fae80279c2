/** What people do with kubectl every day, as cases for any server that has a node. */

import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { stringifyYaml } from '@towpath/kit';
import type { Tally } from '../client-suite.ts';
import { commandLine, expectPart, until, type CommandLine } from '../kubectl.ts';
import type { Kubectl } from './find.ts';

interface CaseContext {
  readonly kubectl: CommandLine;
  /** The manifest of the deployment `web` and its service. */
  readonly manifest: string;
  /** The same with another image and one more replica. */
  readonly changed: string;
}

const readyMs = 60_000;

/** In this order: later ones use what earlier ones made. */
const cases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  apply: async ({ kubectl, manifest }) => {
    expectPart(await kubectl.run(['apply', '-f', manifest]), 'deployment.apps/web created');
    expectPart(await kubectl.run(['apply', '-f', manifest]), 'deployment.apps/web unchanged');
    expectPart(
      await kubectl.run(['apply', '--server-side', '--force-conflicts', '-f', manifest]),
      'serverside-applied',
    );
    const wrong = await kubectl.ask(
      ['apply', '-f', '-'],
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"dta":{}}',
    );
    expectPart(wrong.stderr, 'unknown field "dta"');
  },
  'apply of a list': async ({ kubectl }) => {
    const item = (data: object): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'listed' },
      ...data,
    });
    const list = (data: object): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item(data)] });
    const said = await kubectl.run(['apply', '-f', '-'], { input: list({ data: { key: 'value' } }) });
    expectPart(said, 'configmap/listed created');
    expectPart((await kubectl.ask(['apply', '-f', '-'], list({ dta: {} }))).stderr, 'unknown field "dta"');
  },
  wait: async ({ kubectl }) => {
    const args = ['wait', 'deployment/web', '--for=condition=Available', '--timeout=60s'];
    expectPart(await kubectl.run(args), 'deployment.apps/web condition met');
    const path = ['wait', 'deployment/web', '--for=jsonpath={.status.readyReplicas}=1', '--timeout=60s'];
    expectPart(await kubectl.run(path), 'condition met');
    const vain = await kubectl.ask(['wait', 'deployment/web', '--for=condition=Broken', '--timeout=1s']);
    expectPart(vain.stderr, 'timed out waiting for the condition');
  },
  get: async ({ kubectl }) => {
    expectPart(
      await kubectl.run(['get', 'pods', '-l', 'app=web']),
      /^NAME +READY +STATUS +RESTARTS +AGE\nweb-\S+ +1\/1 +Running/,
    );
    expectPart(
      await kubectl.run(['get', 'deploy,svc', '-o', 'wide']),
      /deployment\.apps\/web +1\/1 [^]*service\/web +ClusterIP/,
    );
    expectPart(await kubectl.run(['get', 'pods', '-o', 'jsonpath={.items[0].status.phase}']), 'Running');
    expectPart(
      (await kubectl.ask(['get', 'pod', 'nobody'])).stderr,
      'Error from server (NotFound): pods "nobody" not found',
    );
    expectPart(await kubectl.run(['describe', 'deployment', 'web']), /Replicas: +1 desired \| 1 updated/);
  },
  diff: async ({ kubectl, changed, manifest }) => {
    expectPart(await kubectl.run(['diff', '-f', changed], { code: 1 }), /-\s+replicas: 1\n\+\s+replicas: 2/);
    await kubectl.run(['diff', '-f', manifest]);
  },
  logs: async ({ kubectl }) => {
    expectPart(await kubectl.run(['logs', 'deployment/web']), 'listening on 80');
    expectPart(await kubectl.run(['logs', '-l', 'app=web', '--tail=1', '--timestamps']), /^\d{4}-\d\d-\d\dT\S+Z /);
    const follow = kubectl.start(['logs', '-f', 'deployment/web']);
    try {
      await until('the followed log', readyMs, async () => (follow.output().includes('listening') ? true : undefined));
    } finally {
      await follow.stop();
    }
  },
  exec: async ({ kubectl }) => {
    expectPart(await kubectl.run(['exec', 'deploy/web', '--', 'node', '-p', '6*7']), '42');
    const copy = 'process.stdin.pipe(process.stdout)';
    const echo = await kubectl.run(['exec', '-i', 'deploy/web', '--', 'node', '-e', copy], { input: 'piped' });
    expectPart(echo, 'piped');
    const failing = await kubectl.ask(['exec', 'deploy/web', '--', 'node', '-e', 'process.exit(7)']);
    if (failing.code !== 7) throw new Error(`the exit code is ${String(failing.code)}, not 7: ${failing.stderr}`);
  },
  'port-forward': async ({ kubectl }) => {
    for (const target of ['deployment/web', 'service/web']) {
      const forward = kubectl.start(['port-forward', target, ':80']);
      try {
        const port = await until('the forwarded port', readyMs, async () => {
          if (!forward.isRunning()) throw new Error(forward.output());
          return /127\.0\.0\.1:(\d+) ->/.exec(forward.output())?.[1];
        });
        for (let count = 0; count < 3; count += 1) expectPart(await fetchText(Number(port)), 'hello from web-');
      } finally {
        await forward.stop();
      }
    }
  },
  rollout: async ({ kubectl, changed }) => {
    await kubectl.run(['apply', '-f', changed]);
    expectPart(await kubectl.run(['rollout', 'status', 'deployment/web', '--timeout=60s']), 'successfully rolled out');
    expectPart(await kubectl.run(['rollout', 'history', 'deployment/web']), /REVISION[^]*\n1 [^]*\n2 /);
    expectPart(await kubectl.run(['rollout', 'undo', 'deployment/web']), 'rolled back');
    await kubectl.run(['rollout', 'status', 'deployment/web', '--timeout=60s']);
    expectPart(await kubectl.run(['get', 'deploy', 'web', '-o', 'jsonpath={..image}']), 'conformance/web:1');
    expectPart(await kubectl.run(['rollout', 'restart', 'deployment/web']), 'restarted');
    await kubectl.run(['rollout', 'status', 'deployment/web', '--timeout=60s']);
    expectPart(await kubectl.run(['rollout', 'pause', 'deployment/web']), 'paused');
    expectPart(await kubectl.run(['rollout', 'resume', 'deployment/web']), 'resumed');
  },
};

/** Where the commands go, and a folder for their files. */
export interface CommandTarget {
  readonly kubeconfig: string;
  readonly folder: string;
}

/** Runs every case with every kubectl, each in a namespace of its own. */
export async function runCommands(
  tally: Tally,
  kubectls: readonly Kubectl[],
  { kubeconfig, folder }: CommandTarget,
): Promise<void> {
  const manifest = await writeManifest(join(folder, 'web.yaml'), { tag: '1', replicas: 1 });
  const changed = await writeManifest(join(folder, 'changed.yaml'), { tag: '2', replicas: 2 });
  for (const { path, version } of kubectls) {
    const plain = commandLine({ command: [path], kubeconfig, home: folder });
    const namespace = `skew-${version.replaceAll(/[^a-z0-9]/g, '-')}`;
    await plain.run(['create', 'namespace', namespace]);
    const kubectl = inNamespace(plain, namespace);
    for (const [name, body] of Object.entries(cases))
      await tally.run(`${version} ${name}`, () => body({ kubectl, manifest, changed }));
    await tally.run(`${version} delete`, async () => {
      expectPart(await plain.run(['delete', 'namespace', namespace, '--timeout=60s']), 'deleted');
    });
  }
}

function inNamespace(kubectl: CommandLine, namespace: string): CommandLine {
  const place = ['-n', namespace];
  return {
    run: (args, expected) => kubectl.run([...place, ...args], expected),
    ask: (args, input) => kubectl.ask([...place, ...args], input),
    start: (args) => kubectl.start([...place, ...args]),
  };
}

async function writeManifest(file: string, { tag, replicas }: { tag: string; replicas: number }): Promise<string> {
  const labels = { app: 'web' };
  const container = { name: 'web', image: `conformance/web:${tag}`, ports: [{ containerPort: 80 }] };
  const objects = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ ...container, readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } }] },
        },
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: labels, ports: [{ port: 80 }] } },
  ];
  await writeFile(file, objects.map((object) => stringifyYaml(object)).join('---\n'));
  return file;
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
