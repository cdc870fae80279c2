/** What `towpath init` writes, given to the real helm and to a real kube-apiserver with Flagger's own CRDs. */

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRealCluster } from '../adoption/real-cluster.mjs';
import { expect, findProgram, Walk } from '../walk.mjs';

const flaggerModule = 'github.com/fluxcd/flagger@v1.36.1';

/** Rows of `[title, run]` and their end, or `{ missing }`: what to do. */
export async function realRows({ root, dist, samples }) {
  const helm = [join(homedir(), '.cache/towpath/tools/helm3-v3.19.0'), findProgram('helm')].find(
    (file) => file !== undefined && existsSync(file),
  );
  if (helm === undefined) return { missing: 'helm is neither on PATH nor built: npm run conformance -- cluster helm' };
  if (findProgram('kubectl') === undefined) return { missing: 'kubectl is not on PATH: install it and run again' };
  const crds = flaggerCrds();
  if (crds === undefined) return { missing: `Flagger's CRDs are not here: go mod download ${flaggerModule}` };
  const real = await startRealCluster({ root });
  if (real.missing !== undefined) return real;
  const work = mkdtempSync(join(tmpdir(), 'towpath-init-real-'));
  mkdirSync(join(work, 'home'));
  const walk = new Walk({ root, dist, work, ready: { git: '', kubeconfig: real.kubeconfig } });
  const end = async () => {
    await real.dispose?.();
    rmSync(work, { recursive: true, force: true });
  };
  try {
    for (const file of [crds, join(root, 'charts/helm-operator/crds')])
      await walk.kubectl('apply', '--server-side', '-f', file);
    await walk.kubectl('wait', '--for=condition=Established', 'crd', '--all');
  } catch (error) {
    await end();
    throw error;
  }
  return {
    end,
    rows: samples.map((sample) => [
      `${sample.folder}: valid to helm and kube-apiserver`,
      () => valid(walk, { helm, sample }),
    ]),
  };
}

/** Of the Go module, where it is downloaded. */
function flaggerCrds() {
  const cache = process.env.GOMODCACHE ?? join(process.env.GOPATH ?? join(homedir(), 'go'), 'pkg', 'mod');
  const file = join(cache, flaggerModule, 'artifacts/flagger/crd.yaml');
  return existsSync(file) ? file : undefined;
}

async function valid(walk, { helm, sample: { folder, name } }) {
  const cwd = join(walk.work, name);
  cpSync(join(walk.root, 'examples/init', folder), cwd, { recursive: true });
  await walk.must('git', ['init', '-q'], { cwd });
  await walk.must(process.execPath, [walk.program, 'init'], { cwd });
  const namespace = join(cwd, 'deploy/namespaces', `${name}.yaml`);
  const releases = join(cwd, 'deploy/releases');
  await walk.kubectl('apply', '-f', namespace);
  await dryRun(walk, ['-f', releases], 2);
  const charts = readdirSync(join(cwd, 'deploy/charts'));
  expect(charts.length === 2, 'there are not two charts', charts.join());
  for (const chart of charts) {
    const path = join(cwd, 'deploy/charts', chart);
    const lint = await walk.must(helm, ['lint', '--strict', path], { cwd });
    expect(!/\[(?:WARNING|ERROR)\]/.test(lint.all), 'helm lint warns', lint.all);
    const text = await walk.must(helm, ['template', chart, path, '-n', name], { cwd });
    const kinds = text.stdout.match(/^kind: \w+$/gm) ?? [];
    await dryRun(walk, ['-n', name, '-f', '-'], kinds.length, text.stdout);
  }
}

/** Every field known: what a typing error would make is refused, not warned of. */
async function dryRun(walk, args, count, input) {
  const answer = await walk.must('kubectl', ['apply', '--dry-run=server', '--validate=strict', ...args], { input });
  const lines = answer.stdout.match(/ (?:created|configured) \(server dry run\)$/gm) ?? [];
  expect(lines.length === count && count > 0, `expected ${count} objects`, answer.all);
}
