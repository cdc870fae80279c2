import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import {
  CustomResourceDefinitions,
  EndpointSlices,
  Events,
  Gateways,
  MutatingWebhookConfigurations,
  Secrets,
  Services,
  VirtualServices,
  type AnyObject,
  type BuiltinContext,
  type InboundConnection,
  type PodNetwork,
  type Sidecar,
} from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { parseYaml, present, seededRandom, silentLogger, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { createMesh } from './mesh.ts';
import { Bench } from './testing/programs.ts';
import { listenHttp } from './virtual-http.ts';

const bench = new Bench();
afterEach(() => bench.close());

class FakeNetwork implements PodNetwork {
  readonly podIP: string;
  readonly listeners = new Map<number, (connection: InboundConnection) => void>();
  sidecar: Sidecar | undefined;

  constructor(podIP: string) {
    this.podIP = podIP;
  }

  listen(port: number, onConnection: (connection: InboundConnection) => void) {
    this.listeners.set(port, onConnection);
    return { close: () => this.listeners.delete(port) };
  }

  attachSidecar(create: Parameters<PodNetwork['attachSidecar']>[0]) {
    this.sidecar = create({
      dialLocal: async (port) => this.connect(port),
      dialPeer: () => Promise.reject(new Error('nobody')),
    });
    return { close: () => (this.sidecar = undefined) };
  }

  connect(port: number): Duplex {
    const [mine, theirs] = duplexPair();
    present(this.listeners.get(port), `listener ${port}`)({ stream: theirs, port });
    return mine;
  }
}

function context(
  cluster: TestCluster,
  name: string,
  labels: Record<string, string>,
): BuiltinContext & { network: FakeNetwork; stop(): void } {
  const stop = new AbortController();
  bench.onClose(() => stop.abort());
  return {
    args: [],
    env: {},
    pod: {
      namespace: 'istio-system',
      pod: `${name}-0`,
      uid: `uid-${name}`,
      labels,
      serviceAccount: name,
      node: 'node-1',
    },
    transport: cluster.transport(),
    dialer: { dial: () => Promise.reject(new Error('nobody')) },
    network: new FakeNetwork('10.244.0.1'),
    hostUrl: (url) => url,
    log: silentLogger,
    print: () => {},
    scratchDir: '/nonexistent',
    mounts: {},
    signal: stop.signal,
    stop: () => stop.abort(),
  };
}

async function text(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return body;
}

async function get(
  network: FakeNetwork,
  port: number,
  path: string,
  host = 'x',
): Promise<{ status: number; body: string }> {
  const request = httpRequest({ path, headers: { host }, createConnection: () => network.connect(port) });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** The CRDs of the chart. */
async function installCrds(client: Client): Promise<void> {
  for (const name of ['gateways', 'virtualservices', 'destinationrules']) {
    const file = new URL(`../../../charts/istio/crds/${name}.yaml`, import.meta.url);
    const crd = parseYaml(await readFile(file, 'utf8'), { file: name }) as AnyObject;
    await client.create(CustomResourceDefinitions, crd);
  }
}

async function startMesh() {
  const cluster = await startTestCluster();
  bench.onClose(() => cluster.dispose());
  const client = new Client({ transport: cluster.transport() });
  const mesh = createMesh({ clock: systemClock, log: silentLogger, random: seededRandom(3) });
  await client.create({ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'istio-system' },
  } as AnyObject);
  return { cluster, client, mesh };
}

describe('istiod', () => {
  it('serves the webhook that it registers, with the certificate it announces', async () => {
    const { cluster, client, mesh } = await startMesh();
    const istiod = context(cluster, 'istiod', { app: 'istiod' });

    await mesh.istiod(istiod);

    expect((await get(istiod.network, 8080, '/ready')).status).toBe(200);
    const registered = present(
      await client.get(MutatingWebhookConfigurations, { name: 'istio-sidecar-injector' }),
      'webhook',
    );
    const webhooks = registered['webhooks'] as { name: string; clientConfig: { caBundle: string } }[];
    expect(webhooks.map(({ name }) => name)).toHaveLength(4);
    const ca = Buffer.from(present(webhooks[0], 'first').clientConfig.caBundle, 'base64').toString();
    const pod = { metadata: { generateName: 'a-' }, spec: { containers: [{ name: 'a' }] } };
    const review = { request: { uid: 'u', namespace: 'shop', object: pod } };
    const request = httpsRequest({
      method: 'POST',
      path: '/inject?timeout=10s',
      servername: 'istiod.istio-system.svc',
      headers: { host: 'istiod.istio-system.svc' },
      ca,
      agent: false,
      createConnection: undefined,
      ...({ socket: istiod.network.connect(443) } as object),
    });
    request.end(JSON.stringify(review));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(JSON.parse(await text(response))).toMatchObject({
      response: { uid: 'u', allowed: true, patchType: 'JSONPatch' },
    });
  });

  it('names what it does not do in an event on the object', async () => {
    const { cluster, client, mesh } = await startMesh();
    await installCrds(client);
    await mesh.istiod(context(cluster, 'istiod', { app: 'istiod' }));

    await client.create(VirtualServices, {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'VirtualService',
      metadata: { name: 'web', namespace: 'istio-system' },
      spec: { hosts: ['web'], tls: [{}] },
    });

    await expect
      .poll(async () => (await client.list(Events)).items.map(({ reason, message }) => `${reason} ${message}`))
      .toEqual(['NotSupported spec.tls: is not supported by the embedded mesh']);
  });

  it('keeps its authority over a restart', async () => {
    const { cluster, client, mesh } = await startMesh();
    const first = context(cluster, 'istiod', { app: 'istiod' });
    const { done } = await mesh.istiod(first);
    const key = { namespace: 'istio-system', name: 'istio-ca-secret' };
    const before = present(await client.get(Secrets, key), 'secret').data;
    first.stop();
    await done;

    await mesh.istiod(context(cluster, 'istiod', { app: 'istiod' }));

    expect(present(await client.get(Secrets, key), 'secret').data).toEqual(before);
  });
});

describe('the ingress gateway', () => {
  it('routes by Gateway and VirtualService, on port 8080 of its pod, and counts as the source', async () => {
    const { cluster, client, mesh } = await startMesh();
    await installCrds(client);
    const port = await bench.http((request, response) => response.end(`web ${request.url}`));
    const namespace = 'istio-system';
    await client.create(Services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    });
    await client.create(EndpointSlices, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace, labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.244.0.7'] }],
    });
    const istio = { apiVersion: 'networking.istio.io/v1beta1', metadata: { name: 'web', namespace } };
    const gateway = context(cluster, 'istio-ingressgateway', { istio: 'ingressgateway', app: 'istio-ingressgateway' });
    const dialled: string[] = [];
    await mesh.istiod(context(cluster, 'istiod', { app: 'istiod' }));
    await mesh.ingressgateway({
      ...gateway,
      env: { ISTIO_META_WORKLOAD_NAME: 'istio-ingressgateway' },
      dialer: {
        async dial(target) {
          dialled.push(`${target.caller?.pod} ${target.host}:${target.port}`);
          const socket = connect(port, '127.0.0.1');
          await once(socket, 'connect');
          return socket;
        },
      },
    });

    const before = await get(gateway.network, 8080, '/a', 'shop.example');
    await client.create(Gateways, {
      ...istio,
      kind: 'Gateway',
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
      },
    });
    await client.create(VirtualServices, {
      ...istio,
      kind: 'VirtualService',
      spec: { hosts: ['*'], gateways: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] },
    });
    await expect.poll(() => get(gateway.network, 8080, '/a', 'shop.example')).toEqual({ status: 200, body: 'web /a' });

    expect(before.status).toBe(404);
    expect(dialled).toEqual(['istio-ingressgateway-0 10.244.0.7:8080']);
    const scrape = (): Promise<{ body: string }> => get(gateway.network, 15020, '/stats/prometheus');
    const line =
      /^istio_requests_total\{reporter="source",source_workload="istio-ingressgateway",.*destination_service="web.istio-system.svc.cluster.local",.*response_code="200",.*\} (\d)$/m;
    expect([line.exec((await scrape()).body)?.[1], line.exec((await scrape()).body)?.[1]]).toEqual(['0', '1']);
    expect((await get(gateway.network, 15021, '/healthz/ready')).status).toBe(200);
  });
});

