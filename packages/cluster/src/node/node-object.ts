/** A node as an object: registered at start, kept alive by its Lease and its Ready condition. */

import { isConditionTrue, Leases, Nodes, setCondition, type AnyObject, type Condition } from '@towpath/api';
import { background, isRecord, messageOf, type Clock, type Logger } from '@towpath/kit';
import { isAlreadyExists, isConflict, type Client } from '@towpath/runtime';

/** What the node says of itself. */
export interface NodeFacts {
  readonly name: string;
  /** Virtual, like every address of the embedded cluster; of a joined one, where the kubelet's server listens. */
  readonly hostIP: string;
  readonly podCIDR: string;
  readonly cpu: string;
  readonly memory: string;
  readonly pods: string;
  /** GOARCH, GOOS */
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly osImage: string;
  readonly kernelVersion: string;
  /** e.g. `process://namespaces` */
  readonly containerRuntime: string;
  readonly kubeletVersion: string;
  /** Of the kubelet's own server; absent where the API server reaches the nodes directly. */
  readonly kubeletPort?: number | undefined;
  readonly machineId: string;
}

const leaseNamespace = 'kube-node-lease';
/** Source: Kubernetes, node heartbeats: 40 s leases renewed at a quarter, status at least every 5 minutes. */
const leaseSeconds = 40;
const renewMs = 10_000;
const statusMs = 300_000;

export interface NodeHeart {
  dispose(): Promise<void>;
}

export interface NodeHeartDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly facts: NodeFacts;
  /** Its end is told: the cluster goes on without it. */
  readonly tellsEnd: boolean;
}

/** Creates or updates the Node, then renews its lease until disposed. Resolves when the node is Ready. */
export async function startNodeHeart({ client, clock, log, facts, tellsEnd }: NodeHeartDeps): Promise<NodeHeart> {
  const stop = new AbortController();
  await register(client, facts);
  await writeStatus(client, clock, facts);
  await renewLease(client, clock, facts.name);

  async function beat(): Promise<void> {
    let writtenAtMs = clock.monotonicMs();
    while (!stop.signal.aborted) {
      await clock.sleep(renewMs, stop.signal);
      try {
        await renewLease(client, clock, facts.name);
        // After a pause of the whole machine the node may have been given up meanwhile.
        if (clock.monotonicMs() - writtenAtMs < statusMs && (await isReady(client, facts.name))) continue;
        await writeStatus(client, clock, facts);
        writtenAtMs = clock.monotonicMs();
      } catch (error) {
        log.warn('node heartbeat failed', { node: facts.name, error: messageOf(error) });
      }
    }
  }
  const beating = beat();
  background('node heartbeat', beating, log);
  return {
    async dispose() {
      stop.abort();
      await beating.catch(() => {});
      if (!tellsEnd) return;
      await writeStatus(client, clock, facts, stopped).catch((error: unknown) => {
        log.warn('the end of the node could not be told', { node: facts.name, error: messageOf(error) });
      });
    },
  };
}

async function isReady(client: Client, name: string): Promise<boolean> {
  return isConditionTrue(conditionsOf(await client.get(Nodes, { name })), 'Ready');
}

function conditionsOf(node: AnyObject | undefined): readonly Condition[] {
  const status = node?.['status'];
  // The API server has validated them.
  return isRecord(status) && Array.isArray(status['conditions']) ? (status['conditions'] as Condition[]) : [];
}

async function register(client: Client, facts: NodeFacts): Promise<void> {
  const labels = {
    'kubernetes.io/hostname': facts.name,
    'kubernetes.io/os': facts.operatingSystem,
    'kubernetes.io/arch': facts.architecture,
    'beta.kubernetes.io/os': facts.operatingSystem,
    'beta.kubernetes.io/arch': facts.architecture,
    'towpath.dev/runtime': facts.containerRuntime
      .replace('://', '-')
      .replace(/[^\w.-]/g, '_')
      .slice(0, 63),
  };
  const node: AnyObject = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: facts.name, labels },
    spec: { podCIDR: facts.podCIDR, podCIDRs: [facts.podCIDR], providerID: `towpath://${facts.name}` },
  };
  try {
    await client.create(Nodes, node);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await client.patch(Nodes, { name: facts.name }, { metadata: { labels } }, { kind: 'merge' });
  }
}

type Readiness = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const ready: Readiness = {
  type: 'Ready',
  status: 'True',
  reason: 'KubeletReady',
  message: 'kubelet is posting ready status',
};
const stopped: Readiness = { type: 'Ready', status: 'False', reason: 'KubeletStopped', message: 'kubelet was stopped' };

async function writeStatus(client: Client, clock: Clock, facts: NodeFacts, readiness = ready): Promise<void> {
  const found = await client.get(Nodes, { name: facts.name });
  const resources = { cpu: facts.cpu, memory: facts.memory, pods: facts.pods, 'ephemeral-storage': '50Gi' };
  const status = {
    ...(facts.kubeletPort !== undefined && {
      daemonEndpoints: { kubeletEndpoint: { Port: facts.kubeletPort } },
    }),
    capacity: resources,
    allocatable: resources,
    addresses: [
      { type: 'InternalIP', address: facts.hostIP },
      // Kube-apiserver would look the name up to reach the kubelet's server, and nobody else knows it.
      ...(facts.kubeletPort === undefined ? [{ type: 'Hostname', address: facts.name }] : []),
    ],
    conditions: conditions(conditionsOf(found), readiness, clock.nowMs()),
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.machineId,
      bootID: facts.machineId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: facts.containerRuntime,
      kubeletVersion: facts.kubeletVersion,
      kubeProxyVersion: facts.kubeletVersion,
      operatingSystem: facts.operatingSystem,
      architecture: facts.architecture,
    },
  };
  await client.patch(Nodes, { name: facts.name }, { status }, { kind: 'merge', subresource: 'status' });
}

function conditions(before: readonly Condition[], readiness: Readiness, nowMs: number): Record<string, unknown>[] {
  const heartbeat = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
  const sound = [
    ['MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ] as const;
  let all: Condition[] = [...before];
  for (const [type, reason, message] of sound)
    all = setCondition(all, { type, status: 'False', reason, message }, nowMs);
  all = setCondition(all, readiness, nowMs);
  return all.map((condition) => ({ ...condition, lastHeartbeatTime: heartbeat }));
}

async function renewLease(client: Client, clock: Clock, node: string): Promise<void> {
  const renewTime = new Date(clock.nowMs()).toISOString().replace('Z', '000Z');
  const key = { namespace: leaseNamespace, name: node };
  const spec = { holderIdentity: node, leaseDurationSeconds: leaseSeconds, renewTime };
  try {
    const found = await client.get(Leases, key);
    if (found === undefined) {
      const lease: AnyObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key, spec };
      await client.create(Leases, lease);
    } else await client.patch(Leases, key, { spec }, { kind: 'merge' });
  } catch (error) {
    if (!isAlreadyExists(error) && !isConflict(error)) throw error;
  }
}
