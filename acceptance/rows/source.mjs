/** Rows 1 to 9: clone, push, nodes, images, pipeline. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '../walk.mjs';

export const services = [
  'adservice',
  'cartservice',
  'checkoutservice',
  'currencyservice',
  'emailservice',
  'frontend',
  'loadgenerator',
  'paymentservice',
  'productcatalogservice',
  'recommendationservice',
  'shippingservice',
];

export const releases = [...services, 'grafana-load-dashboards'].toSorted();

const pipelineLimitMs = 240_000;

async function pipelineFor(walk, ref) {
  const list = await walk.kubectl('get', 'pipelines.towpath.dev', '-A', '-o', 'json');
  return JSON.parse(list.stdout).items.find((item) => item.spec.ref === ref);
}

export const sourceRows = [
  {
    id: '1',
    kind: 'T',
    title: 'git clone the shop',
    async run(walk) {
      const clone = await walk.must('git', ['clone', `${walk.git}/start/microservices-demo.git`], { cwd: walk.work });
      expect(/Cloning into 'microservices-demo'\.\.\./.test(clone.stderr), 'Cloning into …', clone.all);
    },
  },
  {
    id: '2',
    kind: 'U',
    title: 'git config user.name, user.email',
    async run(walk) {
      const name = await walk.gitDo('config', 'user.name', 'Walk Er');
      const email = await walk.gitDo('config', 'user.email', 'walker@example.com');
      expect(name.all === '' && email.all === '', 'no output', name.all + email.all);
    },
  },
  {
    id: '3',
    kind: 'U',
    title: 'git remote add gitlab; git remote remove origin',
    async run(walk) {
      const add = await walk.gitDo('remote', 'add', 'gitlab', `${walk.git}/${walk.user}/microservices-demo.git`);
      const remove = await walk.gitDo('remote', 'remove', 'origin');
      expect(add.all === '' && remove.all === '', 'no output', add.all + remove.all);
      const remotes = (await walk.gitDo('remote', '-v')).stdout.trim().split('\n');
      expect(
        remotes.length === 2 && remotes.every((line) => line.startsWith('gitlab\t')),
        'gitlab only',
        remotes.join('\n'),
      );
    },
  },
  {
    id: '4',
    kind: 'U',
    title: 'git push gitlab master',
    async run(walk) {
      const push = await walk.gitDo('push', 'gitlab', 'master');
      expect(/\* \[new branch\]\s+master -> master/.test(push.stderr), '* [new branch] master -> master', push.all);
    },
  },
  {
    id: '5+',
    kind: 'U',
    title: 'ls deploy/charts',
    async run(walk) {
      const found = readdirSync(join(walk.clone, 'deploy', 'charts')).toSorted();
      expect(found.join() === releases.join(), `the 12 charts ${releases.join(' ')}`, found.join(' '));
    },
  },
  {
    id: '6',
    kind: 'U',
    title: 'cat deploy/charts/adservice/values.yaml',
    async run(walk) {
      const text = readFileSync(join(walk.clone, 'deploy/charts/adservice/values.yaml'), 'utf8');
      expect(
        /^image:\n\s+repository: adservice\n\s+tag: latest$/m.test(text),
        'image: repository: adservice, tag: latest',
        text,
      );
    },
  },
  {
    id: '7+',
    kind: 'U',
    title: 'kubectl get nodes',
    async run(walk) {
      const { stdout } = await walk.kubectl('get', 'nodes', '--no-headers');
      const rows = stdout.trim().split('\n');
      expect(rows.length === 4 && rows.every((row) => /\sReady\s/.test(row)), '4 rows, Ready', stdout);
    },
  },
  {
    id: '8',
    kind: 'T',
    title: 'docker build and push 11 images v0.0.1',
    async run(walk) {
      await walk.must('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], { limitMs: 300_000 });
      await walk.must('npm', ['run', 'bundle'], { limitMs: 300_000 });
      const folders = readdirSync(join(walk.clone, 'src')).filter((name) =>
        existsSync(join(walk.clone, 'src', name, 'Dockerfile')),
      );
      expect(folders.toSorted().join() === services.join(), '11 services with a Dockerfile', folders.join(' '));
      for (const service of folders) await walk.buildAndPush(service, 'v0.0.1');
      const catalog = await (await fetch(`${registryUrl(walk)}/v2/_catalog`)).json();
      const wanted = services.map((service) => `${walk.user}/${service}`);
      expect(
        wanted.every((name) => catalog.repositories.includes(name)) && catalog.repositories.length === 11,
        '_catalog lists 11',
        JSON.stringify(catalog),
      );
    },
  },
  {
    id: '9',
    kind: 'T',
    title: 'git tag v0.0.1 builds 11 images in the pipeline',
    async run(walk) {
      await walk.gitDo('tag', 'v0.0.1');
      const push = await walk.gitDo('push', 'gitlab', 'v0.0.1');
      expect(/\* \[new tag\]\s+v0\.0\.1 -> v0\.0\.1/.test(push.stderr), '* [new tag] v0.0.1', push.all);
      const pipeline = await walk.eventually(
        async () => {
          const found = await pipelineFor(walk, 'refs/tags/v0.0.1');
          expect(
            ['Succeeded', 'Failed'].includes(found?.status?.phase),
            'the tag pipeline ends',
            JSON.stringify(found?.status ?? 'no pipeline', undefined, 1),
          );
          return found;
        },
        pipelineLimitMs,
        1000,
      );
      const { phase, imageTag, jobs } = pipeline.status;
      expect(
        phase === 'Succeeded' && imageTag === 'v0.0.1',
        'pipeline passed, tag = CI_COMMIT_TAG',
        JSON.stringify(pipeline.status, undefined, 1),
      );
      expect(jobs.length === 11, '11 jobs', jobs.map((job) => job.name).join(' '));
      for (const job of jobs) {
        const log = await walk.kubectl('logs', '-n', pipeline.metadata.namespace, `job/${job.jobName}`);
        expect(/Compile complete\./.test(log.stdout), `${job.name}: Compile complete.`, log.all);
      }
    },
  },
];

export function registryUrl(walk) {
  return walk.ready.registry.includes('://') ? walk.ready.registry.replace(/\/$/, '') : `http://${walk.ready.registry}`;
}
