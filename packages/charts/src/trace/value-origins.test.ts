import { describe, expect, test } from 'vitest';
import { render } from '../render/render.ts';
import { renderOptions, testChart } from '../testing.ts';
import { valuesFromFlags } from '../values/flags.ts';
import type { ValueOrigin } from './types.ts';

const files = {
  'Chart.yaml':
    'apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- name: redis\n  version: 1.0.0\n  alias: cache\n  import-values:\n  - defaults\n  - child: more\n    parent: extra\n',
  'values.yaml':
    'image: &image\n  tag: one\nother:\n  <<: *image\nhosts: [a, b]\ngone:\n  x: 1\nglobal:\n  zone: z\ncache:\n  size: 1\n',
  'charts/redis/Chart.yaml': 'apiVersion: v2\nname: redis\nversion: 1.0.0\n',
  'charts/redis/values.yaml':
    'size: 2\nport: 6379\nglobal:\n  zone: own\n  only: mine\nexports:\n  defaults:\n    shared: yes\nmore:\n  deep: 1\n',
  'charts/redis/templates/r.yaml':
    'a: {{ .Values.global.zone }}\nb: {{ .Values.global.only }}\nc: {{ .Values.size }}\n',
};

function shown({ kind, source, at, isNull }: ValueOrigin): string {
  const place = at === undefined ? '' : `:${at.line}:${at.column}`;
  return `${kind} ${source}${place}${isNull === true ? ' null' : ''}`;
}

describe('who set a value', () => {
  const values = valuesFromFlags({
    valueFiles: [
      { name: 'a.yaml', text: 'image:\n  tag: two\n' },
      { name: 'b.yaml', text: '# first\nimage: {tag: three}\ngone: null\nhosts:\n- x\n' },
    ],
    set: ['image.tag=four,n=1', 'hosts[0]=y'],
    setString: ['cache.size=5'],
  });
  const chartFile = 'chart c/values.yaml';

  test.each([
    {
      path: 'image.tag',
      origins: ['flag --set image.tag=four,n=1', 'file b.yaml:2:9', 'file a.yaml:2:3', `${chartFile}:2:3`],
    },
    { path: 'other.tag', origins: [`${chartFile}:2:3`] },
    { path: 'hosts[0]', origins: ['flag --set hosts[0]=y', 'file b.yaml:5:3', `${chartFile}:5:9`] },
    { path: 'hosts[1]', origins: ['file b.yaml:4:1', `${chartFile}:5:12`] },
    { path: 'gone.x', origins: ['file b.yaml:3:1 null', `${chartFile}:7:3`] },
    {
      path: 'cache.size',
      origins: ['flag --set-string cache.size=5', `${chartFile}:11:3`, 'chart c/charts/cache/values.yaml:1:1'],
    },
    { path: 'cache.port', origins: ['chart c/charts/cache/values.yaml:2:1'] },
    { path: 'shared', origins: ['import c/charts/cache/values.yaml:8:5'] },
    { path: 'extra.deep', origins: ['import c/charts/cache/values.yaml:10:3'] },
    { path: 'nothing', origins: [] },
  ])('$path', async ({ path, origins }) => {
    const chart = await testChart(files);

    const { trace } = render({ ...renderOptions(), chart, values, trace: true });

    expect(trace?.origins(path).map(shown)).toEqual(origins);
  });

  test('a dependency reads its own values and the globals of the root', async () => {
    const chart = await testChart(files);

    const { trace } = render({ ...renderOptions(), chart, values, trace: true });

    const paths = [1, 2, 3].map((line) => trace?.line('c/charts/cache/templates/r.yaml', line)?.values[0]?.path);
    expect(paths).toEqual(['global.zone', 'cache.global.only', 'cache.size']);
  });

  test('what nobody reads', async () => {
    const chart = await testChart({
      'Chart.yaml':
        'apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- {name: s, version: 1.0.0, condition: s.enabled, tags: [t]}\n',
      'charts/s/Chart.yaml': 'apiVersion: v2\nname: s\nversion: 1.0.0\n',
      'values.yaml':
        'a: {b: 1, c: 2}\nd: [{e: 1, f: 2}]\ng: {h: {i: 1}}\nj: {k: 1}\nl: {}\ns: {enabled: true, extra: 1}\ntags: {t: true}\n',
      'templates/a.yaml':
        'a: {{ .Values.a.b }}\n{{ range .Values.d }}{{ .e }}: 1{{ end }}\n{{ toYaml .Values.g }}{{ if .Values.j }}{{ end }}',
    });

    const { trace } = render({ ...renderOptions(), chart, trace: true });

    expect(trace?.unreadValues).toEqual(['a.c', 'd[0].f', 'j.k', 'l', 's.extra']);
  });
});
