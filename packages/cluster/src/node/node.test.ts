/** The life of pods on real processes: started, probed, restarted, stopped, on each level of the process runtime. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { arch, cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { ConfigMaps, Events, Pods, type Builtin, type Pod } from '@towpath/api';
import { silentLogger, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/index.ts';
import type { FoundImage, ImageSource } from './images/image-source.ts';
import type { Level } from './runtimes/probe.ts';
import { startNodes, type RunningNodes } from './start-nodes.ts';

const node = 'towpath-node-1';

/** An image with one file, started by node. */
function image(source: string, config: Partial<FoundImage['config']> = {}): FoundImage {
  return {
    digest: `sha256:${Buffer.from(source).toString('hex').slice(0, 60)}${Buffer.byteLength(source).toString(16).padStart(4, '0')}`,
    repository: 'docker.io/acme/app',
    config: { Entrypoint: ['node', '/app/main.js'], WorkingDir: '/app', Env: ['FROM_IMAGE=1'], ...config },
    sizeBytes: source.length,
    layers: [
      {
        digest: 'sha256:layer',
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        async *open() {
          const archive = pack();
          archive.entry({ name: 'app/', type: 'directory' });
          archive.entry({ name: 'app/main.js' }, source);
          archive.entry({ name: 'app/data.txt' }, 'data of the image');
          archive.finalize();
          for await (const chunk of archive) yield chunk as Uint8Array;
        },
      },
    ],
  };
}

const images: Record<string, FoundImage> = {
  'acme/web:1': image(
    `const http = require('http'), fs = require('fs');
     console.log('started', process.env.GREETING, process.env.FROM_IMAGE, process.env.POD_NAME, fs.readFileSync('data.txt', 'utf8'));
     http.createServer((q, r) => r.end('hello from ' + require('os').hostname())).listen(80);
     process.on('SIGTERM', () => { console.log('bye'); process.exit(0) });`,
  ),
  'acme/job:1': image(`console.log('working'); console.error('oops'); process.exit(Number(process.env.CODE ?? 0))`),
  'acme/files:1': image(
    `const fs = require('fs'); console.log(fs.readdirSync('.').sort().join(), fs.existsSync('/etc/app/key') && fs.readFileSync('/etc/app/key', 'utf8'));
     fs.writeFileSync('written', 'x'); setInterval(() => {}, 1000)`,
  ),
  'acme/hog:1': image(`const kept = []; for (;;) kept.push(new Array(1000).fill(kept.length))`),
  'acme/sleeper:1': image('setInterval(() => {}, 1000)'),
};

const source: ImageSource = {
  find: (reference) => {
    const found = images[reference];
    return found === undefined ? Promise.reject(new Error('not found')) : Promise.resolve(found);
  },
};

const levels: Level[] = ['namespaces', 'plain'];

