/** The real kube-scheduler asked for the decisions that ours is tested by. */

import { keyOf, Pods, type Pod } from '@towpath/api';
import { codeOf, Disposer, messageOf, systemClock } from '@towpath/kit';
import { Client, httpTransport, loadKubeconfig } from '@towpath/runtime';
import { NamespaceType, NodeType } from '../../controllers/types.ts';
import { decisions, type Decision } from '../../scheduler/testing/decisions.ts';
import { clientSuite, type SuiteContext, type Tally } from '../client-suite.ts';
import { until } from '../kubectl.ts';
import { buildReal } from '../real/build.ts';
import { startRealControlPlane } from '../real/control-plane.ts';
import type { Suite } from '../suite.ts';

const doneMs = 30_000;

export const scheduler: Suite = clientSuite({
  name: 'scheduler',
  summary: 'decisions and messages of the real kube-scheduler beside ours',
  async run(tally, context) {
    const programs = await realPrograms(context);
    if (typeof programs === 'string') return tally.skip('kube-scheduler', programs);
    const ends = new Disposer();
    try {
      // Nobody makes service accounts or takes the taint of new nodes away.
      const off = '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition';
      const plane = ends.own(await startRealControlPlane({ programs, clock: systemClock, apiServerArgs: [off] }));
      const { transport } = await loadKubeconfig({ file: plane.kubeconfigFile });
      const client = new Client({ transport: httpTransport(transport), fieldManager: 'conformance' });
      await until('the namespaces', doneMs, async () =>
        (await client.get(NamespaceType, { name: 'kube-system' })) === undefined ? undefined : true,
      );
      for (const decision of decisions) await decide(tally, client, decision);
    } finally {
      await ends.dispose();
    }
  },
});

/** Their files, or why there are none. */
async function realPrograms(
  context: SuiteContext,
): Promise<Parameters<typeof startRealControlPlane>[0]['programs'] | string> {
  try {
    return await buildReal(['etcd', 'kube-apiserver', 'kube-scheduler'] as const, { say: context.print });
  } catch (error) {
    if (codeOf(error) === 'GO_MISSING') return messageOf(error);
    throw error;
  }
}

/** The scheduler sees nodes and pods on different watches: an answer that differs is asked for again. */
const attemptsMax = 3;

async function decide(tally: Tally, client: Client, decision: Decision): Promise<void> {
  await tally.run(`kube-scheduler: ${decision.name}`, async () => {
    let outcome = '';
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      outcome = await ask(client, decision);
      if (outcome === decision.decides) return;
    }
    throw new Error(`it decides ${outcome}; ours ${decision.decides}`);
  });
}

async function ask(client: Client, { nodes, wanted }: Decision): Promise<string> {
  await clear(client);
  for (const { node, pods } of nodes) {
    const created = await client.create(NodeType, node);
    const conditions = [{ type: 'Ready', status: 'True' as const }];
    await client.updateStatus(NodeType, { ...created, status: { ...node.status, conditions } });
    const nodeName = node.metadata.name;
    for (const pod of pods) await client.create(Pods, { ...pod, spec: { ...pod.spec, nodeName } });
  }
  await client.create(Pods, wanted);
  return until('a decision', doneMs, async () => outcomeOf(await client.get(Pods, keyOf(wanted))));
}

function outcomeOf(pod: Pod | undefined): string | undefined {
  const scheduled = pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False' ? scheduled.message : pod?.spec.nodeName;
}

/** Pods first: the scheduler must not try the one that waits on the next nodes. */
async function clear(client: Client): Promise<void> {
  for (const pod of (await client.list(Pods)).items) await client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0 });
  await until('no pods', doneMs, async () => ((await client.list(Pods)).items.length === 0 ? true : undefined));
  for (const node of (await client.list(NodeType)).items) await client.delete(NodeType, keyOf(node));
}
