/** The API server through its in-process transport and the real client. */

import {
  ConfigMaps,
  CustomResourceDefinitions,
  Deployments,
  Namespaces,
  Pods,
  Services,
  type AnyObject,
  type Deployment,
  type Pod,
  type ResourceType,
} from '@towpath/api';
import { createLogger } from '@towpath/kit';
import { Client, isAlreadyExists, isConflict } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/index.ts';

let cluster: TestCluster;
let client: Client;

beforeEach(async () => {
  cluster = await startTestCluster();
  client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
});

afterEach(() => cluster.dispose());

function configMap(name: string, data: Record<string, string> = { k: 'v' }): AnyObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data };
}

function pod(name: string, labels: Record<string, string> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'c', image: 'nginx' }] },
  };
}

describe('objects', () => {
  it('has the system namespaces from the start', async () => {
    const { items } = await client.list(Namespaces);

    expect(items.map((item) => item.metadata.name)).toEqual([
      'default',
      'kube-node-lease',
      'kube-public',
      'kube-system',
    ]);
  });

  it('creates, gets, updates and deletes', async () => {
    const created = await client.create(ConfigMaps, configMap('a') as never);
    const updated = await client.update(ConfigMaps, { ...created, data: { k: 'w' } });
    const stale = client.update(ConfigMaps, { ...created, data: { k: 'x' } });
    await expect(stale).rejects.toSatisfy(isConflict);
    await client.delete(ConfigMaps, { namespace: 'default', name: 'a' });

    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion));
    expect(await client.get(ConfigMaps, { namespace: 'default', name: 'a' })).toBeUndefined();
  });

  it('refuses a second object of the same name', async () => {
    await client.create(ConfigMaps, configMap('a') as never);

    await expect(client.create(ConfigMaps, configMap('a') as never)).rejects.toSatisfy(isAlreadyExists);
  });

  it('keeps the resourceVersion of an update that changes nothing', async () => {
    const created = await client.create(ConfigMaps, configMap('a') as never);
    const again = await client.update(ConfigMaps, created);

    expect(again.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
  });

  it('generates names', async () => {
    const object = { ...configMap(''), metadata: { generateName: 'g-', namespace: 'default' } };
    const created = await client.create(ConfigMaps, object as never);

    expect(created.metadata.name).toMatch(/^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('keeps an object with finalizers until the last one is gone', async () => {
    const object = configMap('a');
    object.metadata.finalizers = ['x.io/y'];
    await client.create(ConfigMaps, object as never);
    const key = { namespace: 'default', name: 'a' };
    await client.delete(ConfigMaps, key);
    const lingering = await client.get(ConfigMaps, key);
    await client.patch(ConfigMaps, key, { metadata: { finalizers: null } }, { kind: 'merge' });

    expect(lingering?.metadata.deletionTimestamp).toBeDefined();
    expect(await client.get(ConfigMaps, key)).toBeUndefined();
  });
});

describe('watch', () => {
  it('ends when its client left while it was starting', async () => {
    const gone = new AbortController();
    const transport = cluster.transport();

    const watch = { method: 'GET', path: '/api/v1/namespaces', query: { watch: 'true' }, signal: gone.signal } as const;
    const starting = transport.request(watch);
    gone.abort(new Error('left'));
    const response = await starting;
    const read = async (): Promise<void> => {
      for await (const chunk of response.chunks()) expect(chunk).not.toBe('');
    };

    await expect(read()).rejects.toThrow('left');
  });

  it('turns selector transitions into ADDED and DELETED', async () => {
    const abort = new AbortController();
    const { resourceVersion } = await client.list(Pods);
    await client.create(Pods, pod('p', { app: 'a' }));
    const patch = (app: string | null): Promise<unknown> =>
      client.patch(Pods, { namespace: 'default', name: 'p' }, { metadata: { labels: { app } } }, { kind: 'merge' });
    await patch('b');
    await patch('a');
    const seen: string[] = [];
    for await (const event of client.watch(Pods, { resourceVersion, labelSelector: 'app=a', signal: abort.signal })) {
      seen.push(event.type);
      if (seen.length === 3) break;
    }
    abort.abort();

    expect(seen).toEqual(['ADDED', 'DELETED', 'ADDED']);
  });
});

function deployment(name: string): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
    },
  };
}

describe('patches', () => {
  it('merges lists by key with a strategic merge patch', async () => {
    await client.create(Deployments, deployment('d'));
    const containers = [
      { name: 'c', image: 'nginx:2' },
      { name: 'd', image: 'busybox' },
    ];
    const patch = { spec: { template: { spec: { containers } } } };
    const patched = await client.patch(Deployments, { namespace: 'default', name: 'd' }, patch, { kind: 'strategic' });

    expect(patched.spec.template.spec.containers.map((container) => container.image)).toEqual(['nginx:2', 'busybox']);
    expect(patched.metadata.generation).toBe(2);
  });
});

