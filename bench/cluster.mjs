/** Our control plane beside a real one (etcd, kube-apiserver, kube-controller-manager), in one run with one client. */

import { configMap, createClient, mapsPath, rate, watchLatencies } from './cluster-client.mjs';
import { memoryMiB, prepareServers } from './cluster-servers.mjs';

const starts = 3;
const rounds = 5;
const parallel = 32;
const manyObjects = 5_000;
/** In each round: enough for a 99th percentile that is not one or two single creates. */
const watchedCreates = 150;
const warmCount = 1_200;
const warmParallel = 4;
const settleMs = 10_000;
const sides = ['ours', 'theirs'];

/** What is timed in rounds, one side after the other: operations per second. */
const rateCases = [
  {
    name: 'create, one after another',
    unit: '/s',
    count: 100,
    parallel: 1,
    run: (client, id) => client.call('POST', mapsPath(), configMap(id)),
  },
  {
    name: `create, ${parallel} at once`,
    unit: '/s',
    bar: 1.5,
    count: 640,
    parallel,
    run: (client, id) => client.call('POST', mapsPath(), configMap(id)),
  },
  {
    name: 'server-side apply',
    unit: '/s',
    count: 100,
    parallel: 1,
    run: (client, id, index) =>
      client.call(
        'PATCH',
        `${mapsPath()}/applied-${index % 20}?fieldManager=bench&force=true`,
        { ...configMap(`applied-${index % 20}`), data: { value: id } },
        'application/apply-patch+yaml',
      ),
  },
  {
    name: 'get, one after another',
    unit: '/s',
    bar: 1.5,
    count: 400,
    parallel: 1,
    run: (client) => client.call('GET', `${mapsPath()}/warm-0-create-0`),
  },
  {
    name: `get, ${parallel} at once`,
    unit: '/s',
    bar: 1.5,
    count: 1_600,
    parallel,
    run: (client) => client.call('GET', `${mapsPath()}/warm-0-create-0`),
  },
];

/** `--tools DIR` keeps or finds the programs of the real control plane. Exit code 1 when a bar is missed. */
export async function benchCluster(args) {
  const at = args.indexOf('--tools');
  const folder = at < 0 ? undefined : args[at + 1];
  const servers = await prepareServers({ folder, say: (line) => console.log(line) });
  const rows = [];
  try {
    rows.push(await startRow(servers));
    const ours = await servers.startOurs();
    const theirs = await servers.startTheirs({ hasManager: true }).catch(async (error) => {
      await ours.dispose();
      throw error;
    });
    try {
      await measure({ ours, theirs }, rows);
    } finally {
      await Promise.all([ours.dispose(), theirs.dispose()]);
    }
  } finally {
    servers.dispose();
  }
  print(rows);
}

async function startRow(servers) {
  const times = { ours: [], theirs: [] };
  for (let start = 0; start < starts; start++) {
    for (const side of sides) {
      const server = side === 'ours' ? await servers.startOurs() : await servers.startTheirs({ hasManager: false });
      times[side].push(server.readyMs);
      await server.dispose();
    }
  }
  return { name: 'start to ready', unit: 'ms', bar: 3, ours: median(times.ours), theirs: median(times.theirs) };
}

async function measure(both, rows) {
  await pause(settleMs);
  rows.push(memoryRow('memory, idle', both, 3));
  const clients = Object.fromEntries(sides.map((side) => [side, createClient(both[side], parallel)]));
  await inTurns(async (side) => {
    await rate({
      count: 30,
      parallel: 1,
      run: (index) => clients[side].call('POST', mapsPath(), configMap(`warm-0-create-${index}`)),
    });
  });
  for (const one of rateCases) rows.push(await rateRow(one, clients));
  for (const watchers of [1, 100]) rows.push(...(await watchRows(both, clients, watchers)));
  await inTurns(async (side) => {
    await createNamespace(clients[side], 'many');
    const run = (index) => clients[side].call('POST', mapsPath('many'), configMap(`map-${index}`, 'many'));
    await rate({ count: manyObjects, parallel, run });
  });
  rows.push(await listRow(clients));
  await pause(settleMs);
  rows.push(memoryRow(`memory, ${manyObjects} objects more`, both, 1));
  for (const client of Object.values(clients)) client.dispose();
}

