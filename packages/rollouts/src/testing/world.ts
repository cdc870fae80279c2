/** A small world for tests: a real API server, Deployments that become ready, and a metrics server that is scripted. */

import { readFileSync } from 'node:fs';
import {
  Canaries,
  CustomResourceDefinitions,
  Deployments,
  Events,
  Namespaces,
  Pods,
  parseApiVersion,
  Services,
  VirtualServices,
  type AnyObject,
  type Deployment,
  type KubeObject,
  type ResourceType,
  type Transport,
} from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { parseAllYaml, present, silentLogger } from '@towpath/kit';
import { FakeClock, settle } from '@towpath/kit/testing';
import { Client, createRecorder } from '@towpath/runtime';
import type { Canary } from '../canary.ts';
import { createRolloutController, type RolloutController } from '../controller.ts';
import { createNarrator } from '../narrate.ts';
import type { LabelledValue, Measurement, MetricProviderFactory } from '../providers/provider.ts';
import { createRolloutMetrics } from '../rollout-metrics.ts';
import { istioRouter } from '../router/istio.ts';

export const namespace = 'microservices-demo';

/** What the metrics server answers; set by the test. */
interface Script {
  measure: (query: string) => Measurement;
  values: (query: string) => readonly LabelledValue[];
  online: string | undefined;
}

export interface World {
  readonly clock: FakeClock;
  /** As somebody else than the controller: kubectl, Helm. */
  readonly client: Client;
  readonly script: Script;
  readonly log: string[];
  /** Field managers of the controller's writes. */
  readonly writers: Set<string>;
  /** Lets that many seconds pass; Deployments become ready as they do. */
  pass(seconds: number): Promise<void>;
  canary(): Promise<Canary>;
  /** `phase weight failedChecks` */
  summary(): Promise<string>;
  /** `Warning Synced message`, in the order they were first written; `(xN)` when repeated. */
  events(): Promise<string[]>;
  weights(): Promise<number[]>;
  selector(service: string): Promise<Record<string, string>>;
  replicas(deployment: string): Promise<number | undefined>;
  image(deployment: string): Promise<string | undefined>;
  setImage(image: string): Promise<void>;
  /** The API stops answering the controller after that many more writes, as if it had been killed there. */
  killAfter(writes: number): void;
  /** True once that happened. */
  readonly killed: boolean;
  /** Ends the controller at once and starts another one. */
  restart(): Promise<void>;
  /** Pods that the next rounds cannot make ready. */
  stuck: boolean;
  dispose(): Promise<void>;
}

const crdFiles = ['../../../../charts/flagger/crd.yaml'] as const;

/** Kinds that the mesh's chart brings. */
const istioKinds = [
  ['VirtualService', 'virtualservices'],
  ['DestinationRule', 'destinationrules'],
  ['Gateway', 'gateways'],
] as const;

export interface WorldOptions {
  /** Real metric providers instead of the script; made once the clock is there. */
  readonly providers?: (clock: FakeClock) => MetricProviderFactory;
  /** What happens in every second, before the controller looks. */
  readonly everySecond?: (world: World) => Promise<void>;
}

/** Starts the world with the frontend Deployment, its Service and the given canary. */
export async function startWorld(canary: Canary, options: WorldOptions = {}): Promise<World> {
  const clock = new FakeClock();
  const cluster = await startTestCluster({ clock });
  const client = new Client({ transport: cluster.transport(), fieldManager: 'helm' });
  await installKinds(client);
  await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await client.create(Deployments, frontend('acme/frontend:v0.0.2'));
  await client.create(Services, frontendService());
  const { version } = parseApiVersion(canary.apiVersion);
  await client.create({ ...Canaries, version } as ResourceType<KubeObject> as ResourceType<Canary>, canary);
  const world = new TestWorld(cluster, clock, client, options);
  world.start();
  await settle();
  return world;
}

