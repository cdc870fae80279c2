/** The life of three charts with the real Helm 3 and 4 and with ours, each beside the others in one cluster. */

import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { applyFiles, readText } from '../apply.ts';
import { clientSuite, type SuiteContext, type Tally } from '../client-suite.ts';
import { findGoProgram, type GoProgram } from '../go-program.ts';
import { commandLine, expectPart, until, type CommandLine } from '../kubectl.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { runProgram } from '../run-program.ts';
import type { Suite } from '../suite.ts';
import { testImages } from '../test-images.ts';

const helm3: GoProgram = {
  name: 'helm3',
  module: 'helm.sh/helm/v3',
  version: 'v3.19.0',
  package: 'helm.sh/helm/v3/cmd/helm',
};
const helm4: GoProgram = {
  name: 'helm4',
  module: 'helm.sh/helm/v4',
  version: 'v4.3.1',
  package: 'helm.sh/helm/v4/cmd/helm',
};

interface ChartCase {
  readonly name: string;
  readonly folder: string;
  /** What an upgrade changes, and where it shows: an object's URL below its namespace, and text before and after. */
  readonly set: string;
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** The chart's pods run here. */
  readonly canWait: boolean;
  /** What `helm test` says. */
  readonly tested: string;
}

const charts: readonly ChartCase[] = [
  {
    name: 'cartservice',
    folder: 'shop/deploy/charts/cartservice',
    set: 'image.tag=v2',
    path: '/apis/apps/v1/namespaces/NAMESPACE/deployments/cartservice',
    before: 'cartservice:latest',
    after: 'cartservice:v2',
    canWait: false,
    tested: '',
  },
  {
    name: 'frontend',
    folder: 'shop/deploy/charts/frontend',
    set: 'image.tag=v2',
    path: '/apis/apps/v1/namespaces/NAMESPACE/deployments/frontend',
    before: 'frontend:latest',
    after: 'frontend:v2',
    canWait: false,
    tested: '',
  },
  {
    name: 'lifecycle',
    folder: 'packages/cluster/src/conformance/testdata/charts/lifecycle',
    set: 'greeting=changed',
    path: '/apis/conformance.towpath.dev/v1/namespaces/NAMESPACE/widgets/release',
    before: '"greeting":"hello"',
    after: '"greeting":"changed"',
    canWait: true,
    tested: 'Succeeded',
  },
];

/** Definitions the charts of the shop need. */
const definitions = [
  'charts/prometheus/crds/servicemonitors.yaml',
  'charts/istio/crds/gateways.yaml',
  'charts/istio/crds/virtualservices.yaml',
  'charts/flagger/crd.yaml',
];
const goneMs = 30_000;
/** Our program, for as long as the suite runs. */
const ownBuild = 'dist-conformance';

export const helm: Suite = clientSuite({
  name: 'helm',
  summary: 'three charts with the real helm 3 and 4, and with ours',
  async run(tally, context) {
    const server = await startOwnServer({ hasControllers: true, images: testImages });
    try {
      await applyFiles(server.client, definitions);
      for (const client of await clients(tally, context, server)) {
        for (const chart of charts) await runChart(client, chart, { tally, server });
      }
    } finally {
      await server.dispose();
      await rm(ownBuild, { recursive: true, force: true });
    }
  },
});

interface Client {
  readonly name: string;
  readonly helm: CommandLine;
}

async function clients(tally: Tally, context: SuiteContext, server: OwnServer): Promise<readonly Client[]> {
  const found: Client[] = [];
  const { kubeconfig, folder } = server;
  for (const program of [helm3, helm4]) {
    const file = await findGoProgram(program, context);
    if ('missing' in file) tally.skip(program.name, file.missing);
    else found.push({ name: program.name, helm: commandLine({ command: [file.path], kubeconfig, home: folder }) });
  }
  const build = await runProgram(process.execPath, ['scripts/build.mjs', ownBuild]);
  if (build.code !== 0) tally.skip('ours', `scripts/build.mjs failed: ${build.stderr.trim()}`);
  else {
    const command = [process.execPath, resolve(ownBuild, 'towpath.js'), 'helm'] as const;
    found.push({ name: 'ours', helm: commandLine({ command, kubeconfig, home: folder }) });
  }
  return found;
}

async function runChart(
  client: Client,
  chart: ChartCase,
  { tally, server }: { tally: Tally; server: OwnServer },
): Promise<void> {
  const namespace = `${client.name}-${chart.name}`;
  const helmIn = (...args: string[]): Promise<string> => client.helm.run([...args, '-n', namespace]);
  const step = (name: string, body: () => Promise<void>): Promise<void> =>
    tally.run(`${client.name} ${chart.name} ${name}`, body);
  const live = (): Promise<string> => readText(server.client, chart.path.replace('NAMESPACE', namespace));
  const wait = chart.canWait ? ['--wait', '--timeout', '60s'] : [];
  const folder = resolve(chart.folder);
  await step('install', async () => {
    const said = await helmIn('install', 'release', folder, '--create-namespace', ...wait);
    expectPart(said, /STATUS: deployed\nREVISION: 1/);
    expectPart(await live(), chart.before);
    expectPart(await helmIn('list'), /release\s+\S+\s+1\s[^\n]*deployed/);
  });
  await step('upgrade', async () => {
    const said = await helmIn('upgrade', 'release', folder, '--set', chart.set, ...wait);
    expectPart(said, /STATUS: deployed\nREVISION: 2/);
    expectPart(await live(), chart.after);
    expectPart(await helmIn('get', 'values', 'release'), chart.set.replace(/^.*=/, ''));
  });
  await step('history', async () => {
    expectPart(await helmIn('history', 'release'), /\n1\s[^\n]*superseded[^\n]*\n2\s[^\n]*deployed/);
  });
  await step('rollback', async () => {
    expectPart(await helmIn('rollback', 'release', '1', ...wait), 'Rollback was a success');
    expectPart(await live(), chart.before);
    expectPart(await helmIn('history', 'release'), /\n3\s[^\n]*deployed[^\n]*Rollback to 1/);
  });
  await step('test', async () => {
    expectPart(await helmIn('test', 'release', '--timeout', '60s'), chart.tested);
  });
  await step('uninstall', async () => {
    expectPart(await helmIn('uninstall', 'release', ...wait), 'release "release" uninstalled');
    await until('the objects to go', goneMs, async () => ((await live()).includes('"NotFound"') ? true : undefined));
    expectPart((await client.helm.ask(['status', 'release', '-n', namespace])).stderr, 'release: not found');
  });
}
