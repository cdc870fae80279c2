/** Decisions of kube-scheduler 1.34 as data: asserted of ours in the unit tests, asked of the real one in conformance. */

import type { Pod } from '@towpath/api';
import type { Node } from '../../controllers/types.ts';

export interface Decision {
  readonly name: string;
  /** Each with the pods that run there. */
  readonly nodes: readonly { readonly node: Node; readonly pods: readonly Pod[] }[];
  readonly wanted: Pod;
  /** The name of the node, or the message of the condition PodScheduled. */
  readonly decides: string;
}

interface NodeFacts {
  readonly labels?: Record<string, string>;
  readonly taints?: { key: string; value?: string; effect: string }[];
  readonly unschedulable?: boolean;
  readonly cpu?: string;
  readonly memory?: string;
}

interface PodFacts {
  readonly labels?: Record<string, string>;
  readonly cpu?: string;
  readonly memory?: string;
  readonly namespace?: string;
  readonly hostPort?: number;
  readonly spec?: Record<string, unknown>;
}

const namespace = 'default';
let podCount = 0;

function node(name: string, facts: NodeFacts, ...pods: readonly PodFacts[]): Decision['nodes'][number] {
  const { labels, taints, unschedulable, cpu = '4', memory = '4Gi' } = facts;
  const capacity = { cpu, memory, pods: '110' };
  return {
    node: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec: { ...(taints !== undefined && { taints }), ...(unschedulable !== undefined && { unschedulable }) },
      status: { capacity, allocatable: capacity },
    },
    pods: pods.map((pod) => podOf(`there-${++podCount}`, pod)),
  };
}

function podOf(name: string, facts: PodFacts): Pod {
  const { labels, cpu, memory, hostPort, spec } = facts;
  const requests = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const ports = hostPort === undefined ? {} : { ports: [{ containerPort: hostPort, hostPort }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: facts.namespace ?? namespace, labels: labels ?? {} },
    spec: { containers: [{ name: 'a', image: 'img', resources: { requests }, ...ports }], ...spec },
  };
}

const want = (facts: PodFacts): Pod => podOf('wanted', facts);
const zone = (name: string): { labels: Record<string, string> } => ({ labels: { zone: name } });
const web = { labels: { app: 'web' } };
const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' };
const spread = (more: object): { spec: Record<string, unknown> } => ({
  spec: {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
        ...more,
      },
    ],
  },
});
const affinity = (member: string, value: object): { spec: Record<string, unknown> } => ({
  spec: { affinity: { [member]: value } },
});
const required = (...terms: object[]): object => ({ requiredDuringSchedulingIgnoredDuringExecution: terms });
const preferred = (...terms: object[]): object => ({
  preferredDuringSchedulingIgnoredDuringExecution: terms.map((podAffinityTerm) => ({ weight: 50, podAffinityTerm })),
});
const inZone = (name: string): object => ({ matchExpressions: [{ key: 'zone', operator: 'In', values: [name] }] });