async function installKinds(client: Client): Promise<void> {
  for (const file of crdFiles) {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8');
    for (const crd of parseAllYaml(text, { file })) await client.create(CustomResourceDefinitions, crd as AnyObject);
  }
  for (const [kind, plural] of istioKinds) {
    await client.create(CustomResourceDefinitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.networking.istio.io` },
      spec: {
        group: 'networking.istio.io',
        scope: 'Namespaced',
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
        versions: [
          {
            name: 'v1beta1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
  }
  await settle();
}

function frontend(image: string): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'frontend',
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'meta.helm.sh/release-name': 'frontend' },
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'frontend' } },
      template: { metadata: { labels: { app: 'frontend' } }, spec: { containers: [{ name: 'server', image }] } },
    },
  };
}

function frontendService(): KubeObject & { spec: Record<string, unknown> } {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'frontend', namespace },
    spec: {
      type: 'ClusterIP',
      selector: { app: 'frontend' },
      ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    },
  };
}

class TestWorld implements World {
  readonly clock: FakeClock;
  readonly client: Client;
  readonly log: string[] = [];
  readonly writers = new Set<string>();
  readonly script: Script = {
    measure: (query) => ({ type: 'value', value: query.includes('histogram_quantile') ? 12 : 100 }),
    values: () => [],
    online: undefined,
  };
  stuck = false;
  readonly #cluster: TestCluster;
  readonly #options: WorldOptions;
  readonly #providers: MetricProviderFactory | undefined;
  #controller: RolloutController | undefined;
  #writesLeft = Infinity;

  constructor(cluster: TestCluster, clock: FakeClock, client: Client, options: WorldOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#providers = options.providers?.(clock);
    this.clock = clock;
    this.client = client;
  }

  start(): void {
    const { clock, script } = this;
    const transport = this.#cluster.transport();
    const recording: Transport = {
      request: (request) => {
        if (request.method !== 'GET') {
          this.writers.add(request.query?.['fieldManager'] ?? 'nobody');
          this.#writesLeft--;
        }
        if (this.#writesLeft < 0) return Promise.reject(new Error('killed'));
        return transport.request(request);
      },
    };
    const client = new Client({ transport: recording, fieldManager: 'flagger' });
    const recorder = createRecorder({ client, component: 'flagger', clock });
    const narrator = createNarrator({ recorder, clock, print: (line) => this.log.push(line) });
    this.#controller = createRolloutController({
      client,
      clock,
      log: silentLogger,
      narrator,
      router: istioRouter(client),
      metrics: createRolloutMetrics({ version: 'test', meshProvider: 'istio' }),
      defaults: { meshProvider: 'istio', metricsServer: 'http://prometheus:9090' },
      providers:
        this.#providers ??
        (() => ({
          measure: (query) => Promise.resolve(script.measure(query)),
          values: (query) => Promise.resolve(script.values(query)),
          isOnline: () => Promise.resolve(script.online),
          address: 'http://prometheus:9090',
        })),
    });
    this.#controller.start();
  }

  killAfter(writes: number): void {
    this.#writesLeft = writes;
  }

  get killed(): boolean {
    return this.#writesLeft < 0;
  }

  async restart(): Promise<void> {
    await this.#controller?.dispose();
    this.#writesLeft = Infinity;
    this.start();
    await this.#settle();
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.#options.everySecond?.(this);
      await this.clock.advance(1000);
      await this.#settle();
      await this.#runDeployments();
    }
    await this.#settle();
  }

  /** Rounds take many turns of the event loop: wait until the controller has nothing left to do. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      await settle();
      await this.#controller?.idle();
    }
  }

  /** What the Deployment controller and the kubelet would do within a second. */
  async #runDeployments(): Promise<void> {
    const { items } = await this.client.list(Deployments, { namespace });
    for (const deployment of items) {
      const replicas = deployment.spec.replicas ?? 1;
      const availableReplicas = this.stuck && deployment.metadata.name === 'frontend' ? 0 : replicas;
      const observedGeneration = deployment.metadata.generation ?? 1;
      const status = {
        observedGeneration,
        replicas,
        updatedReplicas: replicas,
        readyReplicas: availableReplicas,
        availableReplicas,
      };
      if (JSON.stringify(deployment.status) === JSON.stringify(status)) continue;
      const key = { namespace, name: deployment.metadata.name };
      await this.client.patch(Deployments, key, { status }, { kind: 'merge', subresource: 'status' });
      await this.#runPod(deployment);
    }
  }

  async #runPod(deployment: Deployment): Promise<void> {
    const { name } = deployment.metadata;
    const key = { namespace, name: `${name}-6d5f8-abcde` };
    if ((deployment.spec.replicas ?? 1) === 0) {
      await this.client.delete(Pods, key, { gracePeriodSeconds: 0 });
      return;
    }
    if ((await this.client.get(Pods, key)) !== undefined) return;
    const { metadata, spec } = deployment.spec.template;
    const containers = [...spec.containers, { name: 'istio-proxy', image: 'docker.io/istio/proxyv2:1.16.0' }];
    await this.client.create(Pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...key, labels: metadata?.labels ?? {} },
      spec: { ...spec, containers },
    });
    await this.client.patch(Pods, key, { status: { phase: 'Running' } }, { kind: 'merge', subresource: 'status' });
  }

  async canary(): Promise<Canary> {
    return present(await this.client.get(Canaries, { namespace, name: 'frontend' }), 'canary') as unknown as Canary;
  }

  async summary(): Promise<string> {
    const { status } = await this.canary();
    return `${status?.phase} ${status?.canaryWeight} ${status?.failedChecks}`;
  }

  async events(): Promise<string[]> {
    const { items } = await this.client.list(Events, { namespace });
    const mine = items.filter((event) => event.involvedObject['kind'] === 'Canary');
    return mine
      .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
      .map(({ type, reason, message, count }) => {
        const times = (count ?? 1) > 1 ? ` (x${count})` : '';
        return `${type} ${reason} ${message}${times}`;
      });
  }

  async weights(): Promise<number[]> {
    const live = await this.client.get(VirtualServices, { namespace, name: 'frontend' });
    const spec = live?.['spec'] as { http: { route: { weight: number }[] }[] } | undefined;
    return (spec?.http[0]?.route ?? []).map(({ weight }) => weight);
  }

  async selector(service: string): Promise<Record<string, string>> {
    return (await this.client.get(Services, { namespace, name: service }))?.spec.selector ?? {};
  }

  async replicas(deployment: string): Promise<number | undefined> {
    return (await this.client.get(Deployments, { namespace, name: deployment }))?.spec.replicas;
  }

  async image(deployment: string): Promise<string | undefined> {
    const live = await this.client.get(Deployments, { namespace, name: deployment });
    return live?.spec.template.spec.containers[0]?.image;
  }

  async setImage(image: string): Promise<void> {
    const spec = { template: { spec: { containers: [{ name: 'server', image }] } } };
    await this.client.patch(Deployments, { namespace, name: 'frontend' }, { spec }, { kind: 'strategic' });
    await this.#settle();
  }

  async dispose(): Promise<void> {
    await this.#controller?.dispose();
    await this.#cluster.dispose();
  }
}
