import { ConfigMaps, Secrets } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { Client } from '@towpath/runtime';
import { describe, expect, it } from 'vitest';
import { parseHelmRelease, type HelmReleaseSpec } from './helm-release.ts';
import { composeValues } from './values.ts';

function specOf(extra: Record<string, unknown>): HelmReleaseSpec {
  return parseHelmRelease({
    apiVersion: 'helm.fluxcd.io/v1',
    kind: 'HelmRelease',
    metadata: { name: 'frontend', namespace: 'default' },
    spec: { chart: { git: 'http://git/x.git', path: 'charts/frontend' }, ...extra },
  });
}

async function compose(extra: Record<string, unknown>): Promise<Record<string, unknown>> {
  const cluster = await startTestCluster();
  const client = new Client({ transport: cluster.transport() });
  const metadata = { name: 'values', namespace: 'default' };
  await client.create(ConfigMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { 'values.yaml': 'a: 1\nnested: { one: 1, two: 2 }\n', broken: 'a: b: c' },
  });
  await client.create(Secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    stringData: { password: 'secret: yes-it-is' },
  });
  try {
    const composed = await composeValues(specOf(extra), {
      client,
      namespace: 'default',
      readChartFile: async (path) => (path === 'prod.yaml' ? new TextEncoder().encode('size: large') : undefined),
      fetchText: async (url) => (url === 'http://x/v.yaml' ? 'external: true' : Promise.reject(new Error('no answer'))),
    });
    return composed.values;
  } finally {
    await cluster.dispose();
  }
}

describe('composeValues', () => {
  it('merges every source in order, the inline values last', async () => {
    const values = await compose({
      valuesFrom: [
        { configMapKeyRef: { name: 'values' } },
        { secretKeyRef: { name: 'values', key: 'password' } },
        { externalSourceRef: { url: 'http://x/v.yaml' } },
        { chartFileRef: { path: 'prod.yaml' } },
      ],
      values: { a: 2, nested: { two: null, three: 3 } },
    });

    expect(values).toEqual({
      a: 2,
      nested: { one: 1, two: null, three: 3 },
      secret: 'yes-it-is',
      external: true,
      size: 'large',
    });
  });

  it.each([
    {
      name: 'a ConfigMap',
      source: { configMapKeyRef: { name: 'no' } },
      says: 'ConfigMap default/no key values.yaml is not there',
    },
    {
      name: 'a key',
      source: { secretKeyRef: { name: 'values', key: 'x' } },
      says: 'Secret default/values key x is not there',
    },
    { name: 'an address', source: { externalSourceRef: { url: 'http://y' } }, says: 'http://y: no answer' },
    { name: 'a chart file', source: { chartFileRef: { path: 'x.yaml' } }, says: 'chart file x.yaml is not there' },
    {
      name: 'YAML',
      source: { configMapKeyRef: { name: 'values', key: 'broken' } },
      says: 'ConfigMap default/values key broken: ',
    },
  ])('names the source that lacks $name', async ({ source, says }) => {
    await expect(compose({ valuesFrom: [source] })).rejects.toThrow(says);
  });

  it('passes over a source that may be missing', async () => {
    expect(await compose({ valuesFrom: [{ secretKeyRef: { name: 'no', optional: true } }], values: { a: 1 } })).toEqual(
      { a: 1 },
    );
  });
});

describe('parseHelmRelease', () => {
  it.each([
    { name: 'no chart', spec: {}, says: 'could not find valid chart source configuration for release' },
    {
      name: 'a repository without version',
      spec: { chart: { repository: 'https://x', name: 'y' } },
      says: 'could not find valid chart source',
    },
    { name: 'Helm 2', spec: { helmVersion: 'v2' }, says: 'spec.helmVersion v2 is not supported' },
    {
      name: 'an unknown source',
      spec: { chart: { git: 'a', path: 'b' }, valuesFrom: [{ vaultRef: {} }] },
      says: 'an entry names none of',
    },
  ])('refuses $name', ({ spec, says }) => {
    const metadata = { name: 'frontend', namespace: 'default' };

    expect(() => parseHelmRelease({ apiVersion: 'helm.fluxcd.io/v1', kind: 'HelmRelease', metadata, spec })).toThrow(
      says,
    );
  });

  it('fills in what is left out', () => {
    const spec = specOf({ targetNamespace: 'shop', test: { enable: true } });

    expect(spec).toMatchObject({
      releaseName: 'default-shop-frontend',
      targetNamespace: 'shop',
      timeoutMs: 300_000,
      wait: true,
      resetValues: true,
      maxHistory: 10,
    });
  });
});
