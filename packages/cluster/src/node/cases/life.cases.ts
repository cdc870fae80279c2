/** Cases of a container's life: started, ended, restarted, stopped, and what its status says of each. */

import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { forBuiltins, type RuntimeCase } from './case.ts';
import { isReady, waitingReason } from './world.ts';

const noProgram = 'a builtin is a function: it has no program';
const idle = 'setInterval(() => {}, 1000)';

export const lifeCases: readonly RuntimeCase[] = [
  {
    name: 'a program gets its arguments, environment and working directory, and its streams are told apart',
    cannot: { builtin: noProgram },
    async run(world) {
      const code = `console.log(JSON.stringify([args, process.env.GREETING, process.env.FROM_IMAGE, require('fs').readFileSync('data.txt', 'utf8')])); console.error('oops');`;
      await world.create(
        'report',
        {
          ...world.program(code, '$(POD_NAME)', '$(NONE)', '$$(POD_NAME)'),
          env: [
            { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'GREETING', value: 'hi $(POD_NAME)' },
          ],
        },
        { restartPolicy: 'Never' },
      );
      expect(await world.ended('report')).toMatchObject({ exitCode: 0, reason: 'Completed' });
      const pod = await world.until('report', () => true);
      expect((await world.logFileOf(pod)).toSorted()).toEqual([
        'stderr F oops',
        'stdout F [["report","$(NONE)","$(POD_NAME)"],"hi report","1","data of the image"]',
      ]);
    },
  },
  {
    name: 'a working directory of the pod is used',
    cannot: { builtin: noProgram, plain: 'absolute paths inside a program are not mapped' },
    async run(world) {
      const container = { ...world.program('console.log(process.cwd())'), workingDir: '/var/tmp' };
      await world.create('workdir', container, { restartPolicy: 'Never' });
      expect(await world.lineOf('workdir')).toBe('/var/tmp');
    },
  },
  {
    name: 'the exit code decides phase and reason',
    cannot: { builtin: noProgram },
    async run(world) {
      await world.create('done', world.program('process.exit(0)'), { restartPolicy: 'Never' });
      await world.create('failed', world.program('process.exit(3)'), { restartPolicy: 'Never' });
      expect(await world.ended('done')).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(await world.ended('failed')).toMatchObject({ exitCode: 3, reason: 'Error' });
      expect((await world.until('done', ({ status }) => status?.phase === 'Succeeded')).status?.phase).toBe(
        'Succeeded',
      );
      expect((await world.until('failed', ({ status }) => status?.phase === 'Failed')).status?.phase).toBe('Failed');
    },
  },
  {
    name: 'what a program leaves as its termination message, or says last, is in its status',
    cannot: { builtin: noProgram, plain: 'absolute paths inside a program are not mapped' },
    async run(world) {
      const code = `require('fs').writeFileSync(args[0], 'because'); console.log('last words'); process.exit(1)`;
      const policy = { restartPolicy: 'Never' };
      await world.create('wrote', world.program(code, '/dev/termination-log'), policy);
      const elsewhere = { ...world.program(code, '/app/why'), terminationMessagePath: '/app/why' };
      await world.create('elsewhere', elsewhere, policy);
      const silent = { ...world.program(code, '/dev/null'), terminationMessagePolicy: 'FallbackToLogsOnError' };
      await world.create('silent', silent, policy);
      expect(await world.ended('wrote')).toMatchObject({ exitCode: 1, message: 'because' });
      expect(await world.ended('elsewhere')).toMatchObject({ exitCode: 1, message: 'because' });
      expect(await world.ended('silent')).toMatchObject({ exitCode: 1, message: 'last words\n' });
    },
  },
  {
    name: 'a builtin ends well or badly, and gets its environment',
    cannot: forBuiltins,
    async run(world) {
      const env = [{ name: 'COLOUR', value: 'blue' }];
      const policy = { restartPolicy: 'Never' };
      await world.create('done', { image: 'towpath.builtin/job:1', env }, policy);
      await world.create('failed', { image: 'towpath.builtin/job:1', args: ['fail'], env }, policy);
      expect(await world.ended('done')).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(await world.ended('failed')).toMatchObject({ exitCode: 1, reason: 'Error' });
      expect(await world.logsOf('failed')).toBe('working with blue\noops\n');
    },
  },
  {
    name: 'SIGTERM is for the program; one that does not handle it ends at once, one that ignores it after the grace',
    cannot: { builtin: noProgram },
    async run(world) {
      const policy = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1 };
      const handler = `process.on('SIGTERM', () => { console.log('bye'); process.exit(5) }); console.log('up'); ${idle}`;
      await world.create('polite', world.program(handler), policy);
      await world.create('unaware', world.program(`console.log('up'); ${idle}`), policy);
      await world.create(
        'stubborn',
        world.program(`process.on('SIGTERM', () => {}); console.log('up'); ${idle}`),
        policy,
      );
      for (const [name, exitCode] of [
        ['polite', 5],
        ['unaware', 143],
        ['stubborn', 137],
      ] as const) {
        await world.ready(name);
        expect(await world.lineOf(name)).toBe('up');
        // Asked for first: a pod that ends quickly is gone before anybody could look.
        const ended = world.ended(name);
        const deleted = world.delete(name, name === 'stubborn' ? 1 : 20);
        expect(await ended).toMatchObject({ exitCode });
        await deleted;
      }
    },
  },
  {
    name: 'the whole tree of processes ends with the container',
    cannot: { builtin: noProgram, plain: 'a process that leaves its group survives its container' },
    async run(world) {
      const marker = `marker-${world.kind.name.length}-${process.pid}`;
      const code = `require('child_process').spawn('sh', ['-c', 'sleep 1000; : ' + args[0]], { detached: true, stdio: 'ignore' }).unref(); console.log('up'); ${idle}`;
      await world.create('tree', world.program(code, marker));
      expect(await world.lineOf('tree')).toBe('up');
      expect(await processesWith(`: ${marker}`)).toBeGreaterThan(0);
      await world.delete('tree');
      expect(
        await world.eventually(
          () => processesWith(`: ${marker}`),
          (count) => count === 0,
        ),
      ).toBe(0);
    },
  },
  {
    name: "a program that is not there is named in the kubelet's words, and counts as an end",
    cannot: { builtin: noProgram, plain: "the host's own search path is asked, which says it otherwise" },
    async run(world) {
      const container = { image: world.kind.image, command: ['nosuch-program'] };
      await world.create('nosuch', container, { restartPolicy: 'Never' });
      const state = await world.ended('nosuch');
      expect(state).toMatchObject({ exitCode: 128, reason: 'StartError' });
      expect(state['message']).toContain('exec: "nosuch-program": executable file not found in $PATH');
      expect(await world.reasonsOf('nosuch')).toContain('Failed');
      expect((await world.until('nosuch', ({ status }) => status?.phase === 'Failed')).status?.phase).toBe('Failed');
    },
  },
  {
    name: 'a crashing program is restarted at once, then held back',
    cannot: { builtin: noProgram },
    async run(world) {
      await world.create('crash', world.program(`console.log('run'); process.exit(1)`));
      const pod = await world.until('crash', (one) => waitingReason(one) === 'CrashLoopBackOff');
      const status = pod.status?.containerStatuses?.[0];
      expect(status).toMatchObject({ restartCount: 1, ready: false, lastState: { terminated: { exitCode: 1 } } });
      expect(status?.state?.['waiting']).toMatchObject({
        message: expect.stringMatching(/^back-off 10s restarting failed container=main pod=crash_default\(/) as unknown,
      });
      expect(pod.status?.phase).toBe('Running');
      expect(await world.reasonsOf('crash')).toContain('BackOff');
      expect(await world.logsOf('crash', 'main', true)).toBe('run\n');
    },
  },
  {
    name: 'an image that does not exist, and a ConfigMap that does not, are named',
    cannot: { builtin: 'a builtin needs no image' },
    async run(world) {
      await world.create('noimage', { image: 'acme/none:1' });
      await world.create('noname', { image: 'Acme/None:1' });
      const named = await world.until('noname', (one) => waitingReason(one) === 'InvalidImageName');
      expect(JSON.stringify(named.status)).toContain('Failed to apply default image tag');
      await world.create('noconfig', { ...world.program(''), envFrom: [{ configMapRef: { name: 'absent' } }] });
      const pod = await world.until('noimage', (one) => /ErrImagePull|ImagePullBackOff/.test(waitingReason(one)));
      expect(pod.status?.phase).toBe('Pending');
      const other = await world.until('noconfig', (one) => waitingReason(one) === 'CreateContainerConfigError');
      expect(JSON.stringify(other.status)).toContain('configmap \\"absent\\" not found');
    },
  },
  {
    name: 'init containers run first; sidecars start before, hooks run around, everything ends in its order',
    cannot: { builtin: noProgram },
    async run(world) {
      const hook = (word: string): object => ({ exec: { command: ['sh', '-c', `echo ${word} >> $OUT`] } });
      const out = `${world.dir}/hooks`;
      const env = [{ name: 'OUT', value: out }];
      const volumes = [{ name: 'out', hostPath: { path: world.dir } }];
      const volumeMounts = [{ name: 'out', mountPath: world.dir }];
      const lifecycle = { postStart: hook('started'), preStop: hook('stopping') };
      const writes = `require('fs').appendFileSync(process.env.OUT, 'init\\n')`;
      const last = { ...world.program(idle), env, volumeMounts, lifecycle: { preStop: hook('last') } };
      const initContainers = [
        { name: 'init', ...world.program(writes), env, volumeMounts },
        { name: 'helper', restartPolicy: 'Always', ...last },
      ];
      const main = { ...world.program(idle), env, volumeMounts, lifecycle };
      await world.create('hooks', main, { volumes, initContainers });
      await world.until('hooks', (one) => waitingReason(one) === 'PodInitializing');
      const pod = await world.ready('hooks');
      expect(pod.status?.initContainerStatuses?.[1]).toMatchObject({ name: 'helper', ready: true, started: true });
      await world.delete('hooks', 2);
      expect(await readFile(out, 'utf8')).toBe('init\nstarted\nstopping\nlast\n');
    },
  },
  {
    name: 'a program that needs more memory than its limit is OOMKilled',
    cannot: { builtin: 'a builtin has no memory of its own' },
    async run(world) {
      const resources = { limits: { memory: '64Mi' } };
      const code = `const kept = []; setInterval(() => kept.push(Buffer.alloc(8e6, 1)), 20)`;
      await world.create('hog', { ...world.program(code), resources }, { restartPolicy: 'Never' });
      expect(await world.ended('hog')).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    },
  },
  {
    name: 'usage is sampled',
    cannot: { builtin: 'a builtin has no memory of its own' },
    async run(world) {
      const code = `globalThis.kept = Buffer.alloc(3e7, 1); console.log('up'); ${idle}`;
      await world.create('usage', world.program(code));
      await world.lineOf('usage');
      const pod = await world.ready('usage');
      const usage = await world.eventually(
        () => world.usage(pod),
        (found) => (found[0]?.memoryBytes ?? 0) > 3e7,
      );
      expect(usage).toMatchObject([{ name: 'main' }]);
    },
  },
  {
    name: 'a builtin listens on its pod and logs',
    cannot: forBuiltins,
    async run(world) {
      await world.create('builtin', { image: 'towpath.builtin/echo:1', args: ['--flag'] });
      await world.ready('builtin');
      expect(await world.lineOf('builtin')).toBe('listening as builtin');
      await world.delete('builtin');
    },
  },
  {
    name: 'the host shell runs in a folder of its own',
    cannot: { builtin: 'for programs', 'network namespaces': 'not its own', container: 'not its own' },
    async run(world) {
      const command = ['sh', '-c', 'echo $STAGE; pwd | grep -c work; git --version | cut -c1-3; command -v node'];
      const container = { image: 'towpath.host/shell', command, env: [{ name: 'STAGE', value: 'build' }] };
      await world.create('shell', container, { restartPolicy: 'Never' });
      expect(await world.ended('shell')).toMatchObject({ exitCode: 0 });
      expect(await world.logsOf('shell')).toBe(`build\n1\ngit\n${process.execPath}\n`);
    },
  },
  {
    name: 'after a stop of the node the pod starts again and counts one restart',
    async run(world) {
      const container = world.kind.image === undefined ? { image: 'towpath.builtin/echo:1' } : world.program(idle);
      await world.create('again', container);
      await world.ready('again');
      await world.restartNodes();
      const pod = await world.until(
        'again',
        ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && isReady({ status }),
      );
      expect(pod.status?.containerStatuses?.[0]?.lastState).toMatchObject({ terminated: { reason: 'Unknown' } });
      await world.delete('again');
    },
  },
];

/** Processes of the host whose command line holds `text`. */
async function processesWith(text: string): Promise<number> {
  let count = 0;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.startsWith('sh\0') && line.includes(text)) count++;
  }
  return count;
}
