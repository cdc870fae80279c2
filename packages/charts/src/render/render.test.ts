import { describe, expect, test } from 'vitest';
import { loadChart } from '../chart/load.ts';
import { chartFiles, renderOptions, testChart } from '../testing.ts';
import { manifestText, templateOutput } from './output.ts';
import { render, renderWithLookup } from './render.ts';

const object = (kind: string, name: string, more = ''): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${more}`;

describe('render', () => {
  test('orders manifests for installation and keeps hooks apart', async () => {
    const chart = await testChart({
      'templates/a.yaml': object('Service', 's'),
      'templates/b.yaml': `${object('ConfigMap', 'm')}---\n${object('Namespace', 'space')}`,
      'templates/job.yaml': object(
        'Job',
        'j',
        '  annotations:\n    "helm.sh/hook": pre-install,pre-upgrade\n    "helm.sh/hook-weight": "-5"\n',
      ),
      'templates/NOTES.txt': 'Hello {{ .Release.Name }}',
      'templates/_helpers.tpl': '{{ define "x" }}{{ end }}',
    });

    const result = render({ ...renderOptions(), chart });

    expect(result.manifests.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
      'Namespace/space',
      'ConfigMap/m',
      'Service/s',
    ]);
    expect(result.hooks).toMatchObject([{ name: 'j', events: ['pre-install', 'pre-upgrade'], weight: -5 }]);
    expect(result.notes).toBe('Hello r');
    expect(manifestText(result)).toMatch(/^---\n# Source: c\/templates\/b\.yaml\napiVersion: v1\nkind: Namespace\n/);
  });

  test('shows only what is asked for', async () => {
    const chart = await testChart({
      'templates/a.yaml': object('Service', 's'),
      'templates/b.yaml': object('Secret', 't'),
    });

    const result = render({ ...renderOptions(), chart });

    expect(templateOutput(result, { showOnly: ['templates/b.yaml'] })).toBe(
      `---\n# Source: c/templates/b.yaml\n${object('Secret', 't')}`,
    );
    expect(() => templateOutput(result, { showOnly: ['templates/c.yaml'] })).toThrow(
      'could not find template templates/c.yaml in chart',
    );
  });

  test.each([
    {
      name: 'a template that fails',
      files: { 'templates/a.yaml': '{{ .Values.a.b }}' },
      code: 'RENDER_FAILED',
      message: 'c/templates/a.yaml:1:10',
    },
    {
      name: 'output that is no YAML',
      files: { 'templates/a.yaml': 'a: [' },
      code: 'MANIFEST_INVALID',
      message: 'YAML parse error on c/templates/a.yaml',
    },
    {
      name: 'values against the schema',
      files: { 'values.yaml': 'a: 1', 'values.schema.json': '{"properties":{"a":{"type":"string"}}}' },
      code: 'VALUES_SCHEMA',
      message: "at '/a': got number, want string",
    },
    {
      name: 'a library',
      files: { 'Chart.yaml': 'name: c\nversion: 1.0.0\ntype: library' },
      code: 'CHART_INVALID',
      message: 'library charts are not installable',
    },
    {
      name: 'a dependency that is not there',
      files: { 'Chart.yaml': 'name: c\nversion: 1.0.0\ndependencies: [{name: d}]' },
      code: 'CHART_INVALID',
      message: 'missing in charts/ directory: d',
    },
  ])('$name is refused with its place', async ({ files, code, message }) => {
    const chart = await testChart(files as unknown as Record<string, string>);

    expect(() => render({ ...renderOptions(), chart })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });

  test('answers lookups that must be awaited', async () => {
    const chart = await testChart({
      'templates/a.yaml':
        '{{ $s := lookup "v1" "Secret" .Release.Namespace "s" }}{{ (lookup "v1" "Secret" "" "t").kind }}: {{ $s.data.k }}',
    });
    const asked: string[] = [];

    const result = await renderWithLookup({ ...renderOptions(), chart }, async ({ namespace, name }) => {
      asked.push(`${namespace}/${name}`);
      return { kind: 'Secret', data: { k: name } };
    });

    expect(result.files.get('c/templates/a.yaml')).toBe('Secret: s');
    expect(asked).toEqual(['ns/s', '/t']);
  });

  test('the same chart, clock and randomness give the same text', async () => {
    const chart = await testChart({
      'templates/a.yaml':
        'a: {{ randAlphaNum 20 }}\nb: {{ uuidv4 }}\nc: {{ now | date "2006" }}\nd: {{ genCA "x" 3 | toJson }}',
    });

    const [first, second] = [1, 2].map(() => templateOutput(render({ ...renderOptions(), chart })));

    expect(first).toBe(second);
  });
});

test('prints bytes of files as numbers, soon', async () => {
  const chart = await testChart({
    big: 'x'.repeat(2_000_000),
    'templates/a.yaml':
      'a: |\n  {{ printf "%v %d %03d %#v" (.Files.GetBytes "small") (.Files.GetBytes "small") (.Files.GetBytes "small") ' +
      '(.Files.GetBytes "small") }}{{ $text := print .Files }} {{ gt (len $text) 8000000 }}',
    small: 'a b',
  });

  const { files } = render({ ...renderOptions(), chart });

  expect(files.get('c/templates/a.yaml')).toBe(
    'a: |\n  [97 32 98] [97 32 98] [097 032 098] []byte{0x61, 0x20, 0x62} true',
  );
});

test('a byte that is no UTF-8 is named as Go names it', async () => {
  const bytes = new Uint8Array([0x7b, 0x7b, 0x20, 0x78, 0xe2, 0x20, 0x7d, 0x7d]);
  const chart = await loadChart(new Map([...chartFiles({}), ['templates/a.yaml', bytes]]));

  expect(() => render({ ...renderOptions(), chart })).toThrow(
    "parse error at (c/templates/a.yaml:1): bad character U+FFFD '\ufffd'",
  );
});

test.each([
  { bytes: [0xed, 0xa0, 0x80], problem: 'invalid Unicode character' },
  { bytes: [0xf4, 0x90, 0x80, 0x80], problem: 'invalid Unicode character' },
  { bytes: [0xe0, 0x80, 0x80], problem: 'invalid length of a UTF-8 sequence' },
  { bytes: [0xc3, 0x28, 0x0a], problem: 'invalid trailing UTF-8 octet' },
  { bytes: [0xff], problem: 'invalid leading UTF-8 octet' },
  { bytes: [0xe2, 0x80], problem: 'incomplete UTF-8 octet sequence' },
  { bytes: [0x01, 0xff], problem: 'control characters are not allowed' },
])('values with the bytes $bytes are refused as go-yaml refuses them', async ({ bytes, problem }) => {
  const values = new Uint8Array([0x61, 0x3a, 0x20, ...bytes]);

  await expect(loadChart(new Map([...chartFiles({}), ['values.yaml', values]]))).rejects.toThrow(`yaml: ${problem}`);
});
