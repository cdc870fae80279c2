/** The leader is killed in the middle of an upgrade and of a canary: the other replica goes on, nothing is done twice. */

import { join } from 'node:path';
import { expect } from '../walk.mjs';
import { startReplicas } from './replicas.mjs';
import { startCharts, startPrometheus } from './servers.mjs';
import { deployment, packageChart, pushImage } from './web.mjs';

const namespace = 'adoption';
const upgradeLimitMs = 120_000;
const canaryLimitMs = 240_000;

async function json(walk, ...args) {
  return JSON.parse((await walk.kubectl('-n', namespace, 'get', ...args, '-o', 'json')).stdout);
}

async function apply(walk, ...objects) {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await walk.must('kubectl', ['apply', '-f', '-'], { input: JSON.stringify(list) });
}

function helmRelease(charts, values) {
  return {
    apiVersion: 'helm.fluxcd.io/v1',
    kind: 'HelmRelease',
    metadata: { name: 'web', namespace },
    spec: {
      releaseName: 'web',
      wait: true,
      timeout: 60,
      chart: { repository: charts.url, name: 'web', version: '0.1.0' },
      values,
    },
  };
}

async function history(walk) {
  const { stdout } = await walk.towpath('helm', 'history', 'web', '-n', namespace, '-o', 'json');
  return JSON.parse(stdout);
}

async function deployed(walk, revisions) {
  await walk.eventually(async () => {
    const all = await history(walk);
    expect(all.at(-1)?.status === 'deployed' && all.length >= revisions, 'deployed', JSON.stringify(all));
  }, upgradeLimitMs);
}

/** Messages of the Canary's events, in order. */
async function canaryEvents(walk) {
  const { items } = await json(walk, 'events');
  return items
    .filter(({ involvedObject }) => involvedObject.kind === 'Canary')
    .map(({ message, count = 1 }) => ({ message, count }));
}

const canary = {
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name: 'shop', namespace },
  spec: {
    provider: 'istio',
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
    service: { port: 80, targetPort: 8080 },
    skipAnalysis: false,
    analysis: {
      interval: '5s',
      threshold: 3,
      maxWeight: 50,
      stepWeight: 10,
      metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' }],
    },
  },
};

export const leaderRows = [
  {
    id: 'leader 1',
    title: 'the kinds, a namespace, an image',
    async run(walk) {
      const crds = ['towpath/crds', 'istio/crds'].flatMap((folder) => ['-f', join(walk.root, 'charts', folder)]);
      await walk.kubectl('apply', '--server-side', '--force-conflicts', ...crds);
      await walk.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
      await walk.kubectl('create', 'namespace', namespace);
      await pushImage(walk);
    },
  },
  {
    id: 'leader 2',
    title: 'helm-operator: killed while an upgrade waits',
    async run(walk) {
      const charts = await startCharts();
      charts.add({ name: 'web', version: '0.1.0', file: await packageChart(walk, '0.1.0') });
      const replicas = await startReplicas(walk, ['--components', 'helm-operator', '--leader-elect', '-n', namespace]);
      try {
        await apply(walk, helmRelease(charts, { message: 'one' }));
        await deployed(walk, 1);
        await apply(walk, helmRelease(charts, { message: 'two', delaySeconds: 12 }));
        await walk.eventually(async () => {
          const last = (await history(walk)).at(-1);
          expect(last.status === 'pending-upgrade', 'the upgrade is in progress', JSON.stringify(last));
        });
        const replicaSets = (await json(walk, 'replicasets', '-l', 'app=web')).items.length;
        await replicas.leader.kill();
        await walk.eventually(() => expect(replicas.standby.isLeader(), 'the other leads', replicas.standby.output()));
        await deployed(walk, 2);
        const after = await json(walk, 'deployment', 'web');
        const sets = (await json(walk, 'replicasets', '-l', 'app=web')).items.length;
        const all = await history(walk);
        expect(replicaSets <= 2 && sets === 2, 'one rollout: two ReplicaSets', String(sets));
        expect(after.metadata.generation === 2, 'the Deployment was changed once', String(after.metadata.generation));
        expect(
          all.filter(({ status }) => status === 'deployed').length === 1 &&
            all.every(({ status }) => !status.startsWith('pending')),
          'one deployed revision, none pending',
          JSON.stringify(all),
        );
      } finally {
        await replicas.dispose();
        charts.dispose();
      }
    },
  },
  {
    id: 'leader 3',
    title: 'flagger: killed in the middle of a canary',
    async run(walk) {
      const prometheus = await startPrometheus('100');
      const args = ['--components', 'flagger', '--leader-elect', '-n', namespace, '--metrics-server', prometheus.url];
      const replicas = await startReplicas(walk, args);
      const shop = (message) => deployment({ name: 'shop', namespace, message, delaySeconds: 0 });
      const status = async () => (await json(walk, 'canary', 'shop')).status ?? {};
      try {
        await apply(walk, shop('one'), canary);
        await walk.eventually(async () => {
          const { phase } = await status();
          expect(phase === 'Initialized', 'the canary is initialised', `${phase}\n${replicas.leader.output()}`);
        }, canaryLimitMs);
        await apply(walk, shop('two'));
        await walk.eventually(async () => {
          const { canaryWeight } = await status();
          expect(canaryWeight >= 20, 'the canary has 20 %', `${canaryWeight}\n${replicas.leader.output()}`);
        }, canaryLimitMs);
        const before = (await status()).canaryWeight;
        await replicas.leader.kill();
        const seen = [];
        await walk.eventually(
          async () => {
            const { phase, canaryWeight } = await status();
            if (phase === 'Progressing') seen.push(canaryWeight);
            expect(phase === 'Succeeded', 'the canary is promoted', `${phase}\n${replicas.standby.output()}`);
          },
          canaryLimitMs,
          250,
        );
        const rising = seen.every((weight, index) => index === 0 || weight >= seen[index - 1]);
        expect(rising && Math.min(...seen) >= before, 'it went on from its weight', seen.join(' '));
        const events = await canaryEvents(walk);
        for (const once of [
          'New revision detected! Scaling up shop.adoption',
          'Promotion completed! Scaling down shop.adoption',
        ]) {
          const told = events.filter(({ message }) => message === once).reduce((sum, { count }) => sum + count, 0);
          expect(told === 1, `"${once}" once`, JSON.stringify(events, undefined, 1));
        }
      } finally {
        await replicas.dispose();
        prometheus.dispose();
      }
    },
  },
];