describe('defaults', () => {
  it('fills a deployment as a real server does', async () => {
    const created = await client.create(Deployments, deployment('d'));

    expect(created.spec).toEqual({
      replicas: 1,
      selector: { matchLabels: { app: 'd' } },
      template: {
        metadata: { labels: { app: 'd' } },
        spec: {
          containers: [
            {
              name: 'c',
              image: 'nginx',
              resources: {},
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
              imagePullPolicy: 'Always',
            },
          ],
          restartPolicy: 'Always',
          terminationGracePeriodSeconds: 30,
          dnsPolicy: 'ClusterFirst',
          securityContext: {},
          schedulerName: 'default-scheduler',
        },
      },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    });
    expect(created.status).toEqual({});
  });

  it('gives services a cluster IP that an update without one keeps', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', namespace: 'default' },
      spec: { ports: [{ port: 80 }] },
    };
    const created = await client.create(Services, service);
    const replaced = await client.update(Services, { ...service, spec: { ports: [{ port: 81 }] } });

    expect(created.spec.clusterIP).toMatch(/^10\.96\.\d+\.\d+$/);
    expect(replaced.spec.clusterIP).toBe(created.spec.clusterIP);
    expect(replaced.spec.ports?.[0]).toEqual({ port: 81, protocol: 'TCP', targetPort: 81 });
  });

  it('mounts the service account token into pods', async () => {
    const created = await client.create(Pods, pod('p'));

    expect(created.spec.serviceAccountName).toBe('default');
    expect(created.spec.containers[0]?.volumeMounts?.[0]?.mountPath).toBe(
      '/var/run/secrets/kubernetes.io/serviceaccount',
    );
    expect(created.spec.volumes?.[0]?.['name']).toMatch(/^kube-api-access-.{5}$/);
  });
});

describe('validation', () => {
  it('refuses a deployment with every cause, in the words of a real server', async () => {
    const wrong = deployment('d');
    wrong.spec.selector = { matchLabels: { app: 'other' } };
    wrong.spec.template.spec.containers = [];

    await expect(client.create(Deployments, wrong)).rejects.toThrow(
      'Deployment.apps "d" is invalid: [spec.template.metadata.labels: Invalid value: {"app":"d"}: `selector` does not match template `labels`, spec.template.spec.containers: Required value]',
    );
  });
});

describe('status', () => {
  it('is written through its subresource only', async () => {
    await client.create(Pods, pod('p'));
    const current = await client.get(Pods, { namespace: 'default', name: 'p' });
    const viaMain = await client.update(Pods, { ...(current as Pod), status: { phase: 'Running' } });
    const viaStatus = await client.updateStatus(Pods, { ...viaMain, status: { phase: 'Running' } });

    expect(viaMain.status?.phase).not.toBe('Running');
    expect(viaStatus.status?.phase).toBe('Running');
  });
});

const widgets: ResourceType<AnyObject> = {
  group: 'x.io',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};

function widgetDefinition(): AnyObject {
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: { size: { type: 'integer', minimum: 1 }, colour: { type: 'string', default: 'red' } },
      },
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.x.io' },
    spec: {
      group: 'x.io',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } },
      ],
    },
  };
}

function widget(spec: Record<string, unknown>): AnyObject {
  return { apiVersion: 'x.io/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' }, spec };
}

describe('custom resources', () => {
  it('are served as soon as their definition is created: pruned, defaulted, validated', async () => {
    await client.create(CustomResourceDefinitions, widgetDefinition());
    const created = await client.create(widgets, widget({ size: 2, unknown: true }));
    const refused = client.create(widgets, widget({ size: 'big' }));

    expect(created['spec']).toEqual({ size: 2, colour: 'red' });
    expect(created.metadata.generation).toBe(1);
    await expect(refused).rejects.toThrow(
      'Widget.x.io "w" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    );
  });

  it('go with their definition', async () => {
    const definition = await client.create(CustomResourceDefinitions, widgetDefinition());
    await client.create(widgets, widget({ size: 2 }));
    await client.delete(CustomResourceDefinitions, { name: definition.metadata.name });
    await expect.poll(() => client.get(CustomResourceDefinitions, { name: 'widgets.x.io' })).toBeUndefined();

    expect(cluster.server.objects.collection('x.io/widgets').size).toBe(0);
  });
});

describe('selectors', () => {
  it('names the known fields when one is unknown', async () => {
    const list = client.list(Deployments, { namespace: 'default', fieldSelector: 'data.k=v' });

    await expect(list).rejects.toThrow(
      '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
  });
});

describe('the end', () => {
  it('waits for the writes that have begun and answers later requests 503 without a log line', async () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'debug', write: (line) => lines.push(line) });
    const own = await startTestCluster({ log });
    const ownClient = new Client({ transport: own.transport() });
    const begun = ownClient.create(ConfigMaps, configMap('begun'));

    await own.dispose();

    expect((await begun).metadata.name).toBe('begun');
    await expect(ownClient.create(ConfigMaps, configMap('late'))).rejects.toMatchObject({
      status: 503,
      reason: 'ServiceUnavailable',
    });
    expect(lines).toEqual([]);
  });
});
