/** Cases of probes and lifecycle hooks, of every kind of action. */

import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { RuntimeCase } from './case.ts';

const noProgram = 'a builtin is a function: it has no program';
const idle = 'setInterval(() => {}, 1000)';
/** HTTP on 80 (`/alive` fails from its second request on), gRPC health on 82. */
const server = `let asked = 0; const fs = require('fs');
  require('http').createServer((q, r) => { if (args[0]) fs.appendFileSync(args[0], q.url + '\\n'); if (q.url === '/alive' && ++asked > 1) r.statusCode = 503; r.end('ok') }).listen(80, () => console.log('up'));
  require('http2').createServer().on('stream', (s) => { s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
    s.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true }); s.end(Buffer.from([0, 0, 0, 0, 2, 8, 1])) }).listen(82)`;

export const probeCases: readonly RuntimeCase[] = [
  {
    name: 'exec, HTTP, TCP and gRPC probes make a pod ready',
    cannot: { builtin: noProgram },
    async run(world) {
      const probes = {
        exec: { exec: { command: ['test', '-f', 'data.txt'] } },
        http: { httpGet: { path: '/', port: 80 } },
        tcp: { tcpSocket: { port: 82 } },
        grpc: { grpc: { port: 82 } },
      };
      for (const [name, probe] of Object.entries(probes)) {
        await world.create(`probe-${name}`, { ...world.program(server), readinessProbe: probe, startupProbe: probe });
      }
      for (const name of Object.keys(probes)) {
        await world.ready(`probe-${name}`);
        await world.delete(`probe-${name}`);
      }
    },
  },
  {
    name: "a pod that does not answer its readiness probe is not ready, in the kubelet's words",
    cannot: { builtin: noProgram },
    async run(world) {
      const readinessProbe = { httpGet: { path: '/', port: 81 }, periodSeconds: 1 };
      await world.create('unready', { ...world.program(server), readinessProbe });
      const pod = await world.until('unready', ({ status }) => status?.phase === 'Running');
      const wanted = `Unhealthy: Readiness probe failed: Get "http://${pod.status?.podIP ?? ''}:81/": dial tcp ${pod.status?.podIP ?? ''}:81: connect: connection refused`;
      await world.eventually(
        () => world.eventsOf('unready'),
        (events) => events.includes(wanted),
      );
      await world.delete('unready');
    },
  },
  {
    name: 'a failed liveness probe restarts the container and says so',
    cannot: { builtin: noProgram },
    async run(world) {
      const livenessProbe = { httpGet: { path: '/alive', port: 80 }, periodSeconds: 1, failureThreshold: 2 };
      await world.create('sick', { ...world.program(server), livenessProbe }, { terminationGracePeriodSeconds: 1 });
      const pod = await world.until('sick', ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
      expect(pod.status?.containerStatuses?.[0]?.lastState).toMatchObject({ terminated: { reason: 'Error' } });
      const events = await world.eventsOf('sick');
      expect(events).toContain('Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 503');
      expect(events).toContain('Killing: Container main failed liveness probe, will be restarted');
      await world.delete('sick');
    },
  },
  {
    name: 'hooks call the program over HTTP and sleep; a postStart hook that fails ends the container',
    cannot: { builtin: noProgram },
    async run(world) {
      const file = `${world.dir}/asked`;
      const volumes = [{ name: 'out', hostPath: { path: world.dir } }];
      const volumeMounts = [{ name: 'out', mountPath: world.dir }];
      const readinessProbe = { tcpSocket: { port: 80 } };
      const calling = { preStop: { httpGet: { path: '/bye', port: 80 } }, postStart: { sleep: { seconds: 1 } } };
      const container = { ...world.program(server, file), volumeMounts, readinessProbe, lifecycle: calling };
      await world.create('calling', container, { volumes });
      await world.ready('calling');
      await world.delete('calling', 5);
      expect(await readFile(file, 'utf8')).toBe('/bye\n');

      const lifecycle = { postStart: { exec: { command: ['sh', '-c', 'exit 4'] } } };
      await world.create('unhooked', { ...world.program(idle), lifecycle }, { restartPolicy: 'Never' });
      expect(await world.ended('unhooked')).toMatchObject({ exitCode: 137 });
      expect((await world.eventsOf('unhooked')).join('\n')).toMatch(/^FailedPostStartHook: PostStartHook failed/m);
    },
  },
];
