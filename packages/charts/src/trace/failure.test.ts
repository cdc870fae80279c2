import { TowpathError } from '@towpath/kit';
import { describe, expect, test } from 'vitest';
import { render } from '../render/render.ts';
import { renderOptions, testChart } from '../testing.ts';
import { valuesFromFlags } from '../values/flags.ts';
import type { RenderFailure } from './types.ts';

async function failureOf(files: Record<string, string>, set: string[] = []): Promise<RenderFailure> {
  const chart = await testChart(files);
  try {
    render({ ...renderOptions(), chart, values: valuesFromFlags({ set }) });
  } catch (error) {
    if (error instanceof TowpathError && error.details !== undefined) return error.details as RenderFailure;
    throw error;
  }
  throw new Error('it rendered');
}

const file = 'c/templates/a.yaml';

describe('the details of a failure', () => {
  test.each([
    {
      name: 'a value below nothing',
      files: { 'values.yaml': 'a: {}', 'templates/a.yaml': 'x: y\nz: {{ .Values.a.b.c }}' },
      details: {
        at: { file, line: 2, column: 14 },
        expression: '.Values.a.b.c',
        problem: 'nil pointer evaluating interface {}.c',
        values: [
          { path: 'a.b.c', origins: [] },
          {
            path: 'a',
            origins: [{ kind: 'chart', source: 'c/values.yaml', at: { file: 'c/values.yaml', line: 1, column: 1 } }],
          },
        ],
        includes: [],
      },
    },
    {
      name: 'a required value inside an include',
      files: {
        'values.yaml': 'image:\n  tag: ""',
        'templates/_h.tpl': '{{ define "tag" }}{{ required "set image.tag" .Values.image.tag }}{{ end }}',
        'templates/a.yaml': 'x: {{ include "tag" . }}',
      },
      details: {
        at: { file: 'c/templates/_h.tpl', line: 1, column: 22 },
        expression: 'required "set image.tag" .Values.image.tag',
        problem: 'set image.tag',
        values: [
          {
            path: 'image.tag',
            origins: [{ kind: 'chart', source: 'c/values.yaml', at: { file: 'c/values.yaml', line: 2, column: 3 } }],
          },
        ],
        includes: [{ name: 'tag', at: { file, line: 1, column: 4 } }],
      },
    },
    {
      name: 'what a condition read',
      files: { 'templates/a.yaml': '{{ if eq .Values.mode "x" }}{{ fail "no x" }}{{ end }}' },
      set: ['mode=x'],
      details: {
        problem: 'no x',
        values: [{ path: 'mode', origins: [{ kind: 'flag', source: '--set mode=x', at: undefined }] }],
      },
    },
    {
      name: 'what a blank text looked at',
      files: {
        'templates/_h.tpl': '{{ define "n" }}{{ if .Values.a }}{{ .Values.b }}{{ end }}{{ end }}',
        'templates/a.yaml': 'x: {{ required "set a" (include "n" .) }}{{ required "set b" (tpl .Values.b .) }}',
      },
      details: { problem: 'set a', values: [{ path: 'a' }] },
    },
    {
      name: 'what the text of tpl was',
      files: {
        'values.yaml': 'b: ""',
        'templates/a.yaml': 'x: {{ required "set b" (tpl .Values.b .) }}',
      },
      details: { problem: 'set b', values: [{ path: 'b' }] },
    },
    {
      name: 'a template that cannot be parsed',
      files: { 'templates/a.yaml': 'x: y\n{{ nothing }}' },
      details: { at: { file, line: 2, column: 1 }, problem: 'function "nothing" not defined' },
    },
    {
      name: 'output that is no YAML',
      files: {
        'values.yaml': 'note: "a: b"',
        'templates/a.yaml': 'kind: A\n---\nkind: B\ndata:\n  note: {{ .Values.note }}\n  x: y\n',
      },
      details: {
        at: { file, line: 5, column: 3 },
        problem: 'error converting YAML to JSON: yaml: line 3: mapping values are not allowed in this context',
        values: [{ path: 'note' }],
        rendered: { file, line: 5, lines: [2, 3, 4, 5, 6, 7].map((line) => ({ line })) },
      },
    },
    {
      name: 'values against the schema',
      files: {
        'values.yaml': 'ports:\n- 80\n- web',
        'values.schema.json': '{"properties":{"ports":{"items":{"type":"integer"}}}}',
      },
      details: {
        at: { file: 'c/values.yaml', line: 3, column: 3 },
        schema: [{ path: 'ports[1]', chart: 'c', problem: 'got string, want integer', value: '"web"' }],
      },
    },
  ])('$name', async ({ files, set, details }) => {
    expect(await failureOf(files as unknown as Record<string, string>, set)).toMatchObject(details);
  });

  test('a values file that is no YAML', () => {
    const parse = (): unknown => valuesFromFlags({ valueFiles: [{ name: 'prod.yaml', text: 'a: 1\nb: [\nc: 2\n' }] });

    expect(parse).toThrow(
      expect.objectContaining({
        code: 'VALUES_INVALID',
        details: expect.objectContaining({ at: { file: 'prod.yaml', line: 3, column: 1 } }) as object,
      }),
    );
  });
});
