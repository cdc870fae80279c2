/** Rows 10 to 19: the Helm operator's CRD, Flux and the Helm operator as charts, the first sync. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectInOrder } from '../walk.mjs';
import { helmClients } from './helm.mjs';

export const inClusterRepository = (walk) => `http://git.towpath-system/${walk.user}/microservices-demo.git`;

const installed = (name, namespace) => [
  new RegExp(`Release "${name}" does not exist\\. Installing it now\\.`),
  new RegExp(`NAME: ${name}`),
  new RegExp(`NAMESPACE: ${namespace}`),
  /STATUS: deployed/,
  /REVISION: 1/,
];

/** `upgrade --install` twice: installed by ours, upgraded by the real helm where there is one, else by ours again. */
async function installTwice(walk, name, chart, values) {
  const [ours, real] = helmClients(walk);
  const args = ['upgrade', '--install', name, chart, '-f', values, '--namespace', 'flux'];
  expectInOrder((await ours(...args)).stdout, installed(name, 'flux'));
  const again = await (real ?? ours)(...args);
  expectInOrder(again.stdout, [
    new RegExp(`Release "${name}" has been upgraded\\. Happy Helming!`),
    /STATUS: deployed/,
    /REVISION: 2/,
  ]);
}

export const fluxRows = [
  {
    id: '10',
    kind: 'U',
    title: 'kubectl apply the HelmRelease CRD',
    async run(walk) {
      const { stdout } = await walk.kubectl('apply', '-f', join(walk.root, 'charts/helm-operator/crds.yaml'));
      expect(
        stdout.trim() === 'customresourcedefinition.apiextensions.k8s.io/helmreleases.helm.fluxcd.io created',
        '… created',
        stdout,
      );
    },
  },
  {
    id: '11',
    kind: 'T',
    title: 'helm repo add fluxcd',
    async run(walk) {
      for (const helm of helmClients(walk)) {
        const { stdout } = await helm('repo', 'add', 'fluxcd', `${walk.ready.charts}/fluxcd`, '--force-update');
        expect(
          /"fluxcd" has been added to your repositories/.test(stdout),
          '"fluxcd" has been added to your repositories',
          stdout,
        );
      }
    },
  },
  {
    id: '12',
    kind: 'U',
    title: 'kubectl create namespace flux, twice',
    async run(walk) {
      const { stdout } = await walk.kubectl('create', 'namespace', 'flux');
      expect(stdout.trim() === 'namespace/flux created', 'namespace/flux created', stdout);
      const again = await walk.run('kubectl', ['create', 'namespace', 'flux']);
      expect(
        again.code === 1 &&
          again.stderr.trim() === 'Error from server (AlreadyExists): namespaces "flux" already exists',
        'AlreadyExists',
        again.all,
      );
    },
  },
  {
    id: '13',
    kind: 'T',
    title: 'helm upgrade --install flux',
    async run(walk) {
      const values = join(walk.work, 'flux.values.yaml');
      writeFileSync(
        values,
        [
          'git:',
          `  url: ${inClusterRepository(walk)}`,
          '  branch: master',
          '  path: deploy',
          '  ciSkip: true',
          '  pollInterval: 1m',
          'registry:',
          '  automationInterval: 1m',
          '',
        ].join('\n'),
      );
      await installTwice(walk, 'flux', 'fluxcd/flux', values);
    },
  },
  {
    id: '14',
    kind: 'T',
    title: 'helm upgrade --install helm-operator',
    async run(walk) {
      const values = join(walk.work, 'helm-operator.values.yaml');
      writeFileSync(
        values,
        [
          'helm:',
          '  versions: v3',
          'git:',
          '  pollInterval: 1m',
          '  ssh:',
          '    secretName: flux-git-deploy',
          'chartsSyncInterval: 1m',
          'logReleaseDiffs: true',
          '',
        ].join('\n'),
      );
      await installTwice(walk, 'helm-operator', 'fluxcd/helm-operator', values);
      await walk.kubectl('-n', 'flux', 'rollout', 'status', 'deployment/flux', '--timeout=60s');
      await walk.kubectl('-n', 'flux', 'rollout', 'status', 'deployment/helm-operator', '--timeout=60s');
    },
  },
  {
    id: '15+',
    kind: 'T',
    title: 'identity --k8s-fwd-ns flux',
    async run(walk) {
      const { stdout } = await walk.towpath('identity', '--k8s-fwd-ns', 'flux');
      expect(/^ssh-rsa AAAA\S+/.test(stdout), 'ssh-rsa AAAA…', stdout);
    },
  },
  {
    id: '16',
    kind: 'E',
    title: 'push deploy/namespaces/microservices-demo.yaml',
    async run(walk) {
      mkdirSync(join(walk.clone, 'deploy/namespaces'), { recursive: true });
      writeFileSync(
        join(walk.clone, 'deploy/namespaces/microservices-demo.yaml'),
        'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: microservices-demo\n',
      );
      await walk.commitAndPush('Add the namespace');
    },
  },
  {
    id: '17+',
    kind: 'T',
    title: 'sync --k8s-fwd-ns flux',
    async run(walk) {
      const { all } = await walk.towpath('sync', '--k8s-fwd-ns', 'flux');
      expectInOrder(all, [
        /Synchronizing with \S+/,
        /Revision of master to apply is [0-9a-f]{7}\b/,
        /Waiting for [0-9a-f]{7} to be applied \.\.\./,
        /Done\./,
      ]);
    },
  },
  {
    id: '18+',
    kind: 'U',
    title: "kubectl logs deployment/flux | grep 'microservices-demo created'",
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('-n', 'flux', 'logs', 'deployment/flux');
        const line = stdout.split('\n').find((text) => text.includes('microservices-demo created')) ?? '';
        const pattern =
          /ts=\S+ caller=sync\.go:\d+ method=Sync cmd="kubectl apply -f -" took=\S+ err=null output="namespace\/microservices-demo created"/;
        expect(pattern.test(line), 'the log line', line === '' ? stdout : line);
      });
    },
  },
  {
    id: '19',
    kind: 'U',
    title: 'kubectl get namespaces',
    async run(walk) {
      const { stdout } = await walk.kubectl('get', 'namespaces');
      for (const name of ['default', 'flux', 'kube-node-lease', 'kube-public', 'kube-system', 'microservices-demo']) {
        expect(new RegExp(`^${name}\\s+Active\\s`, 'm').test(stdout), `${name} Active`, stdout);
      }
    },
  },
];
