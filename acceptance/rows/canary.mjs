/** Rows 51 to 60: the canary that fails without traffic, and the one that is promoted. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectInOrder } from '../walk.mjs';

const namespace = 'microservices-demo';

/** Interval 10 s and metric interval 30 s are the walk's only shortened times. */
const canaryManifest = [
  'apiVersion: flagger.app/v1beta1',
  'kind: Canary',
  'metadata:',
  '  name: frontend',
  `  namespace: ${namespace}`,
  'spec:',
  '  provider: istio',
  '  targetRef:',
  '    apiVersion: apps/v1',
  '    kind: Deployment',
  '    name: frontend',
  '  service:',
  '    port: 80',
  '    targetPort: 8080',
  '    gateways:',
  '      - frontend',
  '    hosts:',
  '      - "*"',
  '    trafficPolicy:',
  '      tls:',
  '        mode: DISABLE',
  '  analysis:',
  '    interval: 10s',
  '    threshold: 5',
  '    maxWeight: 30',
  '    stepWeight: 5',
  '    metrics:',
  '      - name: request-duration',
  '        thresholdRange:',
  '          max: 500',
  '        interval: 30s',
  '      - name: request-success-rate',
  '        thresholdRange:',
  '          min: 99',
  '        interval: 30s',
  '',
].join('\n');

/** 30 s, and a scrape. */
const metricIntervalMs = 32_000;

const analysisLimitMs = 240_000;

async function describeCanary(walk) {
  return (await walk.kubectl('describe', 'canary', 'frontend', '-n', namespace)).stdout;
}

/** The events of describe, one message a line, in order. */
async function canaryEvents(walk) {
  const text = await describeCanary(walk);
  return text.slice(text.lastIndexOf('Events:'));
}

async function canaryRow(walk) {
  return (await walk.kubectl('get', 'canary', '-n', namespace)).stdout;
}

