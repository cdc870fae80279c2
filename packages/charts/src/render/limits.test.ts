import { TowpathError } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { expect, test } from 'vitest';
import { chartFiles, renderOptions, testChart } from '../testing.ts';
import { loadChart } from '../chart/load.ts';
import { render } from './render.ts';

const bombs: Record<string, { texts: Record<string, string>; limits?: Record<string, number> }> = {
  'a loop inside a loop': {
    texts: { 'templates/a.yaml': '{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}' },
    limits: { timeMs: 50 },
  },
  'output without end': {
    texts: { 'templates/a.yaml': '{{ range until 100000 }}{{ repeat 1000 "x" }}{{ end }}' },
    limits: { outputChars: 100_000 },
  },
  'a text repeated beyond all measure': { texts: { 'templates/a.yaml': '{{ repeat 2000000000 "x" }}' } },
  'an include of itself': {
    texts: { 'templates/a.yaml': '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}' },
  },
  'a template of itself': {
    texts: { 'templates/a.yaml': '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}' },
  },
  'a tpl of itself': {
    texts: { 'values.yaml': 't: "{{ tpl .Values.t . }}"', 'templates/a.yaml': '{{ tpl .Values.t . }}' },
  },
  'a map that holds itself': {
    texts: { 'templates/a.yaml': '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ toYaml $d }}' },
  },
  'a printed map that holds itself': {
    texts: { 'templates/a.yaml': '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ $d }}' },
  },
  'a list that doubles': {
    texts: { 'templates/a.yaml': '{{ $l := list 1 }}{{ range until 60 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}' },
    limits: { timeMs: 2000 },
  },
  'a text that doubles': {
    texts: {
      'templates/a.yaml':
        '{{ $s := "x" }}{{ range until 64 }}{{ $s = print $s $s }}{{ end }}{{ splitList "" $s | len }}',
    },
    limits: { textChars: 1_000_000 },
  },
  'replacements that multiply': {
    texts: {
      'templates/a.yaml': '{{ $s := regexReplaceAll "a*" (repeat 10000 "b") (repeat 10000 "c") }}{{ len $s }}',
    },
    limits: { textChars: 1_000_000 },
  },
  'one file beyond all measure': {
    texts: { 'templates/a.yaml': '{{ range until 20000 }}{{ repeat 100 "x" }}{{ end }}' },
    limits: { textChars: 1_000_000 },
  },
  'passwords without end': {
    texts: { 'templates/a.yaml': '{{ range until 100 }}{{ htpasswd "a" "b" }}{{ end }}' },
    limits: { timeMs: 2 },
  },
  ...Object.fromEntries(
    [
      '$d',
      'toYaml $d',
      'toYamlPretty $d',
      'toJson $d',
      'toToml $d',
      'deepCopy $d',
      'merge (dict) $d',
      'deepEqual $d $e',
      'fromYaml (toYaml .Values.many)',
    ].map((action) => [
      `a map in itself twice, and so on: ${action}`,
      {
        texts: {
          'values.yaml': 'a: 1',
          'templates/a.yaml':
            '{{ $d := dict "z" 1 }}{{ $e := dict "z" 1 }}{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}' +
            `{{ $e = dict "a" $e "b" $e }}{{ end }}{{ $_ := set .Values "many" $d }}{{ ${action} }}`,
        },
      },
    ]),
  ),
};

test.each(Object.entries(bombs))('%s is stopped', async (_name, { texts, limits = {} }) => {
  const chart = await testChart(texts);
  const clock = new FakeClock();
  let reads = 0;
  // Each reading of the time takes a while.
  const ticking = { nowMs: () => clock.nowMs(), monotonicMs: () => (reads += 1) };

  expect(() => render({ ...renderOptions(), chart, clock: ticking, limits })).toThrow(TowpathError);
});

test('aliases that multiply are refused where they are read', async () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let index = 1; index < 12; index += 1) {
    const before = `*a${index - 1}`;
    lines.push(`a${index}: &a${index} [${Array.from({ length: 10 }, () => before).join(', ')}]`);
  }

  await expect(testChart({ 'values.yaml': lines.join('\n') })).rejects.toThrow('document contains excessive aliasing');
});

test('a regular expression cannot hang the render', async () => {
  const chart = await testChart({
    'templates/a.yaml': `r: {{ regexMatch "^(a+)+$" (printf "%sb" (repeat 5000 "a")) }}`,
  });

  expect(render({ ...renderOptions(), chart }).files.get('c/templates/a.yaml')).toBe('r: false');
});

test('too many and too large files are refused', async () => {
  const big = chartFiles({ 'files/a': 'x'.repeat(2000) });

  await expect(loadChart(big, { limits: { fileBytes: 1000 } })).rejects.toMatchObject({ code: 'CHART_TOO_LARGE' });
  await expect(loadChart(big, { limits: { files: 1 } })).rejects.toMatchObject({ code: 'CHART_TOO_LARGE' });
});