async function inTurns(run) {
  for (const side of sides) await run(side);
}

async function createNamespace(client, name) {
  await client.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

async function rateRow(one, clients) {
  const rates = { ours: [], theirs: [] };
  const label = one.name.replace(/\W+/g, '-');
  // Both are measured as servers that have run for a while.
  await inTurns(async (side) => {
    const run = (index) => one.run(clients[side], `${label}-warm-${index}`, index);
    await rate({ count: warmCount, parallel: Math.max(one.parallel, warmParallel), run });
  });
  for (let round = 0; round < rounds; round++) {
    await inTurns(async (side) => {
      const run = (index) => one.run(clients[side], `${label}-${round}-${index}`, index);
      rates[side].push(await rate({ count: one.count, parallel: one.parallel, run }));
    });
  }
  return {
    name: one.name,
    unit: one.unit,
    bar: one.bar ?? 1,
    isRate: true,
    ours: median(rates.ours),
    theirs: median(rates.theirs),
  };
}

async function watchRows(both, clients, watchers) {
  const namespace = `watched-${watchers}`;
  await inTurns((side) => createNamespace(clients[side], namespace));
  // As the rates: servers that have served watchers for a while.
  await inTurns((side) => watchLatencies(both[side], { watchers, creates: watchedCreates, namespace, prefix: 'warm' }));
  const all = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    await inTurns(async (side) => {
      const options = { watchers, creates: watchedCreates, namespace, prefix: `event-${round}` };
      all[side].push(...(await watchLatencies(both[side], options)));
    });
  }
  return [50, 99].map((percent) => ({
    name: `create to event, ${watchers} watcher${watchers === 1 ? '' : 's'}, p${percent}`,
    unit: 'ms',
    bar: 1,
    ours: percentile(all.ours, percent),
    theirs: percentile(all.theirs, percent),
  }));
}

async function listRow(clients) {
  const times = { ours: [], theirs: [] };
  for (let round = 0; round < rounds * 3; round++) {
    await inTurns(async (side) => {
      const startedAt = performance.now();
      await clients[side].call('GET', mapsPath('many'));
      times[side].push(performance.now() - startedAt);
    });
  }
  return {
    name: `list of ${manyObjects} ConfigMaps`,
    unit: 'ms',
    bar: 1,
    ours: median(times.ours),
    theirs: median(times.theirs),
  };
}

function memoryRow(name, both, bar) {
  const parts = memoryMiB(both.theirs.pids);
  const sum = (values) => Object.values(values).reduce((total, value) => total + value, 0);
  const note = Object.entries(parts)
    .map(([program, value]) => `${program} ${value.toFixed(0)}`)
    .join(', ');
  return { name, unit: 'MiB', bar, ours: sum(memoryMiB(both.ours.pids)), theirs: sum(parts), note };
}

function print(rows) {
  console.log(
    `\n${'towpath beside Kubernetes'.padEnd(36)}${'ours'.padStart(12)}${'theirs'.padStart(12)}   better   bar`,
  );
  let missed = 0;
  for (const { name, unit, bar, isRate, ours, theirs, note } of rows) {
    const ratio = isRate ? ours / theirs : theirs / ours;
    const isMet = ratio >= bar;
    if (!isMet) missed++;
    const figures = [ours, theirs]
      .map((value) => `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`.padStart(12))
      .join('');
    const verdict = `${ratio.toFixed(2).padStart(6)} ×  ≥ ${bar} ${isMet ? 'met' : 'MISSED'}`;
    console.log(`${name.padEnd(36)}${figures}  ${verdict}${note === undefined ? '' : `  (${note})`}`);
  }
  console.log(missed === 0 ? 'every bar is met' : `${missed} bars missed`);
  if (missed > 0) process.exitCode = 1;
}

function median(values) {
  return percentile(values, 50);
}

function percentile(values, percent) {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

function pause(forMs) {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}
