/** Rows 38 to 50: the mesh, Flagger, injection, the gateway, and its move into the chart. */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectInOrder } from '../walk.mjs';
import { helmClients } from './helm.mjs';

const namespace = 'microservices-demo';

const gatewayManifest = [
  'apiVersion: networking.istio.io/v1beta1',
  'kind: Gateway',
  'metadata:',
  '  name: frontend',
  `  namespace: ${namespace}`,
  'spec:',
  '  selector:',
  '    istio: ingressgateway',
  '  servers:',
  '    - port:',
  '        number: 80',
  '        name: http',
  '        protocol: HTTP',
  '      hosts:',
  '        - "*"',
  '',
].join('\n');

const virtualServiceManifest = [
  'apiVersion: networking.istio.io/v1beta1',
  'kind: VirtualService',
  'metadata:',
  '  name: frontend',
  `  namespace: ${namespace}`,
  'spec:',
  '  hosts:',
  '    - "*"',
  '  gateways:',
  '    - frontend',
  '  http:',
  '    - route:',
  '        - destination:',
  '            host: frontend',
  '            port:',
  '              number: 80',
  '',
].join('\n');

async function revisionOf(walk) {
  const { stdout } = await walk.towpath('helm', 'history', 'frontend', '-n', namespace, '-o', 'json');
  return JSON.parse(stdout).at(-1);
}

async function gatewayAnswers(walk) {
  const { stdout } = await walk.run('curl', [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '--max-time',
    '5',
    `${walk.ready.gateway}/`,
  ]);
  expect(stdout === '200', 'the gateway answers 200', stdout);
}

