import { loadChart, render, type ValueLayer } from '@towpath/charts';
import { seededRandom } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { describe, expect, it } from 'vitest';
import { reasonOf } from './reason.ts';

const chartYaml = 'apiVersion: v2\nname: c\nversion: 1.0.0\n';

async function failureOf(files: Record<string, string>, layers: readonly ValueLayer[]): Promise<unknown> {
  const encoder = new TextEncoder();
  const entries = Object.entries({ 'Chart.yaml': chartYaml, ...files });
  const chart = await loadChart(new Map(entries.map(([name, text]) => [name, encoder.encode(text)])));
  const values = Object.assign({}, ...layers.map((layer) => layer.values)) as Record<string, unknown>;
  const release = { name: 'r', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false };
  try {
    render({ chart, values, valueLayers: layers, release, clock: new FakeClock(), random: seededRandom(1) });
  } catch (error) {
    return error;
  }
  throw new Error('it rendered');
}

describe('the reason on a status', () => {
  const secret: ValueLayer = {
    kind: 'file',
    source: 'Secret shop/keys key values.yaml',
    text: 'key: hidden',
    values: { key: 'hidden' },
    isSecret: true,
  };

  it.each([
    {
      name: 'a required value that nobody sets',
      files: { 'templates/a.yaml': 'a: {{ required "set image.tag" .Values.tag }}' },
      layers: [],
      reason: 'execution error at (c/templates/a.yaml:1:6): set image.tag; nobody sets tag',
    },
    {
      name: 'a value of the HelmRelease over the chart',
      files: { 'values.yaml': 'replicas: {}', 'templates/a.yaml': 'a: {{ .Values.replicas.max }}' },
      layers: [{ kind: 'file', source: 'spec.values', values: { replicas: 2 } } as const],
      reason:
        /can't evaluate field max in type interface {}; nobody sets replicas\.max; replicas is set by spec\.values \(over c\/values\.yaml:1\)$/,
    },
    {
      name: 'output that is no YAML',
      files: { 'values.yaml': 'note: x', 'templates/a.yaml': 'kind: A\nnote: {{ .Values.note }}' },
      layers: [{ kind: 'file', source: 'spec.values', values: { note: 'a: b' } } as const],
      reason: /; at c\/templates\/a\.yaml:2:1; note is set by spec\.values \(over c\/values\.yaml:1\); correct what/,
    },
    {
      name: 'a secret against the schema',
      files: { 'values.schema.json': '{"properties":{"key":{"type":"integer"}}}' },
      layers: [secret],
      reason: /got string, want integer\n; key is set by Secret shop\/keys key values\.yaml:1; change the values/,
    },
  ])('names $name', async ({ files, layers, reason }) => {
    const text = reasonOf(await failureOf(files as unknown as Record<string, string>, layers));

    if (typeof reason === 'string') expect(text).toBe(reason);
    else expect(text).toMatch(reason);
    expect(text).not.toContain('hidden');
  });
});
