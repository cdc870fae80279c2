/** Environments: order, references, services, missing objects. */

import type { Pod, Service } from '@towpath/api';
import { expect, test } from 'vitest';
import { specOf, type CoreContainer } from './core.ts';
import { containerEnv, type EnvInput } from './env.ts';
import { expandReferences } from './expand.ts';

test.each([
  { text: 'a $(A) b', expected: 'a 1 b' },
  { text: '$(NOPE)', expected: '$(NOPE)' },
  { text: '$$(A)', expected: '$(A)' },
  { text: '$$$(A)', expected: '$1' },
  { text: '$A $(A', expected: '$A $(A' },
])('$text becomes $expected', ({ text, expected }) => {
  expect(expandReferences(text, (name) => ({ A: '1' })[name])).toBe(expected);
});

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'my-db', namespace: 'shop' },
  spec: { clusterIP: '10.96.0.9', ports: [{ name: 'sql', port: 5432 }] },
};
const master: Service = {
  ...service,
  metadata: { name: 'kubernetes', namespace: 'default' },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] },
};

function input(container: Partial<CoreContainer>, spec: object = {}): EnvInput {
  const own = { name: 'main', ...container };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'shop', uid: 'u', labels: { app: 'x' } },
    spec: { nodeName: 'n', containers: [own], ...spec },
  } as unknown as Pod;
  return {
    pod,
    container: specOf(pod).containers[0] ?? own,
    facts: { podIP: '10.244.1.2', hostIP: '172.30.0.11', allocatable: { cpu: '2', memory: '4Gi' } },
    config: {
      configMap: async ({ name }) =>
        name === 'config'
          ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { K: 'from map' } }
          : undefined,
      secret: async ({ name }) =>
        name === 'secret'
          ? { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { S: 'c2VjcmV0' } }
          : undefined,
    },
    services: [service, master, { ...service, metadata: { name: 'other', namespace: 'elsewhere' } }],
    imageEnv: ['PATH=/image', 'A=image', 'EMPTY='],
  };
}

test('the image is overridden by services, these by envFrom, these by env', async () => {
  const env = await containerEnv(
    input({
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'config' } }, { secretRef: { name: 'secret' } }],
      env: [
        { name: 'A', value: 'own' },
        { name: 'B', value: '$(A) $(P_K) $(MY_DB_SERVICE_HOST) $(PATH) $$(A)' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'KEY', valueFrom: { secretKeyRef: { name: 'secret', key: 'S' } } },
        { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
      ],
      resources: { limits: { memory: '64Mi' } },
    }),
  );

  expect(env).toMatchObject({
    PATH: '/image',
    A: 'own',
    EMPTY: '',
    P_K: 'from map',
    S: 'secret',
    B: 'own from map 10.96.0.9 $(PATH) $(A)',
    IP: '10.244.1.2',
    LABEL: 'x',
    LIMIT: '64',
    CPU: '2',
    KEY: 'secret',
    HOSTNAME: 'p',
    MY_DB_SERVICE_HOST: '10.96.0.9',
    MY_DB_SERVICE_PORT: '5432',
    MY_DB_SERVICE_PORT_SQL: '5432',
    MY_DB_PORT: 'tcp://10.96.0.9:5432',
    MY_DB_PORT_5432_TCP_ADDR: '10.96.0.9',
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
  });
  expect(env).not.toHaveProperty('GONE');
  expect(env).not.toHaveProperty('OTHER_SERVICE_HOST');
});

test('without service links only kubernetes is told', async () => {
  const env = await containerEnv(input({}, { enableServiceLinks: false }));
  expect(env).toHaveProperty('KUBERNETES_SERVICE_HOST');
  expect(env).not.toHaveProperty('MY_DB_SERVICE_HOST');
});

test.each([
  { envFrom: [{ configMapRef: { name: 'none' } }], message: 'configmap "none" not found' },
  { envFrom: [{ secretRef: { name: 'none' } }], message: 'secret "none" not found' },
  {
    env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'secret', key: 'no' } } }],
    message: "couldn't find key no in Secret shop/secret",
  },
])('$message', async ({ message, ...container }) => {
  await expect(containerEnv(input(container))).rejects.toMatchObject({ reason: 'CreateContainerConfigError', message });
});