export const canaryRows = [
  {
    id: '51',
    kind: 'E, U',
    title: 'push canary.yaml; kubectl get canary',
    async run(walk) {
      writeFileSync(join(walk.clone, 'deploy/charts/frontend/templates/canary.yaml'), canaryManifest);
      await walk.commitAndPush('Add the canary');
      await walk.eventually(async () => {
        const text = await canaryRow(walk);
        expectInOrder(text, [
          /^NAME\s+STATUS\s+WEIGHT\s+LASTTRANSITIONTIME$/m,
          /^frontend\s+Initialized\s+0\s+\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m,
        ]);
      }, 120_000);
    },
  },
  {
    id: '52',
    kind: 'U',
    title: 'kubectl get pods -l app=frontend-primary',
    async run(walk) {
      const { stdout } = await walk.kubectl('get', 'pods', '-n', namespace, '-l', 'app=frontend-primary');
      expect(
        /^frontend-primary-[a-z0-9]{6,10}-[a-z0-9]{5}\s+2\/2\s+Running\s+0\s/m.test(stdout),
        'frontend-primary-<hash>-<5> 2/2 Running 0',
        stdout,
      );
    },
  },
  {
    id: '53',
    kind: 'T',
    title: 'build and push frontend v0.0.3, one metric interval after the initialisation',
    async run(walk) {
      // Until then the window still holds the requests that workload frontend got before it became the canary.
      await new Promise((resolve) => setTimeout(resolve, metricIntervalMs));
      await walk.buildAndPush('frontend', 'v0.0.3');
    },
  },
  {
    id: '54',
    kind: 'U',
    title: 'kubectl describe canary: halted and rolled back',
    async run(walk) {
      await walk.eventually(
        async () => {
          const events = await canaryEvents(walk);
          expect(/Canary failed! Scaling down frontend\.microservices-demo/.test(events), 'the canary fails', events);
        },
        analysisLimitMs,
        2000,
      );
      expectInOrder(await canaryEvents(walk), [
        /Warning\s+Synced\s.*frontend-primary\.microservices-demo not ready: waiting for rollout to finish: observed deployment generation less th[ae]n desired generation/,
        /Initialization done! frontend\.microservices-demo/,
        /New revision detected! Scaling up frontend\.microservices-demo/,
        /Starting canary analysis for frontend\.microservices-demo/,
        /Advance frontend\.microservices-demo canary weight 5\b/,
        /Warning\s+Synced\s+\S+ \(x5 over \S+\)\s+flagger\s+Halt advancement no values found for istio metric request-duration probably frontend\.microservices-demo is not receiving traffic/,
        /Warning\s+Synced\s.*Rolling back frontend\.microservices-demo failed checks threshold reached 5/,
        /Warning\s+Synced\s.*Canary failed! Scaling down frontend\.microservices-demo/,
      ]);
    },
  },
  {
    id: '55+',
    kind: 'U',
    title: 'kubectl get canary: Failed, and the cause is named',
    async run(walk) {
      await walk.eventually(async () => {
        const text = await canaryRow(walk);
        expect(/^frontend\s+Failed\s+0\s/m.test(text), 'frontend Failed 0', text);
      }, 30_000);
      const events = await canaryEvents(walk);
      expect(
        /bypass/i.test(events) && /gateway/i.test(events),
        'an event says that the traffic bypasses the canary’s gateway',
        events,
      );
    },
  },
  {
    id: '56',
    kind: 'E',
    title: "the load generator gets the gateway's address; a new frontend tag",
    async run(walk) {
      await walk.gitDo('pull', '-q', '--rebase', 'gitlab', 'master');
      const file = join(walk.clone, 'deploy/charts/loadgenerator/values.yaml');
      const text = readFileSync(file, 'utf8');
      const changed = text.replace(/^(ingress:\n(?:\s+#.*\n)*\s+host: ).*$/m, '$1istio-ingressgateway.istio-system');
      expect(changed !== text, 'ingress.host in the values', text);
      writeFileSync(file, changed);
      await walk.commitAndPush('Send the load through the gateway');
      await walk.eventually(async () => {
        const { stdout } = await walk.kubectl('get', 'deploy', 'loadgenerator', '-n', namespace, '-o', 'json');
        const { spec, status } = JSON.parse(stdout);
        const address = JSON.stringify(spec.template.spec.containers).includes('istio-ingressgateway.istio-system');
        expect(
          address && status.updatedReplicas === 1 && status.readyReplicas === 1 && status.replicas === 1,
          'the load generator rolls out',
          stdout,
        );
      }, 120_000);
      await walk.buildAndPush('frontend', 'v0.0.4');
    },
  },
  {
    id: '57',
    kind: 'U',
    title: 'kubectl describe canary: weights 5 to 30',
    async run(walk) {
      await walk.eventually(
        async () => {
          const events = await canaryEvents(walk);
          expect(/Advance frontend\.microservices-demo canary weight 30\b/.test(events), 'weight 30', events);
        },
        analysisLimitMs,
        2000,
      );
      expectInOrder((await canaryEvents(walk)).split('Canary failed!').at(-1), [
        /Advance frontend\.microservices-demo canary weight 10\b/,
        /weight 15\b/,
        /weight 20\b/,
        /weight 25\b/,
        /weight 30\b/,
      ]);
    },
  },
  {
    id: '58+',
    kind: 'U',
    title: 'three ticks later: promoted',
    async run(walk) {
      await walk.eventually(
        async () => {
          expectInOrder(await canaryEvents(walk), [
            /Copying frontend\.microservices-demo template spec to frontend-primary\.microservices-demo/,
            /Routing all traffic to primary/,
            /Promotion completed! Scaling down frontend\.microservices-demo/,
          ]);
        },
        90_000,
        1000,
      );
    },
  },
  {
    id: '59+',
    kind: 'U',
    title: 'kubectl get canary: Succeeded',
    async run(walk) {
      await walk.eventually(async () => {
        const text = await canaryRow(walk);
        expect(/^frontend\s+Succeeded\s+0\s/m.test(text), 'frontend Succeeded 0', text);
      }, 30_000);
    },
  },
  {
    id: '60+',
    kind: 'U',
    title: "the primary's image",
    async run(walk) {
      const { stdout } = await walk.kubectl(
        'get',
        'deploy',
        'frontend-primary',
        '-n',
        namespace,
        '-o',
        'jsonpath={..image}',
      );
      expect(stdout.includes('frontend:v0.0.4'), 'frontend:v0.0.4', stdout);
    },
  },
];
