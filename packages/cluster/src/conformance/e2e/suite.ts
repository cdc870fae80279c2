/** The conformance specs of Kubernetes that a control plane passes without a kubelet, by e2e.test compiled from its Go module. */

import { join } from 'node:path';
import type { Disposable } from '@towpath/kit';
import { systemClock, toTimestamp } from '@towpath/kit';
import { applyYaml } from '../apply.ts';
import { clientSuite, type SuiteContext, type Tally } from '../client-suite.ts';
import { findGoProgram, type GoProgram } from '../go-program.ts';
import { tallyReport } from '../ginkgo.ts';
import { findKubectls } from '../kubectl-skew/find.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { runProgram } from '../run-program.ts';
import type { Suite } from '../suite.ts';
import specs from './specs.json' with { type: 'json' };

interface Spec {
  readonly name: string;
  /** What it took against a real control plane, for sharing the work out. */
  readonly seconds: number;
  /** What it is about is not there at all: it would only wait for its time limit. */
  readonly notRun?: string;
}

const program: GoProgram = {
  name: 'e2e.test',
  module: 'k8s.io/kubernetes',
  version: 'v1.34.4',
  package: 'k8s.io/kubernetes/test/e2e',
  isTest: true,
  besideVersion: 'v0.34.4',
};
/** Of the specs in the list. */
const leastPassed = 70;
/** Processes beside one another; specs marked [Serial] run after them, alone. */
const shardCount = 8;
const timeoutMs = 30 * 60_000;
/** A node that says nothing for 40 s is no longer ready. */
const heartbeatMs = 10_000;
const nodeName = 'conformance';

/** Passes from 70 specs. */
export const e2e: Suite = clientSuite({
  name: 'e2e',
  summary: 'the conformance specs of Kubernetes that need no kubelet',
  isEnough: ({ passed }) => passed.length >= leastPassed,
  async run(tally, context) {
    const found = await findGoProgram(program, context);
    if ('missing' in found) return tally.skip('e2e.test', found.missing);
    const kubectl = (await findKubectls([context.toolsFolder])).at(-1);
    if (kubectl === undefined) return tally.skip('e2e.test', 'no kubectl on PATH or in the tools folder');
    const wanted = (specs as readonly Spec[]).filter(
      ({ name }) => context.only === undefined || name.includes(context.only),
    );
    for (const { name, notRun } of wanted) if (notRun !== undefined) tally.fail(name, notRun);
    const runnable = wanted.filter(({ notRun }) => notRun === undefined);
    const server = await startOwnServer({ hasControllers: true, hasScheduler: false });
    const node = await keepNode(server);
    const run = { tally, context, server, command: found.path, kubectl: kubectl.path };
    try {
      const serial = runnable.filter(({ name }) => name.includes('[Serial]'));
      const parallel = runnable.filter((spec) => !serial.includes(spec));
      await Promise.all(shards(parallel).map((shard, index) => runSpecs(shard, `parallel-${index}`, run)));
      await runSpecs(serial, 'serial', run);
    } finally {
      await node.dispose();
      await server.dispose();
    }
    printAreas(wanted, tally, context);
  },
});

interface Run {
  readonly tally: Tally;
  readonly context: SuiteContext;
  readonly server: OwnServer;
  readonly command: string;
  readonly kubectl: string;
}

async function runSpecs(chosen: readonly Spec[], label: string, run: Run): Promise<void> {
  if (chosen.length === 0) return;
  const { tally, context, server, command, kubectl } = run;
  const report = join(server.folder, `${label}.json`);
  const focus = chosen.map(({ name }) => `--ginkgo.focus=${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  const answer = await runProgram(
    command,
    [
      `--kubeconfig=${server.kubeconfig}`,
      `--kubectl-path=${kubectl}`,
      '--provider=skeleton',
      '--allowed-not-ready-nodes=-1',
      '--minStartupPods=0',
      '--ginkgo.no-color',
      `--ginkgo.timeout=${timeoutMs / 60_000}m`,
      `--ginkgo.json-report=${report}`,
      ...focus,
    ],
    { cwd: server.folder, env: { HOME: server.folder }, timeoutMs: timeoutMs + 60_000 },
  );
  if (context.isVerbose) context.print(answer.stdout + answer.stderr);
  const before = new Set([...tally.passed, ...tally.failed.map(({ name }) => name)]);
  const said = answer.stderr.trim().slice(-400) || `exit code ${String(answer.code)}`;
  await tallyReport({ file: report, tally }).catch(() => tally.fail(label, `no report: ${said}`));
  const known = new Set([...tally.passed, ...tally.failed.map(({ name }) => name)]);
  for (const { name } of chosen) if (!known.has(name) && !before.has(name)) tally.fail(name, 'it did not run');
}

/** Shares the specs out so that each shard takes about as long. */
function shards(chosen: readonly Spec[]): readonly (readonly Spec[])[] {
  const loads = Array.from({ length: shardCount }, () => ({ seconds: 0, specs: [] as Spec[] }));
  for (const spec of chosen.toSorted((a, b) => b.seconds - a.seconds)) {
    const least = loads.reduce((best, load) => (load.seconds < best.seconds ? load : best));
    least.specs.push(spec);
    // Even a spec that takes no time has its namespace made and removed.
    least.seconds += spec.seconds + 1;
  }
  return loads.map((load) => load.specs);
}

/** A Node object that stays Ready with nobody behind it: pods are made and never run. */
async function keepNode({ client }: OwnServer): Promise<Disposable> {
  const path = `/api/v1/nodes/${nodeName}`;
  const lease = (renewTime: string): string =>
    JSON.stringify({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: nodeName },
      spec: { holderIdentity: nodeName, leaseDurationSeconds: 40, renewTime },
    });
  await applyYaml(client, `{apiVersion: v1, kind: Node, metadata: {name: ${nodeName}}}`);
  const beat = async (): Promise<void> => {
    const nowMs = systemClock.nowMs();
    const now = toTimestamp(nowMs);
    await applyYaml(client, lease(new Date(nowMs).toISOString().replace('Z', '000Z')), 'kube-node-lease');
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Kept',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    };
    await client.request({
      method: 'PATCH',
      path: `${path}/status`,
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
      body: JSON.stringify({ status: { conditions: [condition], capacity: { pods: '110', cpu: '4', memory: '8Gi' } } }),
    });
  };
  await beat();
  const ending = new AbortController();
  const beating = (async () => {
    while (!ending.signal.aborted) {
      await systemClock.sleep(heartbeatMs, ending.signal).catch(() => {});
      if (!ending.signal.aborted) await beat();
    }
  })();
  return {
    async dispose() {
      ending.abort();
      await beating;
    },
  };
}

function printAreas(wanted: readonly Spec[], tally: Tally, context: SuiteContext): void {
  const area = (name: string): string => /^\[sig-([\w-]+)\]/.exec(name)?.[1] ?? 'other';
  const passed = new Set(tally.passed);
  const areas = new Map<string, { passed: number; all: number }>();
  for (const { name } of wanted) {
    const count = areas.get(area(name)) ?? { passed: 0, all: 0 };
    areas.set(area(name), { passed: count.passed + (passed.has(name) ? 1 : 0), all: count.all + 1 });
  }
  for (const [name, count] of [...areas].toSorted(([a], [b]) => a.localeCompare(b)))
    context.print(`  ${name}: ${count.passed} of ${count.all}`);
}
