/** Rows 20 to 37: one release, its image update, a renamed Deployment, then all twelve. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectInOrder } from '../walk.mjs';
import { inClusterRepository } from './flux.mjs';
import { helmClients } from './helm.mjs';
import { releases } from './source.mjs';

const namespace = 'microservices-demo';

function helmRelease(walk, name) {
  const image =
    name === 'grafana-load-dashboards'
      ? []
      : ['  values:', '    image:', `      repository: ${walk.user}/${name}`, '      tag: v0.0.1'];
  return [
    'apiVersion: helm.fluxcd.io/v1',
    'kind: HelmRelease',
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    '  annotations:',
    '    fluxcd.io/ignore: "false"',
    '    fluxcd.io/automated: "true"',
    '    flux.weave.works/tag.chart-image: semver:~v0.0',
    'spec:',
    `  releaseName: ${name}`,
    '  helmVersion: v3',
    '  chart:',
    `    git: ${inClusterRepository(walk)}`,
    '    ref: master',
    `    path: deploy/charts/${name}`,
    ...image,
    '',
  ].join('\n');
}

function writeRelease(walk, name) {
  mkdirSync(join(walk.clone, 'deploy/releases'), { recursive: true });
  writeFileSync(join(walk.clone, 'deploy/releases', `${name}.yaml`), helmRelease(walk, name));
}

function renameDeployment(walk, from, to) {
  const file = join(walk.clone, 'deploy/charts/frontend/templates/deployment.yaml');
  const text = readFileSync(file, 'utf8');
  const changed = text.replace(
    new RegExp(`(kind: Deployment\\nmetadata:\\n(?:  [^\\n]*\\n)*?  name: )${from}\\n`),
    `$1${to}\n`,
  );
  expect(changed !== text, `the Deployment's name is ${from}`, text);
  writeFileSync(file, changed);
}

async function operatorLog(walk) {
  return (await walk.kubectl('logs', 'deployment/helm-operator', '-n', 'flux')).stdout;
}

export const releaseRows = [
  {
    id: '20',
    kind: 'E',
    title: 'push deploy/releases/frontend.yaml (the ServiceMonitor CRD applied before, as the course text does)',
    async run(walk) {
      await walk.kubectl('apply', '-f', join(walk.root, 'charts/prometheus/crds'));
      writeRelease(walk, 'frontend');
      await walk.commitAndPush('Release the frontend');
    },
  },
  {
    id: '21',
    kind: 'U',
    title: 'kubectl get helmrelease',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'helmrelease', '-n', namespace);
        expectInOrder(stdout, [
          /^NAME\s+RELEASE\s+STATUS\s+MESSAGE\s+AGE$/m,
          /^frontend\s+frontend\s+deployed\s+Helm release sync succeeded\s+\S+/m,
        ]);
      }, 90_000);
    },
  },
  {
    id: '22+',
    kind: 'U',
    title: 'helm list',
    async run(walk) {
      for (const helm of helmClients(walk)) {
        const { stdout } = await helm('list', '-n', namespace);
        expect(
          /^frontend\s+microservices-demo\s+1\s+.*\sdeployed\s+frontend-0\.21\.0\s+1\.16\.0/m.test(stdout),
          'frontend 1 deployed frontend-0.21.0 1.16.0',
          stdout,
        );
      }
    },
  },
  {
    id: '23',
    kind: 'U',
    title: 'kubectl get pods',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'pods', '-n', namespace);
        expect(
          /^frontend-[a-z0-9]{6,10}-[a-z0-9]{5}\s+1\/1\s+Running\s+0\s/m.test(stdout),
          'frontend-<hash>-<5> 1/1 Running 0',
          stdout,
        );
      }, 90_000);
    },
  },
  {
    id: '24',
    kind: 'U',
    title: 'kubectl get servicemonitor',
    async run(walk) {
      const { stdout } = await walk.kubectl('get', 'servicemonitor', '-n', namespace);
      expect(/^frontend\s+\S+$/m.test(stdout), 'frontend <age>', stdout);
    },
  },
  {
    id: '25',
    kind: 'T',
    title: 'docker build and push frontend v0.0.2',
    async run(walk) {
      await walk.buildAndPush('frontend', 'v0.0.2');
    },
  },
  {
    id: '26+',
    kind: 'U',
    title: 'git pull: the image update was committed',
    async run(walk) {
      await walk.eventually(
        async () => {
          await walk.gitDo('pull', '-q', 'gitlab', 'master');
          const { stdout } = await walk.gitDo('log', '-1', '--format=%an <%ae>%n%B');
          expectInOrder(stdout, [
            /^Weave Flux <support@weave\.works>$/m,
            new RegExp(`^Auto-release ${walk.user}/frontend:v0\\.0\\.2$`, 'm'),
            /^\[ci skip\]$/m,
          ]);
        },
        120_000,
        1000,
      );
    },
  },
  {
    id: '27',
    kind: 'U',
    title: 'git diff HEAD~1 -- deploy/releases/frontend.yaml',
    async run(walk) {
      const { stdout } = await walk.gitDo('diff', 'HEAD~1', '--', 'deploy/releases/frontend.yaml');
      expectInOrder(stdout, [/^- {6}tag: v0\.0\.1$/m, /^\+ {6}tag: v0\.0\.2$/m]);
      const changed = stdout.split('\n').filter((line) => /^[+-][^+-]/.test(line));
      expect(changed.length === 2, 'only the tag changes', stdout);
    },
  },
  {
    id: '28+',
    kind: 'U',
    title: 'helm history frontend',
    async run(walk) {
      await walk.eventually(async () => {
        for (const helm of helmClients(walk)) {
          const { stdout } = await helm('history', 'frontend', '-n', namespace);
          expectInOrder(stdout, [/^1\s.*\ssuperseded\s.*Install complete/m, /^2\s.*\sdeployed\s.*Upgrade complete/m]);
        }
      }, 60_000);
    },
  },
  {
    id: '29',
    kind: 'E',
    title: 'push the Deployment as frontend-hipster',
    async run(walk) {
      renameDeployment(walk, 'frontend', 'frontend-hipster');
      await walk.commitAndPush('Rename the Deployment');
    },
  },
  {
    id: '30',
    kind: 'U',
    title: 'kubectl logs deployment/helm-operator: the upgrade',
    async run(walk) {
      await walk.eventually(
        async () => {
          expectInOrder(await operatorLog(walk), [
            /Created a new Deployment called \\"frontend-hipster\\" in microservices-demo\\n/,
            /Deleting \\"frontend\\" in microservices-demo\.\.\./,
            /updating status for upgraded release for frontend/,
            /upgrade succeeded" revision=[0-9a-f]{40} phase=upgrade/,
          ]);
        },
        90_000,
        1000,
      );
    },
  },
  {
    id: '31',
    kind: 'U',
    title: 'kubectl logs deployment/helm-operator: one sync later',
    async run(walk) {
      await walk.eventually(
        async () => {
          const log = await operatorLog(walk);
          expectInOrder(log.slice(Math.max(0, log.lastIndexOf('frontend-hipster'))), [
            /performing dry-run upgrade to see if release has diverged/,
            /preparing upgrade for frontend/,
            /performing update for frontend/,
            /dry run for frontend/,
            /no changes" action=skip/,
          ]);
        },
        120_000,
        1000,
      );
    },
  },
  {
    id: '32+',
    kind: 'U',
    title: 'kubectl get deploy',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'deploy', '-n', namespace);
        expect(
          /^frontend-hipster\s+1\/1\s/m.test(stdout) && !/^frontend\s/m.test(stdout),
          'frontend-hipster 1/1, no frontend',
          stdout,
        );
      });
    },
  },
  {
    id: '33+',
    kind: 'E',
    title: 'push the name back to frontend',
    async run(walk) {
      renameDeployment(walk, 'frontend-hipster', 'frontend');
      await walk.commitAndPush('Name the Deployment frontend again');
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'deploy', '-n', namespace);
        expect(/^frontend\s+1\/1\s/m.test(stdout) && !/^frontend-hipster\s/m.test(stdout), 'frontend 1/1', stdout);
      }, 90_000);
    },
  },
  {
    id: '34',
    kind: 'E',
    title: 'push the other 11 releases',
    async run(walk) {
      for (const name of releases) if (name !== 'frontend') writeRelease(walk, name);
      await walk.commitAndPush('Release everything');
    },
  },
  {
    id: '35',
    kind: 'U',
    title: 'kubectl get helmrelease: 12 rows',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'helmrelease', '-n', namespace, '--no-headers');
        const rows = stdout.trim().split('\n');
        const good = (name) =>
          rows.some((row) => new RegExp(`^${name}\\s+${name}\\s+deployed\\s+Helm release sync succeeded\\s`).test(row));
        expect(rows.length === 12 && releases.every(good), '12 rows, all deployed', stdout);
      }, 120_000);
    },
  },
  {
    id: '36+',
    kind: 'U',
    title: 'kubectl get pods: 11 services and the cart store',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'pods', '-n', namespace, '--no-headers');
        const rows = stdout.trim().split('\n');
        expect(
          rows.length === 12 && rows.every((row) => /\s1\/1\s+Running\s/.test(row)),
          '12 pods 1/1 Running',
          stdout,
        );
      }, 180_000);
    },
  },
  {
    id: '37+',
    kind: 'U',
    title: 'kubectl get cm -l grafana_dashboard=1',
    async run(walk) {
      const { stdout } = await walk.kubectl('get', 'cm', '-n', namespace, '-l', 'grafana_dashboard=1', '--no-headers');
      expect(/^\S+\s+1\s+\S+$/.test(stdout.trim()), '1 row, DATA 1', stdout);
    },
  },
];
