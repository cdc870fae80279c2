import { describe, expect, test } from 'vitest';
import { templateOutput, type TemplateOutputOptions } from '../render/output.ts';
import { render } from '../render/render.ts';
import { renderOptions, testChart } from '../testing.ts';
import { mergeCoverage } from './coverage.ts';
import { traceToJson } from './json.ts';
import type { LineOrigin, TemplateCoverage } from './types.ts';

const helpers = `{{- define "c.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 -}}
{{- end -}}
{{- define "c.labels" -}}
app: {{ include "c.name" . }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- define "c.port" -}}
port: {{ .port }}
{{- end -}}
`;

const valuesYaml = `nameOverride: ""
image:
  repository: web
  tag: "1.2"
labels:
  team: shop
  "a.b/c": d
hosts:
- a.example
- b.example
ports:
- port: 80
- port: 443
resources:
  limits:
    cpu: 1
    memory: 1Gi
config: |
  name: {{ .Values.image.tag }}
env:
  LEVEL: info
`;

/** `file:line <- includes {values}` in short. */
function shown(origin: LineOrigin | undefined): string {
  if (origin === undefined) return '';
  const short = (file: string): string => file.slice(file.lastIndexOf('/') + 1);
  const { template, includes, values } = origin;
  const stack = includes.map(({ name, at }) => ` < ${name}@${short(at.file)}:${at.line}`).join('');
  const read = values.length === 0 ? '' : ` {${values.map(({ path }) => path).join(' ')}}`;
  return `${short(template.file)}:${template.line}:${template.column}${stack}${read}`;
}

