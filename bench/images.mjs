/**
 * `npm run bench -- images`: 200 ImageRepositories with an ImagePolicy each, ours beside the real image-reflector-controller,
 * one after the other on the same API server and registry: time until every policy has chosen, time until all have chosen a
 * tag that was pushed then, peak memory, CPU.
 *
 *   --cluster embedded|real   where; default: real. On the embedded one theirs limits itself to 50 requests a second
 *   --count N                 repositories; default 200
 */

import { parseArgs } from 'node:util';
import { pushTag, registryHost } from '../acceptance/images/material.mjs';
import { applyKinds, missingPrograms, startOurs, startTheirs } from '../acceptance/images/programs.mjs';
import { objectPath } from '../acceptance/images/steps.mjs';
import { findTools, withPlace } from '../acceptance/releases/place.mjs';
import { createNamespaces } from '../acceptance/releases/prepare.mjs';

const limitMs = 600_000;
/** Images in the registry; the repositories share them. */
const imageCount = 20;
const concurrent = '--concurrent=10';
const reflector = 'image-reflector-controller';
const apiVersion = 'image.toolkit.fluxcd.io/v1';
/** Of theirs. */
const bars = { first: 1, memory: 1 };

export async function benchImages(args) {
  const { values } = parseArgs({
    args,
    options: {
      cluster: { type: 'string', default: 'real' },
      count: { type: 'string', default: '200' },
      dist: { type: 'string', default: 'dist' },
    },
  });
  const tools = findTools();
  const missing = [...missingPrograms(), ...(tools.missing === undefined ? [] : [tools.missing])];
  if (missing.length > 0) {
    console.log(`skipped: ${missing.join(', ')} is not there`);
    process.exitCode = 1;
    return;
  }
  const rows = await withPlace({ dist: values.dist, cluster: values.cluster, tools }, (place) =>
    measureOn(place, Number(values.count)),
  );
  for (const [name, row] of Object.entries(rows)) {
    const times = `first ${seconds(row.firstMs)}, new tag ${seconds(row.newTagMs)}`;
    console.log(`${name.padEnd(7)} ${times}, peak ${row.peakMib.toFixed(0)} MiB, CPU ${row.cpuSeconds.toFixed(1)} s`);
  }
  const { theirs, ours } = rows;
  const [first, memory] = [ours.firstMs / theirs.firstMs, ours.peakMib / theirs.peakMib];
  const isMissed = first > bars.first || memory > bars.memory;
  const newTag = (ours.newTagMs / theirs.newTagMs).toFixed(2);
  console.log(
    `  of theirs: first ${first.toFixed(2)}, new tag ${newTag}, memory ${memory.toFixed(2)}: ${isMissed ? 'missed' : 'met'}`,
  );
  if (isMissed) process.exitCode = 1;
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

async function measureOn(place, count) {
  await applyKinds(place);
  const rows = {};
  for (const [side, start] of Object.entries({ theirs: startTheirs, ours: startOurs })) {
    const namespace = `bench-${side}`;
    await createNamespaces(place, [namespace]);
    for (let index = 0; index < imageCount; index += 1) {
      for (const tag of ['1.0.0', '1.1.0', '1.2.0', '2.0.0']) await pushTag(place, `${namespace}/app${index}`, tag);
    }
    rows[side] = await measure(place, { namespace, count, start });
  }
  return rows;
}

async function measure(place, { namespace, count, start }) {
  const names = Array.from({ length: count }, (_, index) => `app${index}`);
  const program = start(place, reflector, namespace, [concurrent]);
  // It has started and watches before the others come.
  await create(place, namespace, ['warm']);
  await chosen(place, namespace, { names: ['warm'], tag: '1.2.0' });
  const firstMs = await timed(async () => {
    await create(place, namespace, names);
    await chosen(place, namespace, { names, tag: '1.2.0' });
  });
  for (let index = 0; index < imageCount; index += 1) await pushTag(place, `${namespace}/app${index}`, '1.3.0');
  const newTagMs = await timed(async () => {
    const metadata = { annotations: { 'reconcile.fluxcd.io/requestedAt': new Date().toISOString() } };
    const ask = (name) => place.api.patch(objectPath(namespace, 'ImageRepository', name), { metadata });
    for (const some of chunks(names)) await Promise.all(some.map(ask));
    await chosen(place, namespace, { names, tag: '1.3.0' });
  });
  const row = { firstMs, newTagMs, peakMib: program.peakRssMib(), cpuSeconds: program.cpuSeconds() };
  await program.stop();
  return row;
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function chunks(names) {
  return Array.from({ length: Math.ceil(names.length / 20) }, (_, index) => names.slice(index * 20, index * 20 + 20));
}

async function create(place, namespace, names) {
  const host = registryHost(place);
  for (const some of chunks(names)) {
    await Promise.all(
      some.flatMap((name) => {
        const metadata = { namespace, name };
        const image = `${host}/${namespace}/app${Number(name.replace(/\D/g, '')) % imageCount}`;
        const policy = { imageRepositoryRef: { name }, policy: { semver: { range: '1.x' } } };
        return [
          place.api.apply({ apiVersion, kind: 'ImageRepository', metadata, spec: { image, interval: '1h' } }),
          place.api.apply({ apiVersion, kind: 'ImagePolicy', metadata, spec: policy }),
        ];
      }),
    );
  }
}

async function chosen(place, namespace, { names, tag }) {
  const wanted = new Set(names);
  const isReady = ({ status }) =>
    status?.latestRef?.tag === tag &&
    status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  const until = Date.now() + limitMs;
  while (Date.now() < until) {
    const items = await place.api.list(`/apis/${apiVersion}/namespaces/${namespace}/imagepolicies`);
    if (items.filter((item) => wanted.has(item.metadata.name) && isReady(item)).length === wanted.size) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not all policies of ${namespace} have chosen ${tag} after ${limitMs / 1000} s`);
}
