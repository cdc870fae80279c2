/** The kubelets of the virtual nodes: every pod that is bound to one of them gets a worker. */

import { Pods, type Pod } from '@towpath/api';
import { background, messageOf, type Clock, type Logger } from '@towpath/kit';
import { createInformer, createRecorder, type Client, type EventInput, type Recorder } from '@towpath/runtime';
import { createAddressPool, type AddressPool } from './addresses.ts';
import { identityOf } from './core.ts';
import { removeUnknown } from './leftovers.ts';
import type { NodeFacts } from './node-object.ts';
import type { NodeContext } from './pod/node-context.ts';
import { PodWorker } from './pod/pod-worker.ts';

export interface Kubelets {
  worker(uid: string): PodWorker | undefined;
  workers(): readonly PodWorker[];
  /** Stops every pod at once, without a word to the API. */
  dispose(): Promise<void>;
}

export interface KubeletDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodes: readonly NodeFacts[];
  /** Everything but what a kubelet adds: the events of its node. */
  readonly context: Omit<NodeContext, 'event'>;
}

interface LocalNode {
  readonly facts: NodeFacts;
  readonly recorder: Recorder;
  readonly addresses: AddressPool;
  /** The end of the events that are being written: a recorder writes them one after another. */
  told: Promise<void>;
}

/** Resolves when the pods that exist have their workers. */
export async function startKubelets(deps: KubeletDeps): Promise<Kubelets> {
  const { client, clock, log } = deps;
  const workers = new Map<string, PodWorker>();
  const nodes = localNodes(deps);
  let isStopping = false;
  const informer = createInformer({ client, type: Pods, clock, log });
  const unsubscribe = informer.onChange(({ type, object }) => {
    const { uid } = identityOf(object);
    const known = workers.get(uid);
    if (type === 'delete') {
      if (known !== undefined) background('remove pod', known.remove(), log);
    } else if (known !== undefined) known.update(object);
    else adopt(object);
  });

  function adopt(pod: Pod): void {
    const node = nodes.get(pod.spec.nodeName ?? '');
    if (node === undefined) return;
    const { uid } = identityOf(pod);
    let podIP: string;
    try {
      podIP = node.addresses.take(pod.status?.podIP);
    } catch (error) {
      const message = `Failed to create pod sandbox: ${messageOf(error)}`;
      tell(node, pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', message });
      return;
    }
    const worker = new PodWorker({
      context: { ...deps.context, event: (object, input) => tell(node, object, input) },
      pod,
      podIP,
      facts: { hostIP: node.facts.hostIP, allocatable: { cpu: node.facts.cpu, memory: node.facts.memory } },
      onGone: () => {
        if (workers.get(uid) !== worker) return;
        workers.delete(uid);
      },
      onAddressFree: () => node.addresses.release(podIP),
    });
    workers.set(uid, worker);
    worker.start();
  }

  /** Containers that end because the node ends are no news of their pods: they are started again with the node. */
  function tell(node: LocalNode, pod: Pod, input: EventInput): void {
    if (!isStopping) node.told = node.recorder.event(pod, input);
  }

  informer.start();
  await informer.synced();
  await removeUnknown(deps.context.paths, new Set(informer.list().map((pod) => identityOf(pod).uid)));
  return {
    worker: (uid) => workers.get(uid),
    workers: () => [...workers.values()],
    async dispose() {
      isStopping = true;
      unsubscribe();
      await informer.dispose();
      await Promise.all([...workers.values()].map((worker) => worker.shutDown()));
      await Promise.all([...nodes.values()].map((node) => node.told));
    },
  };
}

function localNodes({ nodes, client, clock, log }: KubeletDeps): Map<string, LocalNode> {
  const localOf = (facts: NodeFacts): LocalNode => ({
    facts,
    recorder: createRecorder({ client, component: 'kubelet', host: facts.name, clock, log }),
    addresses: createAddressPool(facts.podCIDR),
    told: Promise.resolve(),
  });
  return new Map(nodes.map((facts) => [facts.name, localOf(facts)]));
}