describe('the origin of a line', () => {
  test.each([
    { name: 'text', template: 'a: b', lines: ['t.yaml:1:1'] },
    { name: 'text after a trimmed action', template: '{{- $x := 1 }}\n  a: b', lines: ['', 't.yaml:2:3'] },
    { name: 'a value', template: 'a: {{ .Values.image.tag }}', lines: ['t.yaml:1:1 {image.tag}'] },
    {
      name: 'two values',
      template: '{{ .Values.image.repository }}: {{ .Values.image.tag }}',
      lines: ['t.yaml:1:1 {image.repository image.tag}'],
    },
    { name: 'a value nobody set', template: 'a: {{ .Values.image.y | default "z" }}', lines: ['t.yaml:1:1 {image.y}'] },
    {
      name: 'a variable',
      template: '{{ $t := .Values.image.tag }}\na: {{ $t }}',
      lines: ['', 't.yaml:2:1 {image.tag}'],
    },
    {
      name: 'a condition is not printed',
      template: '{{ if .Values.image }}\na: b\n{{ end }}',
      lines: ['', 't.yaml:2:1'],
    },
    {
      name: 'with',
      template: '{{ with .Values.image }}\na: {{ .tag }}\nb: c{{ end }}',
      lines: ['', 't.yaml:2:1 {image.tag}', 't.yaml:3:1 {image}'],
    },
    {
      name: 'with a text',
      template: '{{ with .Values.image.tag }}a: {{ . }}{{ end }}',
      lines: ['t.yaml:1:29 {image.tag}'],
    },
    {
      name: 'range over texts',
      template: 'l:\n{{ range .Values.hosts -}}\n- {{ . }}\n{{ end }}',
      lines: ['t.yaml:1:1', 't.yaml:3:1 {hosts[0]}', 't.yaml:3:1 {hosts[1]}'],
    },
    {
      name: 'range over tables',
      template: 'l:\n{{ range .Values.ports -}}\n- a: b\n  port: {{ .port }}\n{{ end }}',
      lines: [
        't.yaml:1:1',
        't.yaml:3:1 {ports[0]}',
        't.yaml:4:3 {ports[0].port}',
        't.yaml:3:1 {ports[1]}',
        't.yaml:4:3 {ports[1].port}',
      ],
    },
    {
      name: 'range with variables',
      template: '{{ range $k, $v := .Values.env -}}\n{{ $k }}: {{ $v }}{{ end }}',
      lines: ['t.yaml:2:1 {env.LEVEL}'],
    },
    { name: 'include in a line', template: 'a: {{ include "c.name" . }}', lines: ['t.yaml:1:1 {nameOverride}'] },
    {
      name: 'include with nindent',
      template: 'l:\n  {{- include "c.labels" . | nindent 2 }}',
      lines: [
        't.yaml:1:1',
        '_helpers.tpl:5:1 < c.labels@t.yaml:2 {nameOverride}',
        '_helpers.tpl:7:1 < c.labels@t.yaml:2 {labels."a.b/c"}',
        '_helpers.tpl:7:1 < c.labels@t.yaml:2 {labels.team}',
      ],
    },
    {
      name: 'include through a variable and quote',
      template: '{{ $n := include "c.name" . | quote }}\n{{ $n }}: a',
      lines: ['', '_helpers.tpl:2:1 < c.name@t.yaml:1 {nameOverride}'],
    },
    {
      name: 'template',
      template: '{{ range .Values.ports }}{{ template "c.port" . }}\n{{ end }}',
      lines: [
        '_helpers.tpl:11:1 < c.port@t.yaml:1 {ports[0].port}',
        '_helpers.tpl:11:1 < c.port@t.yaml:1 {ports[1].port}',
      ],
    },
    {
      name: 'a table printed whole',
      template: 'r:\n  {{- toYaml .Values.resources | nindent 2 }}',
      lines: [
        't.yaml:1:1',
        't.yaml:2:3 {resources.limits}',
        't.yaml:2:3 {resources.limits.cpu}',
        't.yaml:2:3 {resources.limits.memory}',
      ],
    },
    {
      name: 'a changed copy',
      template:
        '{{ $r := deepCopy .Values.resources }}{{ $_ := set $r.limits "cpu" .Values.image.tag }}\n{{ toYaml $r }}',
      lines: ['', 't.yaml:2:1 {resources.limits}', 't.yaml:2:1 {image.tag}', 't.yaml:2:1 {resources.limits.memory}'],
    },
    {
      name: 'merged tables',
      template: '{{ merge (dict "LEVEL" .Values.image.tag) .Values.env .Values.labels | toYaml }}',
      lines: ['t.yaml:1:1 {image.tag}', 't.yaml:1:1 {labels."a.b/c"}', 't.yaml:1:1 {labels.team}'],
    },
    {
      name: 'a table for include',
      template: '{{ include "c.port" (dict "port" .Values.image.tag) }}',
      lines: ['_helpers.tpl:11:1 < c.port@t.yaml:1 {image.tag}'],
    },
    {
      name: 'index, get and dig',
      template:
        'a: {{ index .Values.hosts 1 }}{{ get .Values.env "LEVEL" }}\nb: {{ dig "image" "tag" "" .Values.AsMap }}',
      lines: ['t.yaml:1:1 {hosts[1] env.LEVEL}', 't.yaml:2:1 {image.tag}'],
    },
    { name: 'join', template: 'a: {{ join "," .Values.hosts }}', lines: ['t.yaml:1:1 {hosts}'] },
    {
      name: 'tpl of a printed table',
      template: 'l:\n{{ tpl (toYaml (dict "b" .Values.config "a" .Values.labels)) . }}',
      lines: [
        't.yaml:1:1',
        't.yaml:2:1 < tpl@t.yaml:2 {labels}',
        't.yaml:2:1 < tpl@t.yaml:2 {labels."a.b/c"}',
        't.yaml:2:1 < tpl@t.yaml:2 {labels.team}',
        't.yaml:2:1 < tpl@t.yaml:2 {config}',
        't.yaml:2:1 < tpl@t.yaml:2 {config image.tag}',
      ],
    },
    {
      name: 'labels read back from YAML and merged',
      template:
        'l:\n  {{- $own := dict "x" .Values.image.tag }}{{ merge $own (include "c.labels" . | fromYaml) | toYaml | nindent 2 }}',
      lines: [
        't.yaml:1:1',
        't.yaml:2:44 {labels."a.b/c"}',
        't.yaml:2:44 {nameOverride}',
        't.yaml:2:44 {labels.team}',
        't.yaml:2:44 {image.tag}',
      ],
    },
    {
      name: 'tpl',
      template: 'a:\n{{ tpl .Values.config . }}',
      lines: ['t.yaml:1:1', 't.yaml:2:1 < tpl@t.yaml:2 {config image.tag}'],
    },
  ])('$name', async ({ template, lines }) => {
    const chart = await testChart({
      'values.yaml': valuesYaml,
      'templates/_helpers.tpl': helpers,
      'templates/t.yaml': template,
    });

    const { trace, files } = render({ ...renderOptions(), chart, trace: true });

    const file = 'c/templates/t.yaml';
    const text = (files.get(file) ?? '').trimEnd();
    const origins = text
      .split('\n')
      .map((line, index) => (line.trim() === '' ? '' : shown(trace?.line(file, index + 1))));
    expect(origins).toEqual(lines);
    expect(text).toBe((render({ ...renderOptions(), chart }).files.get(file) ?? '').trimEnd());
  });

  test('a line of the whole output', async () => {
    const hook = 'kind: Job\napiVersion: v1\nmetadata: {name: j, annotations: {helm.sh/hook: test}}';
    const chart = await testChart({
      'templates/a.yaml': `${hook}\n---\n\nkind: Service\nmetadata:\n  name: s`,
      'templates/b.yaml': 'kind: Namespace\nmetadata:\n  name: {{ .Release.Namespace }}',
    });

    const result = render({ ...renderOptions(), chart, trace: true });

    const placesOf = (options: TemplateOutputOptions): string[] =>
      templateOutput(result, options)
        .split('\n')
        .flatMap((line, index) => {
          const place = result.trace?.outputLine(index + 1, options)?.template;
          return place === undefined ? [] : [`${line} @${place.file.slice(12)}:${place.line}`];
        });
    const manifests = [
      'kind: Namespace @b.yaml:1',
      'metadata: @b.yaml:2',
      '  name: ns @b.yaml:3',
      'kind: Service @a.yaml:6',
      'metadata: @a.yaml:7',
      '  name: s @a.yaml:8',
    ];
    const hooks = hook.split('\n').map((line, index) => `${line} @a.yaml:${index + 1}`);
    expect(placesOf({})).toEqual([...manifests, ...hooks]);
    expect(placesOf({ noHooks: true })).toEqual(manifests);
    expect(placesOf({ skipTests: true })).toEqual(manifests);
    expect(placesOf({ showOnly: ['templates/a.yaml'] })).toEqual([...manifests.slice(3), ...hooks]);
  });

  test('as JSON data', async () => {
    const chart = await testChart({
      'values.yaml': 'a: 1\nb: 2\n',
      'templates/a.yaml': 'kind: A\n---\nkind: B\nx: {{ .Values.a }}\n',
    });
    const result = render({ ...renderOptions(), chart, trace: true });

    const data = result.trace === undefined ? undefined : traceToJson(result.trace, result);

    const place = (line: number) => ({ file: 'c/templates/a.yaml', line, column: 1 });
    expect(JSON.parse(JSON.stringify(data))).toMatchObject({
      objects: [
        { kind: 'A', isHook: false, lines: [{ line: 1, template: place(1), values: [] }] },
        { kind: 'B', lines: [{ template: place(3) }, { line: 2, template: place(4), values: ['a'] }] },
      ],
      values: { a: [{ kind: 'chart', at: { line: 1, column: 1 } }] },
      unreadValues: ['b'],
    });
  });
});

