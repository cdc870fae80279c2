import { describe, expect, test } from 'vitest';
import { parseIgnore } from './ignore.ts';
import { loadChart } from './load.ts';
import { packageChart } from './package.ts';

function files(entries: Record<string, string>): Map<string, Uint8Array> {
  return new Map(Object.entries(entries).map(([name, text]) => [name, Buffer.from(text)]));
}

const minimal = { 'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n' };

describe('loadChart', () => {
  test('sorts files into their places', async () => {
    const chart = await loadChart(
      files({
        ...minimal,
        'values.yaml': 'image:\n  tag: latest\n',
        'templates/a.yaml': 'a: 1',
        'crds/c.yaml': 'kind: CustomResourceDefinition',
        'README.md': 'read me',
        'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
        'charts/sub/templates/b.yaml': 'b: 1',
        'charts/_skipped/Chart.yaml': 'nothing',
      }),
    );

    expect(chart.values).toEqual({ image: { tag: 'latest' } });
    expect(chart.templates.map((file) => file.name)).toEqual(['templates/a.yaml']);
    expect(chart.files.map((file) => file.name)).toEqual(['README.md', 'crds/c.yaml']);
    expect(chart.crds.map((crd) => crd.filename)).toEqual(['shop/crds/c.yaml']);
    expect(chart.dependencies.map((sub) => [sub.metadata.name, sub.templates.length])).toEqual([['sub', 1]]);
  });

  test('numbers where strings are wanted become strings', async () => {
    const chart = await loadChart(
      files({ 'Chart.yaml': 'apiVersion: v2\nname: a\nversion: 1.0.0\nappVersion: 1.10\n' }),
    );

    expect(chart.metadata.appVersion).toBe('1.1');
  });

  test.each([
    { name: 'no Chart.yaml', entries: { 'values.yaml': '' }, message: 'Chart.yaml file is missing' },
    { name: 'no name', entries: { 'Chart.yaml': 'version: 1.0.0' }, message: 'chart.metadata.name is required' },
    { name: 'a name that leaves', entries: { 'Chart.yaml': 'name: ..\nversion: 1.0.0' }, message: 'is invalid' },
    { name: 'broken values', entries: { ...minimal, 'values.yaml': 'a: [' }, message: 'cannot load values.yaml' },
    {
      name: 'a null dependency',
      entries: { 'Chart.yaml': `${minimal['Chart.yaml']}dependencies:\n- null\n` },
      message: 'must not contain empty or null nodes',
    },
  ])('$name is refused', async ({ entries, message }) => {
    await expect(loadChart(files(entries as unknown as Record<string, string>))).rejects.toThrow(message);
  });

  test('bytes that are no archive are refused', async () => {
    await expect(loadChart(Buffer.from('hello'))).rejects.toMatchObject({ code: 'CHART_INVALID' });
  });
});

describe('packageChart', () => {
  test('gives the same bytes each time, and they load', async () => {
    const source = files({ ...minimal, 'templates/a.yaml': 'a: 1', '.helmignore': '*.bak\n', 'x.bak': 'no' });

    const [first, second] = await Promise.all([packageChart(source), packageChart(source)]);
    const loaded = await loadChart(first.data);

    expect(first.filename).toBe('shop-0.1.0.tgz');
    expect(Buffer.compare(first.data, second.data)).toBe(0);
    expect(loaded.raw.map((file) => file.name)).not.toContain('x.bak');
  });

  test('can set the version', async () => {
    expect((await packageChart(files(minimal), { version: '2.0.0' })).filename).toBe('shop-2.0.0.tgz');
  });
});

describe('.helmignore', () => {
  test.each([
    { rules: '*.txt', path: 'a/b.txt', want: true },
    { rules: 'a/*.txt', path: 'a/b.txt', want: true },
    { rules: 'a/*.txt', path: 'x/a/b.txt', want: false },
    { rules: '/b.txt', path: 'a/b.txt', want: false },
    { rules: 'docs/', path: 'docs', isFolder: true, want: true },
    { rules: 'docs/', path: 'docs', want: false },
    { rules: '# x', path: '# x', want: false },
    { rules: '[a-c].txt', path: 'b.txt', want: true },
    { rules: '', path: 'templates/.hidden', want: true },
    { rules: '!keep', path: 'other', want: true },
  ])('$rules on $path is $want', ({ rules, path, isFolder = false, want }) => {
    expect(parseIgnore(rules).ignores(path, isFolder)).toBe(want);
  });

  test('double stars are refused', () => {
    expect(() => parseIgnore('a/**')).toThrow('double-star');
  });
});
