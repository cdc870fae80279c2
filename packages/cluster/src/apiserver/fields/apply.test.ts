/** Server-side apply and managed fields, against what a real server answered. */

import { ConfigMaps, Deployments, Services, type AnyObject } from '@towpath/api';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/index.ts';

let cluster: TestCluster;
let client: Client;
const key = { namespace: 'default', name: 's' };

beforeEach(async () => {
  cluster = await startTestCluster({ clock: new FakeClock() });
  client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
});

afterEach(() => cluster.dispose());

function applyMap(manager: string, data: Record<string, string>, force = false): Promise<AnyObject> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 's' }, data };
  return client.patch(ConfigMaps, key, body, {
    kind: 'apply',
    fieldManager: manager,
    force,
  }) as unknown as Promise<AnyObject>;
}

function owners(object: AnyObject): Record<string, unknown> {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map((entry) => [
      `${entry.manager ?? ''} ${entry.operation ?? ''}`,
      entry.fieldsV1,
    ]),
  );
}

describe('apply', () => {
  it('creates and owns what it says', async () => {
    const created = await applyMap('m1', { k: '1' });

    expect(owners(created)).toEqual({ 'm1 Apply': { 'f:data': { 'f:k': {} } } });
  });

  it('refuses to change what somebody else owns, naming the field', async () => {
    await applyMap('m1', { k: '1' });

    await expect(applyMap('m2', { k: '2' })).rejects.toMatchObject({
      status: 409,
      message: 'Apply failed with 1 conflict: conflict with "m1": .data.k',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.data.k' }] },
    });
  });

  it('takes fields by force', async () => {
    await applyMap('m1', { k: '1', j: '1' });
    const taken = await applyMap('m2', { k: '2' }, true);

    expect(taken['data']).toEqual({ k: '2', j: '1' });
    expect(owners(taken)).toEqual({ 'm1 Apply': { 'f:data': { 'f:j': {} } }, 'm2 Apply': { 'f:data': { 'f:k': {} } } });
  });

  it('removes what its manager does not say any more, unless another owns it', async () => {
    await applyMap('m1', { k: '1', j: '1', i: '1' });
    await applyMap('m2', { j: '1' });
    const pruned = await applyMap('m1', { i: '1' });

    expect(pruned['data']).toEqual({ i: '1', j: '1' });
  });

  it('changes nothing when it says the same again', async () => {
    const first = await applyMap('m1', { k: '1' });
    const second = await applyMap('m1', { k: '1' });

    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('merges lists by their keys', async () => {
    const service = (port: number, name: string): object => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { ports: [{ port, name }] },
    });
    await client.patch(Services, key, service(80, 'http'), { kind: 'apply', fieldManager: 'm1' });
    const both = await client.patch(Services, key, service(443, 'https'), { kind: 'apply', fieldManager: 'm2' });
    const again = await client.patch(Services, key, service(8080, 'http'), { kind: 'apply', fieldManager: 'm1' });

    expect(both.spec.ports?.map(({ port }) => port)).toEqual([80, 443]);
    expect(again.spec.ports?.map(({ port }) => port)).toEqual([443, 8080]);
  });

  it('names fields that do not exist', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 's' }, dta: {} };
    const applied = client.patch(ConfigMaps, key, body, { kind: 'apply', fieldManager: 'm' });

    await expect(applied).rejects.toThrow(
      'failed to create typed patch object (/s; /v1, Kind=ConfigMap): .dta: field not declared in schema',
    );
  });
});

describe('updates', () => {
  it('own what they change, and others lose it', async () => {
    await applyMap('m1', { k: '1', j: '1' });
    const patched = await client.patch(ConfigMaps, key, { data: { k: '2' } }, { kind: 'merge', fieldManager: 'edit' });

    expect(owners(patched as unknown as AnyObject)).toEqual({
      'm1 Apply': { 'f:data': { 'f:j': {} } },
      'edit Update': { 'f:data': { 'f:k': {} } },
    });
  });

  it('of a new deployment own its defaults, as on a real server', async () => {
    const created = await client.create(Deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'default' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { containers: [{ name: 'c', image: 'nginx', ports: [{ containerPort: 80 }] }] },
        },
      },
    });
    const container = {
      '.': {},
      'f:image': {},
      'f:imagePullPolicy': {},
      'f:name': {},
      'f:ports': {
        '.': {},
        'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
      },
      'f:resources': {},
      'f:terminationMessagePath': {},
      'f:terminationMessagePolicy': {},
    };

    expect(created.metadata.managedFields).toEqual([
      {
        manager: 'test',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:progressDeadlineSeconds': {},
            'f:replicas': {},
            'f:revisionHistoryLimit': {},
            'f:selector': {},
            'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
              'f:spec': {
                'f:containers': { 'k:{"name":"c"}': container },
                'f:dnsPolicy': {},
                'f:restartPolicy': {},
                'f:schedulerName': {},
                'f:securityContext': {},
                'f:terminationGracePeriodSeconds': {},
              },
            },
          },
        },
      },
    ]);
  });

  it('of the status are kept apart', async () => {
    await applyMap('m1', { k: '1' });
    await client.create(Deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: key,
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    const patched = await client.patch(
      Deployments,
      key,
      { status: { replicas: 1 } },
      { kind: 'merge', subresource: 'status' },
    );
    const entry = patched.metadata.managedFields?.find(({ subresource }) => subresource === 'status');

    expect(entry?.fieldsV1).toEqual({ 'f:status': { 'f:replicas': {} } });
  });
});