describe('coverage', () => {
  const files = {
    'templates/_h.tpl': '{{ define "used" }}x{{ end }}\n{{ define "unused" }}\ny\n{{ end }}',
    'templates/a.yaml': 'a: {{ include "used" . }}\n{{ if .Values.on }}\nb: c\nd: e\n{{ else }}\nf: g\n{{ end }}',
  };
  const covered = async (values: Record<string, unknown>) => {
    const chart = await testChart(files);
    return render({ ...renderOptions(), chart, values, trace: true }).trace?.coverage ?? [];
  };
  const short = (list: readonly TemplateCoverage[]): string[] =>
    list.map(({ template, ran, total, missedLines }) => `${template} ${ran}/${total} ${missedLines.join(',')}`);

  test('tells the lines that never ran', async () => {
    expect(short(await covered({}))).toEqual(['c/templates/a.yaml 4/5 3,4', 'c/templates/_h.tpl 1/2 3']);
  });

  test('adds renders up', async () => {
    const merged = mergeCoverage([await covered({}), await covered({ on: true })]);

    expect(short(merged)).toEqual(['c/templates/a.yaml 5/5 ', 'c/templates/_h.tpl 1/2 3']);
  });
});

describe('whole numbers that are written with an exponent', () => {
  test.each([
    { name: 'printed', template: 'x: y\na: {{ .Values.count }}', place: 'c/templates/a.yaml:2' },
    { name: 'quoted', template: 'a: {{ .Values.count | quote }}', place: 'c/templates/a.yaml:1' },
    { name: 'in tpl', template: 'x: y\n{{ tpl "a: {{ .Values.count }}" . }}', place: 'c/templates/a.yaml:2' },
    { name: 'as an integer', template: 'a: {{ .Values.count | int64 }}', place: undefined },
    { name: 'as YAML', template: 'a: {{ .Values.count | toYaml }}', place: undefined },
    { name: 'small', template: 'a: {{ .Values.small }}{{ .Values.small }}', place: undefined },
  ])('$name', async ({ template, place }) => {
    const chart = await testChart({ 'values.yaml': 'count: 1000000\nsmall: 999999', 'templates/a.yaml': template });

    const warnings = [false, true].map((trace) => render({ ...renderOptions(), chart, trace }).warnings);

    const text = (path: string): string =>
      `${place}: the number 1000000${path} is written as 1e+06; pipe it through int64`;
    const expected = (path: string) => (place === undefined ? [] : [{ code: 'FLOAT_EXPONENT', message: text(path) }]);
    expect(warnings).toEqual([expected(''), expected(' (count)')]);
  });
});

test('a render that only a trace takes too far comes without one', async () => {
  const recursion =
    '{{ define "r" }}{{ if gt . 0 }}{{ include "r" (sub . 1) }}{{ end }}{{ end }}a: {{ include "r" DEPTH }}b';
  const rendered = async (depth: number) => {
    const chart = await testChart({ 'templates/a.yaml': recursion.replace('DEPTH', String(depth)) });
    return render({ ...renderOptions(), chart, trace: true });
  };

  expect((await rendered(10)).trace).toBeDefined();
  expect((await rendered(999)).files.get('c/templates/a.yaml')).toBe('a: b');
});
