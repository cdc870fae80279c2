/** Cases of what a container finds in its file system: volumes, files of the pod, commands run beside its program. */

import { ConfigMaps, Pods, Secrets } from '@towpath/api';
import { expect } from 'vitest';
import { forBuiltins, type RuntimeCase } from './case.ts';
import type { World } from './world.ts';

const noProgram = 'a builtin is a function: it has no program';
const noPaths = 'absolute paths inside a program are not mapped';
const idle = 'setInterval(() => {}, 1000)';

export const fileCases: readonly RuntimeCase[] = [
  {
    name: 'volumes are at their paths: folders and single files, read-only and writable',
    cannot: { builtin: noProgram, plain: noPaths },
    async run(world) {
      await configMap(world, 'app', { key: 'v1', other: 'v2' });
      const code = `const fs = require('fs'); const tried = (work) => { try { return work() } catch (error) { return error.code } };
        console.log(JSON.stringify([
          fs.readFileSync('/etc/app/key', 'utf8'), fs.readFileSync('/app/one.txt', 'utf8'), fs.readdirSync('/app').sort(),
          tried(() => fs.writeFileSync('/etc/app/new', 'x')), tried(() => fs.writeFileSync('/work/new', 'x')), fs.readdirSync('/work'),
          tried(() => fs.writeFileSync('/app/written', 'x'))]));`;
      const volumes = [
        { name: 'config', configMap: { name: 'app' } },
        { name: 'work', emptyDir: {} },
      ];
      const volumeMounts = [
        { name: 'config', mountPath: '/etc/app', readOnly: true },
        { name: 'config', mountPath: '/app/one.txt', subPath: 'other', readOnly: true },
        { name: 'work', mountPath: '/work' },
      ];
      // Twice: what a container writes outside its volumes is not there for the next one.
      for (const name of ['files', 'files-again']) {
        const container = { ...world.program(code), volumeMounts };
        await world.create(name, container, { volumes, restartPolicy: 'Never' });
        expect(await world.said(name)).toEqual([
          'v1',
          'v2',
          ['data.txt', 'main.js', 'one.txt'],
          'EROFS',
          null,
          ['new'],
          null,
        ]);
      }
    },
  },
  {
    name: 'a volume is found by a relative path, and the image is not written to',
    cannot: { builtin: noProgram },
    async run(world) {
      await configMap(world, 'near', { key: 'v1' });
      const code = `const fs = require('fs'); console.log(JSON.stringify([fs.readdirSync('.').sort(), fs.readFileSync('config/key', 'utf8')])); fs.writeFileSync('written', 'x')`;
      const volumes = [{ name: 'config', configMap: { name: 'near' } }];
      const volumeMounts = [{ name: 'config', mountPath: '/app/config' }];
      for (const name of ['near', 'near-again']) {
        await world.create(name, { ...world.program(code), volumeMounts }, { volumes, restartPolicy: 'Never' });
        expect(await world.said(name)).toEqual([['config', 'data.txt', 'main.js'], 'v1']);
      }
    },
  },
  {
    name: 'a mounted ConfigMap follows its object',
    cannot: { builtin: noProgram },
    async run(world) {
      await configMap(world, 'live', { key: 'old' });
      const volumes = [{ name: 'config', configMap: { name: 'live' } }];
      const volumeMounts = [{ name: 'config', mountPath: '/app/config' }];
      await world.create('live', { ...world.program(idle), volumeMounts }, { volumes });
      const pod = await world.ready('live');
      await world.client.patch(
        ConfigMaps,
        { namespace: 'default', name: 'live' },
        { data: { key: 'new' } },
        { kind: 'merge' },
      );
      const out = await world.exec(pod, ['sh', '-c', 'until grep new config/key; do sleep 0.05; done']);
      expect(out).toEqual({ text: 'new\n', exitCode: 0 });
      await world.delete('live');
    },
  },
  {
    name: 'mounted Secrets, labels and projections of all of them follow their objects',
    cannot: { builtin: noProgram },
    async run(world) {
      const metadata = { namespace: 'default', name: 'all' };
      const data = { key: Buffer.from('old').toString('base64') };
      await world.client.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data });
      await configMap(world, 'all', { conf: 'old' });
      const labels = { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } };
      const limit = {
        path: 'limit',
        resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' },
      };
      const sources = [
        { secret: { name: 'all', items: [{ key: 'key', path: 'secret/key', mode: 0o440 }] } },
        { configMap: { name: 'all' } },
        { downwardAPI: { items: [labels, limit] } },
      ];
      const volumes = [
        { name: 'secret', secret: { secretName: 'all' } },
        { name: 'downward', downwardAPI: { items: [labels] } },
        { name: 'projected', projected: { sources } },
      ];
      const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/app/${name}` }));
      const container = { ...world.program(idle), volumeMounts, resources: { limits: { memory: '256Mi' } } };
      await world.create('all', container, { volumes }, { colour: 'old' });
      const pod = await world.ready('all');
      const files = 'secret/key downward/labels projected/secret/key projected/conf projected/labels';
      expect((await world.exec(pod, ['sh', '-c', `cat projected/limit; grep -h old ${files}`])).text).toBe(
        '256old\ncolour="old"\nold\nold\ncolour="old"\n',
      );

      const fresh = { data: { key: Buffer.from('new').toString('base64') } };
      await world.client.patch(Secrets, metadata, fresh, { kind: 'merge' });
      await world.client.patch(ConfigMaps, metadata, { data: { conf: 'new' } }, { kind: 'merge' });
      await world.client.patch(Pods, metadata, { metadata: { labels: { colour: 'new' } } }, { kind: 'merge' });

      const wait = `for file in ${files}; do until grep -q new $file; do sleep 0.05; done; done; cat secret/key`;
      expect(await world.exec(pod, ['sh', '-c', wait])).toEqual({ text: 'new', exitCode: 0 });
      await world.delete('all');
    },
  },
  {
    name: "/etc/hosts and the hostname are the pod's",
    cannot: { builtin: noProgram, plain: "files of /etc are the host's" },
    async run(world) {
      const code = `const fs = require('fs'); console.log(JSON.stringify([require('os').hostname(), fs.readFileSync('/etc/hostname', 'utf8'), fs.readFileSync('/etc/hosts', 'utf8')]))`;
      const spec = {
        hostname: 'other',
        hostAliases: [{ ip: '10.1.2.3', hostnames: ['far', 'away'] }],
        restartPolicy: 'Never',
      };
      await world.create('hosts', world.program(code), spec);
      const [name, file, hosts] = (await world.said('hosts')) as [string, string, string];
      const pod = await world.until('hosts', ({ status }) => status?.podIP !== undefined);
      expect([name, file]).toEqual(['other', 'other\n']);
      expect(hosts).toContain(`${pod.status?.podIP ?? ''}\tother\n`);
      expect(hosts).toContain('10.1.2.3\tfar\taway\n');
    },
  },
  {
    name: 'a command runs beside the program, with its files and environment, an exit code and an input',
    cannot: { builtin: 'a builtin has no programs to run' },
    async run(world) {
      const readinessProbe = { exec: { command: ['sh', '-c', 'test -f data.txt'] } };
      const env = [{ name: 'COLOUR', value: 'blue' }];
      await world.create('exec', { ...world.program(idle), env, readinessProbe });
      const pod = await world.ready('exec');
      const out = await world.exec(pod, ['sh', '-c', 'echo $COLOUR $(cat data.txt); exit 3']);
      expect(out).toEqual({ text: 'blue data of the image\n', exitCode: 3 });
      const counted = await world.exec(pod, ['sh', '-c', 'wc -c'], 'x'.repeat(100_000));
      expect(counted).toEqual({ text: '100000\n', exitCode: 0 });
      await world.delete('exec');
    },
  },
  {
    name: 'a command in a builtin is refused',
    cannot: forBuiltins,
    async run(world) {
      await world.create('refused', { image: 'towpath.builtin/echo:1' });
      const pod = await world.ready('refused');
      await expect(world.exec(pod, ['sh'])).rejects.toMatchObject({ code: 'EXEC_UNSUPPORTED' });
      await world.delete('refused');
    },
  },
];

async function configMap(world: World, name: string, data: Record<string, string>): Promise<void> {
  const metadata = { namespace: 'default', name };
  await world.client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
}
