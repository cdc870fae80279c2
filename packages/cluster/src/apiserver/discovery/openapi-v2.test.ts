/** The v2 document over the server: every reference resolves, custom resources are in it, Go clients get protobuf. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/index.ts';
import { ProtoReader } from '../schema/proto-reader.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster();
});

afterAll(() => cluster.dispose());

async function definitions(): Promise<Record<string, { properties?: Record<string, { $ref?: string }> }>> {
  const response = await cluster.transport().request({ method: 'GET', path: '/openapi/v2' });
  return (JSON.parse(await response.text()) as { definitions: Awaited<ReturnType<typeof definitions>> }).definitions;
}

test('every reference leads to a definition', async () => {
  const all = await definitions();

  const targets = [...JSON.stringify(all).matchAll(/"#\/definitions\/([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(targets.length).toBeGreaterThan(100);
  expect([...new Set(targets)].filter((name) => all[name] === undefined)).toEqual([]);
  expect(JSON.stringify(all)).not.toContain('#/components/');
  expect(all['io.k8s.api.core.v1.Pod']?.properties?.['spec']?.$ref).toBe('#/definitions/io.k8s.api.core.v1.PodSpec');
});

test('a custom resource is documented; one that keeps unknown members names none', async () => {
  const version = (name: string, schema: object): object => ({
    name,
    served: true,
    storage: name === 'v1',
    schema: { openAPIV3Schema: { type: 'object', ...schema } },
  });
  const body = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things' },
      versions: [
        version('v1', { properties: { size: { anyOf: [{ type: 'integer' }], 'x-kubernetes-int-or-string': true } } }),
        version('v2', { 'x-kubernetes-preserve-unknown-fields': true }),
      ],
    },
  };
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const headers = { 'content-type': 'application/json' };
  await cluster.transport().request({ method: 'POST', path, headers, body: JSON.stringify(body) });

  const all = await definitions();

  expect(all['com.example.v1.Thing']?.properties?.['size']).toEqual({ 'x-kubernetes-int-or-string': true });
  expect(all['com.example.v2.Thing']).toEqual({
    type: 'object',
    'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v2', kind: 'Thing' }],
  });
});

test('clients that ask for it get the message', async () => {
  const headers = { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' };

  const response = await cluster.server.handle({
    method: 'GET',
    path: '/openapi/v2',
    query: new URLSearchParams(),
    headers,
    user: { name: 'admin', groups: ['system:masters'] },
  });

  expect(response.headers['content-type']).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  const fields = new ProtoReader(response.body as Uint8Array).fields();
  expect([...fields.keys()]).toEqual([1, 2, 8, 9]);
});