describe.each(levels)('level %s', (level) => {
  let cluster: TestCluster;
  let client: Client;
  let dir: string;
  let nodes: RunningNodes;

  const start = (): Promise<RunningNodes> =>
    startNodes({
      transport: cluster.transport(),
      transportWithToken: () => cluster.transport(),
      clock: systemClock,
      log: silentLogger,
      dataDir: dir,
      nodes: 1,
      images: source,
      builtins: { echo },
      hostServices: {},
      level,
      host: {
        platform: process.platform,
        architecture: arch(),
        cpus: cpus().length,
        memoryBytes: totalmem(),
        kernelVersion: release(),
        osImage: 'test',
        userId: process.getuid?.() ?? 0,
        tempDir: tmpdir(),
        node: process.execPath,
        env: process.env,
      },
    });

  beforeAll(async () => {
    cluster = await startTestCluster();
    client = new Client({ transport: cluster.transport() });
    dir = await mkdtemp(join(tmpdir(), 'tp-'));
    nodes = await start();
  });

  afterAll(async () => {
    await nodes.dispose();
    await cluster.dispose();
    await rm(dir, { recursive: true, force: true });
  });

  test.runIf(level === 'plain')('the level asked for is used', () => {
    expect(nodes.level).toBe(level);
  });

  test('a web server becomes ready, is reached on port 80, logs, and stops with grace', async () => {
    await create('web', {
      image: 'acme/web:1',
      env: [
        { name: 'GREETING', value: 'hi $(POD_NAME)' },
        { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 10 },
    });
    const pod = await until('web', isReady);
    const status = pod.status?.containerStatuses?.[0];
    expect(pod.status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort' });
    expect(status).toMatchObject({ ready: true, started: true, restartCount: 0, image: 'acme/web:1' });
    expect(status?.containerID).toMatch(/^process:\/\/[0-9a-f]{64}$/);
    expect(await logsOf('web')).toBe('started hi $(POD_NAME) 1 web data of the image\n');
    expect(await reasonsOf('web')).toEqual(['Created', 'Pulled', 'Pulling', 'Started']);
    const reached = await nodes.podStreams.portForward(pod, 80);
    reached.end('GET / HTTP/1.0\r\n\r\n');
    expect(await textOf(reached)).toContain('hello from web');

    await client.delete(Pods, { namespace: 'default', name: 'web' });
    await gone('web');
  });

  test('a command that runs beside the program sees its files and environment', async () => {
    const readinessProbe = { exec: { command: ['sh', '-c', 'test -f data.txt'] } };
    await create('exec', { image: 'acme/sleeper:1', env: [{ name: 'COLOUR', value: 'blue' }], readinessProbe });
    const pod = await until('exec', isReady);
    const out = await exec(pod, ['sh', '-c', 'echo $COLOUR $(cat data.txt); exit 3']);
    expect(out).toEqual({ text: 'blue data of the image\n', exitCode: 3 });
    await client.delete(Pods, { namespace: 'default', name: 'exec' }, { gracePeriodSeconds: 1 });
    await gone('exec');
  });

  test.each([
    { name: 'done', code: '0', phase: 'Succeeded', reason: 'Completed' },
    { name: 'failed', code: '3', phase: 'Failed', reason: 'Error' },
  ])('a job that ends with $code is $phase', async ({ name, code, phase, reason }) => {
    await create(name, { image: 'acme/job:1', env: [{ name: 'CODE', value: code }] }, { restartPolicy: 'Never' });
    const pod = await until(name, ({ status }) => status?.phase === phase);
    expect(pod.status?.containerStatuses?.[0]?.state).toMatchObject({
      terminated: { exitCode: Number(code), reason },
    });
    expect((await logsOf(name)).split('\n').toSorted()).toEqual(['', 'oops', 'working']);
  });

  test('a crashing program is restarted at once, then held back', async () => {
    await create('crash', { image: 'acme/job:1', env: [{ name: 'CODE', value: '1' }] });
    const pod = await until('crash', ({ status }) => waitingReason(status) === 'CrashLoopBackOff');
    const status = pod.status?.containerStatuses?.[0];
    expect(status).toMatchObject({ restartCount: 1, ready: false, lastState: { terminated: { exitCode: 1 } } });
    expect(pod.status?.phase).toBe('Running');
    expect(await reasonsOf('crash')).toContain('BackOff');
  });

  test('an image that does not exist, and a ConfigMap that does not, are named', async () => {
    await create('noimage', { image: 'acme/none:1' });
    const envFrom = [{ configMapRef: { name: 'absent' } }];
    await create('noconfig', { image: 'acme/job:1', envFrom });
    const pod = await until('noimage', ({ status }) => /ErrImagePull|ImagePullBackOff/.test(waitingReason(status)));
    expect(pod.status?.phase).toBe('Pending');
    const other = await until('noconfig', ({ status }) => waitingReason(status) === 'CreateContainerConfigError');
    expect(JSON.stringify(other.status)).toContain('configmap \\"absent\\" not found');
  });

  test('volumes are at their paths, init containers run first, the image is not written to', async () => {
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'app', namespace: 'default' },
      data: { key: 'v1' },
    };
    await client.request({
      method: 'POST',
      path: '/api/v1/namespaces/default/configmaps',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configMap),
    });
    const spec = {
      initContainers: [{ name: 'init', image: 'acme/job:1' }],
      volumes: [{ name: 'config', configMap: { name: 'app' } }],
    };
    for (const name of ['files', 'files-again']) {
      const volumeMounts = [{ name: 'config', mountPath: level === 'plain' ? '/app/config' : '/etc/app' }];
      await create(name, { image: 'acme/files:1', volumeMounts }, spec);
      await until(name, isReady);
      const expected = level === 'plain' ? 'config,data.txt,main.js false\n' : 'data.txt,main.js v1\n';
      expect(await firstLineOf(name)).toBe(expected);
    }
    const pod = await until('files', isReady);
    expect(pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
  });

  test('a mounted ConfigMap follows its object', async () => {
    const key = { namespace: 'default', name: 'live' };
    await client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { key: 'old' } });
    const mountPath = level === 'plain' ? '/app/config' : '/etc/app';
    const volumes = [{ name: 'config', configMap: { name: 'live' } }];
    await create('live', { image: 'acme/sleeper:1', volumeMounts: [{ name: 'config', mountPath }] }, { volumes });
    const pod = await until('live', isReady);
    await client.patch(ConfigMaps, key, { data: { key: 'new' } }, { kind: 'merge' });
    const file = level === 'plain' ? 'config/key' : '/etc/app/key';
    const out = await exec(pod, ['sh', '-c', `until grep new ${file}; do sleep 0.05; done`]);
    expect(out).toEqual({ text: 'new\n', exitCode: 0 });
  });

  test('sidecars start before, hooks run around, everything ends in its order', async () => {
    const hook = (word: string): object => ({ exec: { command: ['sh', '-c', `echo ${word} >> /tmp/../$OUT`] } });
    const out = join(dir, 'hooks');
    const env = [{ name: 'OUT', value: out }];
    const volumes = [{ name: 'out', hostPath: { path: dir } }];
    const volumeMounts = [{ name: 'out', mountPath: dir }];
    const lifecycle = { postStart: hook('started'), preStop: hook('stopping') };
    const initContainers = [
      {
        name: 'helper',
        image: 'acme/sleeper:1',
        restartPolicy: 'Always',
        env,
        volumeMounts,
        lifecycle: { preStop: hook('last') },
      },
    ];
    await create('hooks', { image: 'acme/web:1', env, volumeMounts, lifecycle }, { volumes, initContainers });
    const pod = await until('hooks', isReady);
    expect(pod.status?.initContainerStatuses?.[0]).toMatchObject({ name: 'helper', ready: true, started: true });
    await client.delete(Pods, { namespace: 'default', name: 'hooks' }, { gracePeriodSeconds: 2 });
    await gone('hooks');
    expect(await readFile(out, 'utf8')).toBe('started\nstopping\nlast\n');
  });

  test('a program that needs more memory than its limit is OOMKilled', async () => {
    const resources = { limits: { memory: '32Mi' } };
    await create('hog', { image: 'acme/hog:1', resources }, { restartPolicy: 'Never' });
    const pod = await until('hog', ({ status }) => status?.phase === 'Failed');
    expect(pod.status?.containerStatuses?.[0]?.state).toMatchObject({
      terminated: { reason: 'OOMKilled', exitCode: 137 },
    });
  });

  test('a builtin listens on its pod and logs', async () => {
    await create('builtin', { image: 'towpath.builtin/echo:1', args: ['--flag'] });
    const pod = await until('builtin', isReady);
    const stream = await nodes.dialer.dial({ host: pod.status?.podIP ?? '', port: 7 });
    stream.end('ping');
    expect(await textOf(stream)).toBe('--flag ping');
    expect(await firstLineOf('builtin')).toBe('listening as builtin\n');
    await client.delete(Pods, { namespace: 'default', name: 'builtin' });
    await gone('builtin');
  });

  test('the host shell runs in a folder of its own', async () => {
    const command = ['sh', '-c', 'echo $STAGE; pwd | grep -c work; git --version | cut -c1-3; command -v node'];
    await create(
      'shell',
      { image: 'towpath.host/shell', command, env: [{ name: 'STAGE', value: 'build' }] },
      { restartPolicy: 'Never' },
    );
    await until('shell', ({ status }) => status?.phase === 'Succeeded');
    expect(await logsOf('shell')).toBe(`build\n1\ngit\n${process.execPath}\n`);
  });

  test('after a stop the pod starts again and counts one restart', async () => {
    await create('again', { image: 'acme/sleeper:1' });
    await until('again', isReady);
    await nodes.dispose();
    nodes = await start();
    const pod = await until(
      'again',
      ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && isReady({ status }),
    );
    expect(pod.status?.containerStatuses?.[0]?.lastState).toMatchObject({ terminated: { reason: 'Unknown' } });
  });

  function create(name: string, container: object, spec: object = {}): Promise<Pod> {
    const containers = [{ name: 'main', ...container }] as Pod['spec']['containers'];
    return client.create(Pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName: node, automountServiceAccountToken: false, containers, ...spec },
    });
  }

  async function until(name: string, isSo: (pod: Pick<Pod, 'status'>) => boolean): Promise<Pod> {
    const stop = AbortSignal.timeout(15_000);
    const { resourceVersion } = await client.list(Pods, { namespace: 'default' });
    const now = await client.get(Pods, { namespace: 'default', name });
    if (now !== undefined && isSo(now)) return now;
    for await (const { object } of client.watch(Pods, { namespace: 'default', resourceVersion, signal: stop })) {
      if (object.metadata.name === name && isSo(object)) return object;
    }
    throw new Error(
      `pod ${name} did not get there: ${JSON.stringify((await client.get(Pods, { namespace: 'default', name }))?.status)}`,
    );
  }

  async function gone(name: string): Promise<void> {
    const { resourceVersion } = await client.list(Pods, { namespace: 'default' });
    if ((await client.get(Pods, { namespace: 'default', name })) === undefined) return;
    const signal = AbortSignal.timeout(15_000);
    for await (const { type, object } of client.watch(Pods, { namespace: 'default', resourceVersion, signal })) {
      if (type === 'DELETED' && object.metadata.name === name) return;
    }
  }

  async function logsOf(name: string): Promise<string> {
    const pod = await until(name, () => true);
    const options = { container: 'main', follow: false, previous: false, timestamps: false };
    let text = '';
    for await (const part of nodes.podStreams.logs(pod, options, new AbortController().signal)) text += String(part);
    return text;
  }

  async function firstLineOf(name: string): Promise<string> {
    const pod = await until(name, () => true);
    const options = { container: 'main', follow: true, previous: false, timestamps: false };
    for await (const part of nodes.podStreams.logs(pod, options, AbortSignal.timeout(5_000))) return String(part);
    return '';
  }

  async function reasonsOf(name: string): Promise<string[]> {
    const { items } = await client.list(Events, { namespace: 'default', fieldSelector: `involvedObject.name=${name}` });
    return items.map(({ reason }) => reason ?? '').toSorted();
  }

  async function exec(pod: Pod, command: string[]): Promise<{ text: string; exitCode: number }> {
    let text = '';
    const { exitCode } = await nodes.podStreams.exec(
      pod,
      { container: 'main', command },
      {
        tty: false,
        stdout: (chunk) => (text += Buffer.from(chunk).toString()),
        stderr: (chunk) => (text += Buffer.from(chunk).toString()),
        resizes: (async function* () {})(),
        signal: new AbortController().signal,
      },
    );
    return { text, exitCode };
  }
});

const echo: Builtin = async (context) => {
  context.network.listen(7, ({ stream }) => {
    stream.write(`${context.args.join(' ')} `);
    stream.pipe(stream);
  });
  context.print(`listening as ${context.pod.pod}`);
  return {
    done: new Promise((resolve) => context.signal.addEventListener('abort', () => resolve())),
  };
};

function isReady(pod: Pick<Pod, 'status'>): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function waitingReason(status: Pod['status']): string {
  const waiting = status?.containerStatuses?.[0]?.state?.['waiting'] as { reason?: string } | undefined;
  return waiting?.reason ?? '';
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