describe('the sidecar', () => {
  it('is ready once istiod has published, and serves its metrics past itself', async () => {
    const { cluster, mesh } = await startMesh();
    const pod = context(cluster, 'web', { app: 'web' });
    await mesh.proxyv2(pod);

    const early = await get(pod.network, 15021, '/healthz/ready');
    await mesh.istiod(context(cluster, 'istiod', { app: 'istiod' }));
    const late = await get(pod.network, 15021, '/healthz/ready');
    const [mine, theirs] = duplexPair();
    present(pod.network.sidecar, 'sidecar').inbound({ stream: theirs, host: 'x', port: 15020 });
    const request = httpRequest({ path: '/stats/prometheus', createConnection: () => mine });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];

    expect([early.status, late.status, response.statusCode]).toEqual([503, 200, 200]);
    expect(await text(response)).toBe('');
  });

  it('adds the metrics of its program, or does without', async () => {
    const { cluster, mesh } = await startMesh();
    const pod = context(cluster, 'web', { app: 'web' });
    const env = { ISTIO_PROMETHEUS_ANNOTATIONS: '{"scrape":"true","path":"/metrics","port":"8080"}' };
    await mesh.proxyv2({ ...pod, env });

    const before = await get(pod.network, 15020, '/stats/prometheus');
    listenHttp(pod.network, 8080, (_request, response) => response.end('up 1'));
    const after = await get(pod.network, 15020, '/stats/prometheus');

    expect([before.body, after.body]).toEqual(['', 'up 1\n']);
  });
});
