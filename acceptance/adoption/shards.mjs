/** Two helm-operators share the releases by label; each release has exactly one of them. */

import { join } from 'node:path';
import { expect } from '../walk.mjs';
import { startController } from './replicas.mjs';
import { startCharts } from './servers.mjs';
import { packageChart } from './web.mjs';

const namespace = 'shards';
const label = 'sharding.fluxcd.io/key';

function helmRelease(charts, name, labels) {
  return {
    apiVersion: 'helm.fluxcd.io/v1',
    kind: 'HelmRelease',
    metadata: { name, namespace, labels },
    spec: {
      releaseName: name,
      chart: { repository: charts.url, name: 'web', version: '0.1.0' },
      values: { replicas: 0 },
    },
  };
}

export const shardRows = [
  {
    id: 'shards 1',
    title: 'helm-operator: each release has the process of its label',
    async run(walk) {
      const crds = ['-f', join(walk.root, 'charts/towpath/crds')];
      await walk.kubectl('apply', '--server-side', '--force-conflicts', ...crds);
      await walk.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
      const charts = await startCharts();
      charts.add({ name: 'web', version: '0.1.0', file: await packageChart(walk, '0.1.0') });
      const start = (selector) =>
        startController(walk, ['--components', 'helm-operator', '-n', namespace, '--watch-label-selector', selector]);
      const main = start(`!${label}`);
      const shard = start(`${label}=a`);
      try {
        await walk.kubectl('create', 'namespace', namespace);
        const items = [
          ...['one', 'two'].map((name) => helmRelease(charts, name, {})),
          ...['three', 'four'].map((name) => helmRelease(charts, name, { [label]: 'a' })),
        ];
        const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
        await walk.must('kubectl', ['apply', '-f', '-'], { input: list });
        await walk.eventually(async () => {
          const { stdout } = await walk.kubectl('-n', namespace, 'get', 'helmreleases.helm.fluxcd.io');
          expect((stdout.match(/ deployed /g) ?? []).length === 4, 'four releases are deployed', stdout);
        });
        const names = (output) =>
          [...new Set([...output.matchAll(/resource=shards:helmrelease\/(\w+)/g)].map(([, name]) => name))].toSorted(
            (a, b) => a.localeCompare(b),
          );
        expect(names(main.output()).join() === 'one,two', 'main has one and two', names(main.output()).join());
        expect(
          names(shard.output()).join() === 'four,three',
          'shard a has three and four',
          names(shard.output()).join(),
        );
      } finally {
        await Promise.all([main.dispose(), shard.dispose()]);
        charts.dispose();
      }
    },
  },
];
