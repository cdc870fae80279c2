/** Where the comparison happens: an API server, one real source-controller, and both helm-controllers beside each other. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRealCluster } from '../adoption/real-cluster.mjs';
import { createApi } from './api.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const versions = { helm: 'v1.6.0', source: 'v1.9.1' };
const startLimitMs = 120_000;

const toolsFolder = join(homedir(), '.cache', 'towpath', 'tools');

/** The file of a program, whether it is there or not. */
export const toolFile = (name, version) => join(toolsFolder, `${name}-${version}`);

/** The programs of others, or `{ missing }`. */
export function findTools(folder = toolsFolder) {
  const tools = {
    helmController: join(folder, `helm-controller-${versions.helm}`),
    sourceController: join(folder, `source-controller-${versions.source}`),
    helm3: join(folder, 'helm3-v3.19.0'),
    helm4: join(folder, 'helm4-v4.3.1'),
  };
  const missing = Object.values(tools).filter((file) => !existsSync(file));
  return missing.length === 0 ? tools : { missing: missing.join(', ') };
}

/** The options of a campaign that gives the same objects to a real controller and to ours. */
export function readOptions() {
  const { values } = parseArgs({
    options: {
      cluster: { type: 'string' },
      only: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      dist: { type: 'string', default: 'dist' },
    },
  });
  return values;
}

/** Runs `compareOn(place)` on each kind of cluster, or the one that is asked for; ends the process when a tool is missing. */
export async function onEachCluster({ cluster: only, dist }, compareOn) {
  const tools = findTools();
  if (tools.missing !== undefined) {
    console.log(`skipped: ${tools.missing} not built (npm run conformance -- cluster controllers builds them)`);
    process.exit(1);
  }
  for (const cluster of only === undefined ? ['embedded', 'real'] : [only]) {
    console.log(`── ${cluster}`);
    await withPlace({ dist, cluster, tools }, compareOn);
  }
}

/** Runs `use(place)` on the embedded cluster or a real control plane, and ends everything it started. */
export async function withPlace({ dist = 'dist', cluster, kubeconfig: given, tools }, use) {
  const work = mkdtempSync(join(tmpdir(), `towpath-releases-${cluster}-`));
  mkdirSync(join(work, 'home'));
  const ends = [];
  try {
    const up = await startUp(join(root, dist, 'towpath.js'), work, ends);
    const real = cluster === 'real' ? await startRealCluster({ root, kubeconfig: given }) : undefined;
    if (real?.missing !== undefined) throw new Error(real.missing);
    if (real !== undefined) ends.push(() => real.dispose?.());
    const kubeconfig = real?.kubeconfig ?? up.kubeconfig;
    const api = await createApi(kubeconfig);
    const place = { root, dist: join(root, dist), work, kubeconfig, api, up, tools, ends };
    return await use(place);
  } finally {
    for (const end of ends.toReversed()) await end();
    rmSync(work, { recursive: true, force: true });
  }
}

/** `towpath up --bare`: the embedded cluster, and the registry for OCI charts. */
async function startUp(program, work, ends) {
  const log = openSync(join(work, 'up.log'), 'a');
  const args = [program, 'up', '--bare', '--data', join(work, 'data')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
  ends.push(() => stop(child));
  const file = join(work, 'data', 'ready.json');
  const until = Date.now() + startLimitMs;
  while (Date.now() < until && child.exitCode === null) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`towpath up is not ready: ${readFileSync(join(work, 'up.log'), 'utf8').slice(-2000)}`);
}

/** Starts a program whose output is kept; `peakRssMib()` is the most memory it has had. */
export function startProgram(place, name, file, args, env = {}) {
  const logFile = join(place.work, `${name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(file, args, {
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env.PATH,
      HOME: join(place.work, 'home'),
      TMPDIR: place.work,
      KUBECONFIG: place.kubeconfig,
      ...env,
    },
  });
  const end = () => stop(child);
  place.ends.push(end);
  return {
    output: () => readFileSync(logFile, 'utf8'),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    peakRssMib() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    },
    cpuSeconds() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    stop: end,
  };
}

/** The real source-controller, which serves the artifacts to both. */
export async function startSourceController(place, { namespace = 'flux-system', args: more = [] } = {}) {
  const address = `127.0.0.1:${await freePort()}`;
  const storage = join(place.work, 'artifacts');
  mkdirSync(storage, { recursive: true });
  const args = ['--metrics-addr=0', '--health-addr=0', '--storage-path', storage, '--storage-addr', address];
  const program = startProgram(
    place,
    'source-controller',
    place.tools.sourceController,
    [...args, '--storage-adv-addr', address, '--concurrent=10', ...more],
    {
      RUNTIME_NAMESPACE: namespace,
    },
  );
  return { ...program, address };
}

/** Our source-controller, for one namespace. */
export async function startOurSources(place, namespace) {
  const address = `127.0.0.1:${await freePort()}`;
  const own = ['controller', 'source-controller', '--watch-all-namespaces=false'];
  const args = [join(place.dist, 'towpath.js'), ...own, `--storage-addr=${address}`, `--storage-adv-addr=${address}`];
  const pod = { POD_NAMESPACE: namespace, POD_NAME: 'ours' };
  return { ...startProgram(place, 'our-sources', process.execPath, args, pod), address };
}

/** Theirs, for one namespace. */
export function startTheirs(place, namespace, args = []) {
  const common = ['--metrics-addr=0', '--health-addr=0', '--watch-all-namespaces=false'];
  return startProgram(place, 'theirs', place.tools.helmController, [...common, ...args], {
    RUNTIME_NAMESPACE: namespace,
  });
}

/** Ours, for one namespace. */
export function startOurs(place, namespace, args = []) {
  const program = join(place.dist, 'towpath.js');
  const own = [program, 'controller', 'helm-controller', '--watch-all-namespaces=false', ...args];
  return startProgram(place, 'ours', process.execPath, own, { POD_NAMESPACE: namespace, POD_NAME: 'ours' });
}

export function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs a program to its end; throws with its output. */
export function must(file, args, options = {}) {
  const run = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options });
  if (run.status !== 0) throw new Error(`${file} ${args.join(' ')}: ${run.stderr || run.error?.message}`);
  return run.stdout;
}