export const meshRows = [
  {
    id: '38',
    kind: 'T',
    title: 'install the mesh (istio and prometheus charts)',
    async run(walk) {
      await walk.towpath('helm', 'repo', 'add', 'istio', `${walk.ready.charts}/istio`);
      await walk.towpath(
        'helm',
        'upgrade',
        '--install',
        'istio',
        'istio/istio',
        '--namespace',
        'istio-system',
        '--create-namespace',
      );
      await walk.towpath(
        'helm',
        'upgrade',
        '--install',
        'prometheus',
        'istio/prometheus',
        '--namespace',
        'istio-system',
      );
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'pods', '-n', 'istio-system');
        for (const name of ['istiod', 'istio-ingressgateway', 'prometheus']) {
          expect(new RegExp(`^${name}-\\S+\\s+1/1\\s+Running\\s`, 'm').test(stdout), `${name} Running`, stdout);
        }
      }, 90_000);
    },
  },
  {
    id: '39',
    kind: 'T',
    title: 'helm repo add flagger',
    async run(walk) {
      for (const helm of helmClients(walk)) {
        const { stdout } = await helm('repo', 'add', 'flagger', `${walk.ready.charts}/flagger`, '--force-update');
        expect(/"flagger" has been added to your repositories/.test(stdout), '"flagger" has been added', stdout);
      }
    },
  },
  {
    id: '40',
    kind: 'U',
    title: 'kubectl apply the Flagger CRDs',
    async run(walk) {
      const { stdout } = await walk.kubectl('apply', '-f', join(walk.root, 'charts/flagger/crd.yaml'));
      const lines = stdout.trim().split('\n').toSorted();
      const wanted = ['alertproviders', 'canaries', 'metrictemplates'].map(
        (name) => `customresourcedefinition.apiextensions.k8s.io/${name}.flagger.app created`,
      );
      expect(lines.join('\n') === wanted.join('\n'), '3 lines … .flagger.app created', stdout);
    },
  },
  {
    id: '41',
    kind: 'T',
    title: 'helm upgrade --install flagger',
    async run(walk) {
      const helm = helmClients(walk).at(-1);
      const { stdout } = await helm(
        'upgrade',
        '--install',
        'flagger',
        'flagger/flagger',
        '--namespace=istio-system',
        '--set',
        'crd.create=false',
        '--set',
        'meshProvider=istio',
        '--set',
        'metricsServer=http://prometheus:9090',
      );
      expectInOrder(stdout, [/Release "flagger" does not exist\. Installing it now\./, /Flagger installed/]);
    },
  },
  {
    id: '42',
    kind: 'U',
    title: 'kubectl get pods -n istio-system: flagger',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'pods', '-n', 'istio-system');
        expect(/^flagger-\S+\s+1\/1\s+Running\s/m.test(stdout), 'flagger-<...> 1/1 Running', stdout);
      }, 60_000);
    },
  },
  {
    id: '43',
    kind: 'E',
    title: 'push the namespace with istio-injection: enabled',
    async run(walk) {
      writeFileSync(
        join(walk.clone, 'deploy/namespaces/microservices-demo.yaml'),
        'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: microservices-demo\n  labels:\n    istio-injection: enabled\n',
      );
      await walk.commitAndPush('Inject sidecars');
    },
  },
  {
    id: '44',
    kind: 'U',
    title: 'kubectl get ns microservices-demo --show-labels',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'ns', namespace, '--show-labels');
        expect(
          /\sfluxcd\.io\/sync-gc-mark=sha256\.[A-Za-z0-9_-]{43},istio-injection=enabled,kubernetes\.io\/metadata\.name=microservices-demo$/m.test(
            stdout,
          ),
          'the three labels',
          stdout,
        );
      });
    },
  },
  {
    id: '45',
    kind: 'U',
    title: 'kubectl delete pods --all',
    async run(walk) {
      const { stdout } = await walk.must('kubectl', ['delete', 'pods', '--all', '-n', namespace], { limitMs: 180_000 });
      const lines = stdout.trim().split('\n');
      expect(
        lines.length >= 12 && lines.every((line) => /^pod "[^"]+" deleted/.test(line)),
        'pod "…" deleted per pod',
        stdout,
      );
    },
  },
  {
    id: '46',
    kind: 'U',
    title: 'kubectl describe pod -l app=frontend: the sidecar',
    async run(walk) {
      await walk.eventually(
        async () => {
          const { stdout } = await walk.kubectl('describe', 'pod', '-l', 'app=frontend', '-n', namespace);
          expectInOrder(stdout, [/^Containers:$/m]);
          expect(
            /^  server:\n(?:.*\n)*?\s+Image:\s+acme\/frontend:v0\.0\.2$/m.test(stdout),
            'container server with image frontend:v0.0.2',
            stdout,
          );
          expect(
            /^  istio-proxy:\n(?:.*\n)*?\s+Image:\s+\S*\/proxyv2:\S+$/m.test(stdout),
            'container istio-proxy with image …/proxyv2',
            stdout,
          );
          const events = stdout.slice(stdout.lastIndexOf('Events:'));
          expectInOrder(events, [/Scheduled/, /istio-init/, /server/, /istio-proxy/]);
          for (const name of ['istio-init', 'server', 'istio-proxy']) {
            for (const reason of ['Created', 'Started']) {
              expect(new RegExp(`Normal\\s+${reason}\\s.*${name}\\b`).test(events), `${reason} ${name}`, events);
            }
          }
          expect(/Normal\s+Pulled\s/.test(events), 'Pulled', events);
        },
        120_000,
        1000,
      );
      await walk.eventually(
        async () => {
          const { stdout } = await walk.kubectl('get', 'pods', '-n', namespace, '--no-headers');
          expect(
            stdout
              .trim()
              .split('\n')
              .every((row) => /\s2\/2\s+Running\s/.test(row)),
            'every pod 2/2 Running',
            stdout,
          );
        },
        180_000,
        1000,
      );
    },
  },
  {
    id: '47',
    kind: 'E, U',
    title: 'push deploy/istio; kubectl get gateway',
    async run(walk) {
      mkdirSync(join(walk.clone, 'deploy/istio'), { recursive: true });
      writeFileSync(join(walk.clone, 'deploy/istio/frontend-gw.yaml'), gatewayManifest);
      writeFileSync(join(walk.clone, 'deploy/istio/frontend-vs.yaml'), virtualServiceManifest);
      await walk.commitAndPush('Add the gateway');
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'gateway', '-n', namespace);
        expectInOrder(stdout, [/^NAME\s+AGE$/m, /^frontend\s+\S+$/m]);
      });
      const { stdout } = await walk.kubectl(
        'get',
        'gateway',
        'frontend',
        '-n',
        namespace,
        '-o',
        'jsonpath={.metadata.uid}',
      );
      walk.notes.gatewayUid = stdout;
    },
  },
  {
    id: '48',
    kind: 'U',
    title: 'kubectl get svc istio-ingressgateway',
    async run(walk) {
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'svc', 'istio-ingressgateway', '-n', 'istio-system');
        expect(
          /LoadBalancer\s+[\d.]+\s+127\.0\.0\.1\s+\S*\b80:\d+\/TCP/.test(stdout),
          'LoadBalancer <ip> <EXTERNAL-IP> …,80:<p>/TCP',
          stdout,
        );
      });
    },
  },
  {
    id: '49+',
    kind: 'T',
    title: 'curl the gateway',
    run: (walk) => walk.eventually(() => gatewayAnswers(walk), 30_000),
  },
  {
    id: '50',
    kind: 'E',
    title: 'move gateway and virtual service into the chart',
    async run(walk) {
      const before = await revisionOf(walk);
      const templates = join(walk.clone, 'deploy/charts/frontend/templates');
      renameSync(join(walk.clone, 'deploy/istio/frontend-gw.yaml'), join(templates, 'gateway.yaml'));
      renameSync(join(walk.clone, 'deploy/istio/frontend-vs.yaml'), join(templates, 'virtualService.yaml'));
      await walk.gitDo('rm', '-r', '-q', '--cached', 'deploy/istio');
      await walk.commitAndPush('Move the gateway into the chart');
      await walk.eventually(async () => {
        const after = await revisionOf(walk);
        expect(
          after.revision === before.revision + 1 && after.status === 'deployed',
          `revision ${before.revision + 1} deployed`,
          JSON.stringify(after),
        );
      }, 90_000);
      const { stdout } = await walk.kubectl('get', 'gateway', 'frontend', '-n', namespace, '-o', 'json');
      const gateway = JSON.parse(stdout);
      expect(gateway.metadata.uid === walk.notes.gatewayUid, 'the same Gateway', stdout);
      expect(gateway.metadata.labels?.['app.kubernetes.io/managed-by'] === 'Helm', 'adopted by the release', stdout);
      expect(gateway.metadata.labels?.['fluxcd.io/sync-gc-mark'] === undefined, 'the sync mark is gone', stdout);
      const release = await walk.kubectl('get', 'helmrelease', 'frontend', '-n', namespace, '--no-headers');
      expect(
        /\sdeployed\s+Helm release sync succeeded\s/.test(release.stdout),
        'release stays deployed',
        release.stdout,
      );
      await walk.eventually(() => gatewayAnswers(walk), 20_000);
    },
  },
];