/** What keeps pods away, and what the message says then. */
const filters: readonly Decision[] = [
  {
    name: 'no room',
    nodes: [node('a', {}, { cpu: '3' }), node('b', { cpu: '1' })],
    wanted: want({ cpu: '2', memory: '8Gi' }),
    decides:
      '0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
  },
  {
    name: 'room that others have taken',
    nodes: [node('a', {}, { cpu: '3' }), node('b', { cpu: '1' })],
    wanted: want({ cpu: '2' }),
    decides:
      '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  },
  {
    name: 'a pod that comes first may be near itself',
    nodes: [node('a', {}), node('b', {}, { cpu: '2' })],
    wanted: want({ ...web, cpu: '1', ...affinity('podAffinity', required(term)) }),
    decides: 'a',
  },
  {
    name: 'each node for its own reason',
    nodes: [
      node('a', { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] }),
      node('b', { unschedulable: true }),
      node('c', {}),
      node('d', { ...zone('z'), cpu: '1' }),
    ],
    wanted: want({ cpu: '2', spec: { nodeSelector: { zone: 'z' } } }),
    decides:
      "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
  },
  {
    name: 'a host port that is taken',
    nodes: [node('a', {}, { hostPort: 80 })],
    wanted: want({ hostPort: 80 }),
    decides:
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  },
  {
    name: 'apart from its like',
    nodes: [node('a', {}, web)],
    wanted: want({ ...web, ...affinity('podAntiAffinity', required(term)) }),
    decides:
      "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  },
  {
    name: 'kept off by a pod that is there',
    nodes: [node('a', {}, { labels: { app: 'db' }, ...affinity('podAntiAffinity', required(term)) })],
    wanted: want(web),
    decides:
      "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  },
  {
    name: 'near what is not there',
    nodes: [node('a', {}), node('b', {})],
    wanted: want({ labels: { app: 'api' }, ...affinity('podAffinity', required(term)) }),
    decides:
      "0/2 nodes are available: 2 node(s) didn't match pod affinity rules. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  },
  {
    name: 'near every term, by pods that match all of them',
    nodes: [node('a', {}, web), node('b', {}, { labels: { app: 'web', tier: 'x' } })],
    wanted: want({
      labels: { app: 'api' },
      ...affinity('podAffinity', required(term, { ...term, labelSelector: { matchLabels: { tier: 'x' } } })),
    }),
    decides: 'b',
  },
  {
    name: 'near pods of namespaces by their labels',
    nodes: [node('a', {}, web), node('b', {}, { ...web, namespace: 'kube-system' })],
    wanted: want(
      affinity(
        'podAffinity',
        required({ ...term, namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }),
      ),
    ),
    decides: 'b',
  },
];

/** Constraints that must be met. */
const spreads: readonly Decision[] = [
  {
    name: 'the emptier zone',
    nodes: [node('a', zone('x'), web), node('b', zone('y'), { cpu: '2' })],
    wanted: want({ ...web, ...spread({}) }),
    decides: 'b',
  },
  {
    name: 'fewer domains than minDomains',
    nodes: [node('a', zone('x'), web), node('b', zone('y'), web)],
    wanted: want({ ...web, ...spread({ minDomains: 3 }) }),
    decides:
      "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
  },
  {
    name: 'pods of another version do not count',
    nodes: [
      node('a', zone('x'), { labels: { app: 'web', version: '1' } }),
      node('b', zone('y'), { labels: { app: 'web', version: '2' } }),
    ],
    wanted: want({ labels: { app: 'web', version: '2' }, ...spread({ matchLabelKeys: ['version'] }) }),
    decides: 'a',
  },
  {
    name: 'nodes that the pod does not select are no domains',
    nodes: [node('a', zone('x'), web), node('b', zone('y'))],
    wanted: want({ ...web, spec: { ...spread({}).spec, nodeSelector: { zone: 'x' } } }),
    decides: 'a',
  },
  {
    name: 'unless the policy ignores the affinity',
    nodes: [node('a', zone('x'), web), node('b', zone('y'))],
    wanted: want({
      ...web,
      spec: { ...spread({ nodeAffinityPolicy: 'Ignore' }).spec, nodeSelector: { zone: 'x' } },
    }),
    decides:
      "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod topology spread constraints. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
  },
  {
    name: 'nodes with taints are domains',
    nodes: [node('a', zone('x'), web), node('b', { ...zone('y'), taints: [{ key: 'k', effect: 'NoSchedule' }] })],
    wanted: want({ ...web, ...spread({}) }),
    decides:
      "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
  },
  {
    name: 'unless the policy honours them',
    nodes: [node('a', zone('x'), web), node('b', { ...zone('y'), taints: [{ key: 'k', effect: 'NoSchedule' }] })],
    wanted: want({ ...web, ...spread({ nodeTaintsPolicy: 'Honor' }) }),
    decides: 'a',
  },
  {
    name: 'a node without the label',
    nodes: [node('a', {})],
    wanted: want({ ...web, ...spread({}) }),
    decides:
      "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
  },
];

/** Nodes that all fit: the best score wins. */
const scores: readonly Decision[] = [
  {
    name: 'the most room',
    nodes: [node('a', {}, { cpu: '2', memory: '2Gi' }), node('b', {}, { cpu: '1', memory: '1Gi' })],
    wanted: want({ cpu: '500m', memory: '512Mi' }),
    decides: 'b',
  },
  {
    name: 'cpu and memory used in like parts',
    nodes: [node('a', {}, { cpu: '2' }), node('b', {}, { cpu: '1', memory: '1Gi' })],
    wanted: want({ cpu: '500m', memory: '512Mi' }),
    decides: 'b',
  },
  {
    name: 'a preferred node is worth more than room',
    nodes: [node('a', zone('x'), { cpu: '2' }), node('b', zone('y'))],
    wanted: want({
      cpu: '1',
      ...affinity('nodeAffinity', {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: inZone('x') }],
      }),
    }),
    decides: 'a',
  },
  {
    name: 'the sum of the weights',
    nodes: [node('a', { labels: { zone: 'x', disk: 'ssd' } }, { cpu: '2' }), node('b', zone('y'))],
    wanted: want({
      ...affinity('nodeAffinity', {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 5, preference: inZone('y') },
          { weight: 3, preference: inZone('x') },
          { weight: 4, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } },
        ],
      }),
    }),
    decides: 'a',
  },
  {
    name: 'not where it is only reluctantly taken',
    nodes: [node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), node('b', {}, { cpu: '3' })],
    wanted: want({ cpu: '500m' }),
    decides: 'b',
  },
  {
    name: 'near the pods it likes',
    nodes: [node('a', {}, { ...web, cpu: '1' }), node('b', {})],
    wanted: want({ cpu: '100m', ...affinity('podAffinity', preferred(term)) }),
    decides: 'a',
  },
  {
    name: 'apart from the pods it dislikes',
    nodes: [node('a', {}, web), node('b', {}, { cpu: '2' })],
    wanted: want({ cpu: '100m', ...affinity('podAntiAffinity', preferred(term)) }),
    decides: 'b',
  },
  {
    name: 'near the pods that like it',
    nodes: [node('a', {}, { cpu: '1', ...affinity('podAffinity', preferred(term)) }), node('b', {})],
    wanted: want({ ...web, cpu: '100m' }),
    decides: 'a',
  },
  {
    name: 'near the pods that require it',
    nodes: [node('a', {}, { ...web, cpu: '1', ...affinity('podAffinity', required(term)) }), node('b', {})],
    wanted: want({ ...web, cpu: '100m' }),
    decides: 'a',
  },
  {
    name: 'spread where it need not be',
    nodes: [node('a', zone('x'), web, web), node('b', zone('y'), { cpu: '2', ...web })],
    wanted: want({ ...web, cpu: '100m', ...spread({ whenUnsatisfiable: 'ScheduleAnyway' }) }),
    decides: 'b',
  },
  {
    name: 'a node without the label of a constraint that need not be met',
    nodes: [node('a', {}), node('b', zone('y'), { cpu: '2', ...web })],
    wanted: want({ ...web, cpu: '100m', ...spread({ whenUnsatisfiable: 'ScheduleAnyway' }) }),
    decides: 'b',
  },
];

export const decisions: readonly Decision[] = [...filters, ...spreads, ...scores];
