/** Cases of a container's network: what it serves is reached, what it opens arrives, and sidecars see both. */

import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { EndpointSlices, Services } from '@towpath/api';
import { expect } from 'vitest';
import { forBuiltins, type RuntimeCase } from './case.ts';
import { isReady, type World } from './world.ts';

const noProgram = 'a builtin is a function: it has no program';
/** Answers with its own name and what the other end is called. */
const server = `require('http').createServer((q, r) => r.end('hello from ' + require('os').hostname())).listen(Number(args[0]), () => console.log('up'))`;
/** Prints what each URL answers, or the error's code. */
const client = `const http = require('http'); const get = (url) => new Promise((ok) => http.get(url, { agent: false }, (r) => { let t = ''; r.on('data', (d) => t += d).on('end', () => ok(t)) }).on('error', (e) => ok(e.code)));
  (async () => { const out = []; for (const url of args) out.push(await get(url)); console.log(JSON.stringify(out)) })()`;

export const networkCases: readonly RuntimeCase[] = [
  {
    name: "a port is reached at the pod's address, probed, and forwarded to",
    cannot: { builtin: noProgram },
    async run(world) {
      const readinessProbe = { httpGet: { path: '/', port: 80 } };
      await world.create('web', { ...world.program(server, '80'), readinessProbe });
      const pod = await world.ready('web');
      expect(pod.status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort' });
      expect(pod.status?.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, restartCount: 0 });
      expect(pod.status?.containerStatuses?.[0]?.containerID).toMatch(/^\w+:\/\/[0-9a-f]{64}$/);
      expect(pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=True',
        'ContainersReady=True',
        'PodScheduled=True',
      ]);
      expect((await world.reasonsOf('web')).filter((reason) => reason !== 'Pulling')).toEqual([
        'Created',
        'Pulled',
        'Started',
      ]);
      expect(await world.get(pod, 80)).toBe('hello from web');
      const forwarded = await world.nodes.podStreams.portForward(pod, 80);
      forwarded.end('GET / HTTP/1.0\r\n\r\n');
      let text = '';
      for await (const chunk of forwarded) text += String(chunk);
      expect(text).toContain('hello from web');
      await expect(world.get(pod, 81)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await world.delete('web');
    },
  },
  {
    name: "a builtin is reached at its pod's address and reaches others",
    cannot: forBuiltins,
    async run(world) {
      await world.create('peer', { image: 'towpath.builtin/echo:1', args: ['hello'] }, {}, { app: 'peer' });
      await service(world, 'peer', 70, 7);
      await world.ready('peer');
      await endpointOf(world, 'peer');
      const container = { image: 'towpath.builtin/client:1', args: ['peer', '70'] };
      await world.create('asker', container, { restartPolicy: 'Never' });
      expect(await world.lineOf('asker')).toBe('hello ping');
      await world.delete('peer');
    },
  },
  {
    name: 'two pods listen on one port; they are met by name, cluster IP and pod IP, and what is not there is refused',
    cannot: { builtin: noProgram },
    async run(world) {
      const readinessProbe = { httpGet: { path: '/', port: 8080 } };
      const serving = { ...world.program(server, '8080'), readinessProbe };
      await world.create('one', serving, {}, { app: 'one' });
      await world.create('two', serving, {}, { app: 'two' });
      const clusterIp = await service(world, 'one', 80, 8080);
      await service(world, 'two', 8080, 8080);
      await service(world, 'empty', 80, 8080);
      await world.ready('one');
      const two = await world.ready('two');
      await endpointOf(world, 'one');
      await endpointOf(world, 'two');
      const urls = [
        'http://one/',
        `http://${clusterIp}/`,
        'http://two:8080/',
        'http://two.default.svc.cluster.local:8080/',
        `http://${two.status?.podIP ?? ''}:8080/`,
        'http://empty/',
        'http://nosuch/',
        `http://${two.status?.podIP ?? ''}:8081/`,
      ];
      await world.create('asking', world.program(client, ...urls), { restartPolicy: 'Never' });
      expect(await world.said('asking')).toEqual([
        'hello from one',
        'hello from one',
        'hello from two',
        'hello from two',
        'hello from two',
        'ECONNREFUSED',
        'ENOTFOUND',
        'ECONNREFUSED',
      ]);
      await world.delete('one');
      await world.delete('two');
    },
  },
  {
    name: 'addresses outside the cluster are reached, at any port',
    cannot: { builtin: noProgram },
    async run(world) {
      const address = Object.values(networkInterfaces())
        .flat()
        .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
      const outside = createServer((_, answer) => answer.end('from outside'));
      await new Promise<void>((resolve) => outside.listen(0, '0.0.0.0', resolve));
      const found = outside.address();
      const port = typeof found === 'object' && found !== null ? found.port : 0;
      // A machine without a network has no address but its loopback, which is the pod's own.
      if (address !== undefined) {
        await world.create('outward', world.program(client, `http://${address}:${port}/`), { restartPolicy: 'Never' });
        expect(await world.said('outward')).toEqual(['from outside']);
      }
      outside.close();
    },
  },
  {
    name: 'UDP that is no question of names is refused',
    cannot: { builtin: noProgram, namespaces: 'the preload does not see UDP', plain: 'the preload does not see UDP' },
    async run(world) {
      const code = `const socket = require('dgram').createSocket('udp4'); socket.on('error', (e) => console.log(e.code));
        socket.connect(9999, '192.0.2.1', () => { socket.send('x'); setInterval(() => socket.send('x'), 100).unref(); setTimeout(() => {}, 2000) })`;
      await world.create('datagram', world.program(code), { restartPolicy: 'Never' });
      expect(await world.lineOf('datagram')).toBe('ECONNREFUSED');
    },
  },
  {
    name: 'a pod whose relay was killed starts again with a new one',
    cannot: { builtin: noProgram, namespaces: 'it has none', plain: 'it has none' },
    async run(world) {
      await world.create('cut', { ...world.program(server, '80'), readinessProbe: { tcpSocket: { port: 80 } } });
      await world.ready('cut');
      await killRelay(world);
      const pod = await world.until(
        'cut',
        ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && isReady({ status }),
      );
      expect(await world.get(pod, 80)).toBe('hello from cut');
      await world.delete('cut');
    },
  },
  {
    name: 'the containers of a pod share its loopback',
    cannot: { builtin: noProgram },
    async run(world) {
      // The one that asks is started when the other is listening.
      const wait = `const net = require('net'); const go = () => net.connect(9000, '127.0.0.1').on('connect', function () { this.destroy(); ${client} }).on('error', () => setTimeout(go, 50)); go()`;
      const asking = { name: 'main', ...world.program(wait, 'http://localhost:9000/') };
      await world.create('shared', {}, { containers: [asking, { name: 'other', ...world.program(server, '9000') }] });
      expect(await world.said('shared')).toEqual(['hello from shared']);
      await world.delete('shared');
    },
  },
  {
    name: 'a sidecar sees what its pod receives and opens',
    cannot: { builtin: noProgram },
    async run(world) {
      await world.create('peer', { image: 'towpath.builtin/echo:1', args: ['hello'] }, {}, { app: 'peer' });
      const clusterIp = await service(world, 'peer-of-sidecar', 70, 7, 'peer');
      await world.ready('peer');
      await endpointOf(world, 'peer-of-sidecar');
      const code = `const net = require('net'); require('http').createServer((q, r) => net.connect(70, args[0], function () { this.end('ping'); this.on('data', () => {}).on('end', () => r.end('asked')) })).listen(80)`;
      const containers = [
        { name: 'main', ...world.program(code, clusterIp), readinessProbe: { tcpSocket: { port: 80 } } },
        { name: 'sidecar', image: 'towpath.builtin/sidecar:1' },
      ];
      await world.create('meshed', {}, { containers });
      const pod = await world.ready('meshed');
      expect(await world.get(pod, 80)).toBe('asked');
      expect(await world.logsOf('meshed', 'sidecar')).toBe(`in 80\nout ${clusterIp}:70\n`);
      await world.delete('meshed');
      await world.delete('peer');
    },
  },
  {
    name: 'a program whose connections are not captured is told so',
    cannot: {
      builtin: noProgram,
      namespaces: 'they are captured',
      'network namespaces': 'they are captured',
      container: 'they are captured',
    },
    async run(world) {
      const container = { image: world.kind.image, command: ['sleep', '100'] };
      await world.create('loose', container);
      await world.ready('loose');
      expect(
        await world.eventually(
          () => world.reasonsOf('loose'),
          (reasons) => reasons.includes('TrafficNotCaptured'),
        ),
      ).toContain('Started');
      await world.delete('loose');
    },
  },
];

async function service(world: World, name: string, port: number, targetPort: number, app = name): Promise<string> {
  const metadata = { namespace: 'default', name };
  const spec = { selector: { app }, ports: [{ port, targetPort }] };
  const made = await world.client.create(Services, { apiVersion: 'v1', kind: 'Service', metadata, spec });
  return made.spec.clusterIP ?? '';
}

async function endpointOf(world: World, name: string): Promise<void> {
  await world.eventually(
    () =>
      world.client.list(EndpointSlices, { namespace: 'default', labelSelector: `kubernetes.io/service-name=${name}` }),
    ({ items }) => items.some(({ endpoints }) => (endpoints ?? []).length > 0),
  );
}

async function killRelay(world: World): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.endsWith(`${world.dir}/run/relay.cjs\0`)) process.kill(Number(pid), 'SIGKILL');
  }
}
