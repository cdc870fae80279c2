/** The real Flagger: it takes a deployment over, moves traffic to a new version step by step, and takes it back. */

import { join } from 'node:path';
import { Disposer } from '@towpath/kit';
import { applyFiles, applyYaml, readText } from '../apply.ts';
import type { SuiteContext, Tally } from '../client-suite.ts';
import { findGoProgram, goModuleFolder, type GoProgram } from '../go-program.ts';
import { expectPart, until } from '../kubectl.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { startProgram, type RunningProgram } from '../run-program.ts';
import { testImages } from '../test-images.ts';
import { freePort, startStaticServer } from './static-server.ts';

const module = 'github.com/fluxcd/flagger';
const program: GoProgram = { name: 'flagger', module, version: 'v1.36.1', package: `${module}/cmd/flagger` };
const namespace = 'canaries';
/** Three steps of ten seconds, and pods to start between them. */
const doneMs = 180_000;
const canaryPath = `/apis/flagger.app/v1beta1/namespaces/${namespace}/canaries/web`;
const routePath = `/apis/networking.istio.io/v1beta1/namespaces/${namespace}/virtualservices/web`;
const primaryPath = `/apis/apps/v1/namespaces/${namespace}/deployments/web-primary`;

/** Adds the cases of Flagger with routes of Istio, judged by a metrics store that says what the case wants. */
export async function flaggerCases(tally: Tally, context: SuiteContext): Promise<void> {
  const found = await findGoProgram(program, context);
  if ('missing' in found) return tally.skip('flagger', found.missing);
  const source = await goModuleFolder(module, program.version);
  if (source === undefined) return tally.skip('flagger', `go cannot download ${module}`);
  const ends = new Disposer();
  try {
    const server = ends.own(await startOwnServer({ hasControllers: true, images: testImages }));
    const { client } = server;
    const routes = ['gateways', 'virtualservices', 'destinationrules'].map((name) => `charts/istio/crds/${name}.yaml`);
    await applyFiles(client, [join(source, 'artifacts/flagger/crd.yaml'), ...routes]);
    await applyYaml(client, `{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
    const metrics = { successPercent: 100 };
    const store = ends.own(
      await startStaticServer((path) => {
        const result = [{ metric: {}, value: [0, String(metrics.successPercent)] }];
        return path === '/api/v1/query'
          ? JSON.stringify({ status: 'success', data: { resultType: 'vector', result } })
          : JSON.stringify({ status: 'success', data: {} });
      }),
    );
    const args = ['-kubeconfig', server.kubeconfig, '-mesh-provider', 'istio', '-metrics-server', store.url];
    const flagger = startProgram(
      found.path,
      [...args, '-port', String(await freePort()), '-enable-leader-election', '-leader-election-namespace', namespace],
      { env: { HOME: server.folder } },
    );
    ends.add(() => flagger.stop());
    await cases(tally, { server, flagger, metrics });
  } finally {
    await ends.dispose();
  }
}

interface Place {
  readonly server: OwnServer;
  readonly flagger: RunningProgram;
  readonly metrics: { successPercent: number };
}

async function cases(tally: Tally, place: Place): Promise<void> {
  const { client } = place.server;
  await tally.run('flagger: a deployment gets its primary and is scaled to zero', async () => {
    await applyYaml(client, deployment('1'), namespace);
    await applyYaml(client, canary, namespace);
    await phase(place, 'Initialized');
    expectPart(await readText(client, primaryPath), '"readyReplicas":1');
    expectPart(await readText(client, routePath), /"host":"web-primary"[^}]*},"weight":100/);
  });
  await tally.run('flagger: a good version gets traffic step by step and is promoted', async () => {
    await applyYaml(client, deployment('2'), namespace);
    await phase(place, 'Progressing');
    await until('half of the traffic on the canary', doneMs, async () =>
      /"canaryWeight":50/.test(await readText(client, canaryPath)) ? true : undefined,
    );
    await phase(place, 'Succeeded');
    expectPart(await readText(client, primaryPath), 'conformance/web:2');
  });
  await tally.run('flagger: a bad version is taken back', async () => {
    place.metrics.successPercent = 10;
    await applyYaml(client, deployment('3'), namespace);
    await phase(place, 'Failed');
    expectPart(await readText(client, primaryPath), 'conformance/web:2');
    expectPart(await readText(client, routePath), /"host":"web-primary"[^}]*},"weight":100/);
    const events = await readText(client, `/api/v1/namespaces/${namespace}/events`);
    expectPart(events, 'Rolling back web.canaries failed checks threshold reached 1');
  });
}

async function phase({ server, flagger }: Place, wanted: string): Promise<void> {
  await until(`the phase ${wanted}; flagger said: ${flagger.output().slice(-400)}`, doneMs, async () =>
    (await readText(server.client, canaryPath)).includes(`"phase":"${wanted}"`) ? true : undefined,
  );
}

function deployment(tag: string): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'web', image: `conformance/web:${tag}`, ports: [{ name: 'http', containerPort: 80 }] }],
        },
      },
    },
  });
}

const canary = JSON.stringify({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name: 'web' },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    progressDeadlineSeconds: 60,
    service: { port: 80 },
    analysis: {
      interval: '10s',
      threshold: 1,
      maxWeight: 50,
      stepWeight: 50,
      metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' }],
    },
  },
});
