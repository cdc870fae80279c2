/**
 * `npm run bench -- releases`: 100 HelmReleases of Flux 2 at once, ours beside the real helm-controller, one after the
 * other on the same API server: time until all are Ready, peak memory, CPU. Ours twice: with the same real
 * source-controller, and with our own, as they come together in the two products.
 *
 *   --cluster embedded|real   where; default: embedded, then real
 *   --count N                 releases; default 100
 *   --concurrent N            of ours; default 10, as theirs
 *   --shared                  all refer to one HelmChart (chartRef): the source-controller has next to nothing to do
 */

import { parseArgs } from 'node:util';
import { helmRelease, helmRepository, startDemoCharts } from '../acceptance/releases/charts.mjs';
import {
  findTools,
  startOurs,
  startOurSources,
  startSourceController,
  startTheirs,
  withPlace,
} from '../acceptance/releases/place.mjs';
import { applyKinds, createNamespaces } from '../acceptance/releases/prepare.mjs';

const limitMs = 600_000;
/** Of theirs: at most half of the time, no more memory. */
const bars = { time: 0.5, memory: 1 };

export async function benchReleases(args) {
  const { values: options } = parseArgs({
    args,
    options: {
      cluster: { type: 'string' },
      count: { type: 'string', default: '100' },
      shared: { type: 'boolean', default: false },
      concurrent: { type: 'string', default: '10' },
      dist: { type: 'string', default: 'dist' },
    },
  });
  const tools = findTools();
  if (tools.missing !== undefined) {
    console.log(`skipped: ${tools.missing} not built (npm run conformance -- cluster controllers builds them)`);
    process.exitCode = 1;
    return;
  }
  const given = { count: Number(options.count), shared: options.shared, concurrent: options.concurrent };
  for (const cluster of options.cluster === undefined ? ['embedded', 'real'] : [options.cluster]) {
    console.log(
      `── ${cluster}, ${options.count} releases${options.shared ? ' of one HelmChart' : ''}, theirs 10 at once, ours ${options.concurrent}`,
    );
    const rows = await withPlace({ dist: options.dist, cluster, tools }, (place) => measureOn(place, given));
    print(rows);
  }
}

function print({ theirs, ...both }) {
  printRow('theirs', theirs);
  for (const [name, ours] of Object.entries(both)) {
    printRow(name, ours);
    printRatios(theirs, ours);
  }
}

function printRow(name, row) {
  const times = `install ${seconds(row.installMs)}, upgrade ${seconds(row.upgradeMs)}`;
  const memory = `peak ${row.peakMib.toFixed(0)} MiB (started ${row.idleMib.toFixed(0)})`;
  console.log(`${name.padEnd(17)} ${times}, ${memory}, CPU ${row.cpuSeconds.toFixed(1)} s`);
}

function printRatios(theirs, ours) {
  const ratios = {
    install: ours.installMs / theirs.installMs,
    upgrade: ours.upgradeMs / theirs.upgradeMs,
    memory: ours.peakMib / theirs.peakMib,
  };
  const isMissed = ratios.install > bars.time || ratios.memory > bars.memory;
  const text = Object.entries(ratios).map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
  console.log(
    `  of theirs: ${text.join(', ')}; bar: install ≤ ${bars.time}, memory ≤ ${bars.memory}: ${isMissed ? 'missed' : 'met'}`,
  );
  if (isMissed) process.exitCode = 1;
}

async function measureOn(place, options) {
  await applyKinds(place);
  await createNamespaces(place, ['flux-system']);
  const charts = await startDemoCharts(place, ['1.0.0']);
  const measureSide = async (namespace, start, concurrent) => {
    await createNamespaces(place, [namespace]);
    await place.api.apply(helmRepository(namespace, charts.url));
    return measure(place, { ...options, concurrent, namespace, start });
  };
  const realSources = await startSourceController(place);
  // More than 10 do not help theirs, says its benchmark.
  const theirs = await measureSide('bench-theirs', startTheirs, '10');
  const ours = await measureSide('bench-ours', startOurs, options.concurrent);
  await realSources.stop();
  const namespace = 'bench-own-sources';
  await startOurSources(place, namespace);
  const ownSources = await measureSide(namespace, startOurs, options.concurrent);
  return { theirs, ours, 'ours, own sources': ownSources };
}

async function measure(place, { namespace, start, count, shared, concurrent }) {
  const names = Array.from({ length: count }, (_, index) => `app-${String(index).padStart(3, '0')}`);
  if (shared) await shareChart(place, namespace);
  const release = (name, message) => helmRelease(namespace, name, { values: { message }, ...(shared && { chartRef }) });
  const program = start(place, namespace, [`--concurrent=${concurrent}`]);
  // Both have started, listed and watch before the first release comes.
  await place.api.apply(release('warm', 'warm'));
  await ready(place, namespace, ['warm'], () => true);
  const idleMib = program.peakRssMib();
  const cpuBefore = program.cpuSeconds();
  const installMs = await timed(
    place,
    namespace,
    names.map((name) => release(name, 'one')),
    1,
  );
  const upgradeMs = await timed(
    place,
    namespace,
    names.map((name) => release(name, 'two')),
    2,
  );
  const result = {
    installMs,
    upgradeMs,
    idleMib,
    peakMib: program.peakRssMib(),
    cpuSeconds: program.cpuSeconds() - cpuBefore,
  };
  await program.stop();
  return result;
}

const chartRef = { kind: 'HelmChart', name: 'shared' };

async function shareChart(place, namespace) {
  const spec = {
    chart: 'demo',
    version: '1.0.0',
    interval: '1h',
    sourceRef: { kind: 'HelmRepository', name: 'charts' },
  };
  await place.api.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'HelmChart',
    metadata: { namespace, name: 'shared' },
    spec,
  });
}

/** From the first release that is applied until all are Ready for it. */
async function timed(place, namespace, releases, version) {
  const startedAt = performance.now();
  await Promise.all(releases.map((release) => place.api.apply(release)));
  const names = releases.map(({ metadata }) => metadata.name);
  await ready(place, namespace, names, (object) => object.status.history?.[0]?.version === version);
  return performance.now() - startedAt;
}

async function ready(place, namespace, names, also) {
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    const items = await place.api.list(`/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases`);
    const done = items.filter(({ metadata, status }) => {
      const condition = status?.conditions?.find(({ type }) => type === 'Ready');
      return (
        names.includes(metadata.name) &&
        condition?.status === 'True' &&
        condition.observedGeneration === metadata.generation &&
        also({ status })
      );
    });
    if (done.length === names.length) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`not all releases in ${namespace} are ready after ${limitMs / 1000} s`);
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
