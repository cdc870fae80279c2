import { seededRandom } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { expect, test } from 'vitest';
import { lintChart } from './lint.ts';

const sound = {
  'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\nicon: https://example.com/i.svg\n',
  'values.yaml': 'a: 1\n',
  'templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n',
};

test.each([
  { name: 'a sound chart', change: {}, want: [] },
  {
    name: 'no icon',
    change: { 'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n' },
    want: ['INFO Chart.yaml: icon is recommended'],
  },
  {
    name: 'no values',
    change: { 'values.yaml': undefined },
    want: ['INFO values.yaml: file does not exist'],
  },
  {
    name: 'a template with a strange extension',
    change: { 'templates/b.sh': '# nothing' },
    want: ["ERROR templates/b.sh: file extension '.sh' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"],
  },
  {
    name: 'a dependency that is not there',
    change: { 'Chart.yaml': `${sound['Chart.yaml']}dependencies:\n- name: redis\n  version: 1.0.0\n` },
    want: ['WARNING : chart directory is missing these dependencies: redis'],
  },
])('$name', async ({ change, want }) => {
  const entries = Object.entries({ ...sound, ...change }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const files = new Map(entries.map(([name, text]) => [name, Buffer.from(text)]));

  const messages = await lintChart({ files, values: {}, clock: new FakeClock(), random: seededRandom(1) });

  expect(messages.map(({ severity, path, message }) => `${severity} ${path}: ${message}`)).toEqual(want);
});

test('a template that does not render is an error that names it', async () => {
  const files = new Map(
    Object.entries({ ...sound, 'templates/a.yaml': 'a: {{ .Values.x.y }}' }).map(([name, text]) => [
      name,
      Buffer.from(text),
    ]),
  );

  const messages = await lintChart({ files, values: {}, clock: new FakeClock(), random: seededRandom(1) });

  expect(messages).toMatchObject([{ severity: 'ERROR', path: 'templates/' }]);
  expect(messages[0]?.message).toContain('templates/a.yaml');
});

test('a schema without an end is an error, too', async () => {
  const schema = `${'{"not":'.repeat(700)}{}${'}'.repeat(700)}`;
  const files = new Map(
    Object.entries({ ...sound, 'values.schema.json': schema }).map(([name, text]) => [name, Buffer.from(text)]),
  );

  const messages = await lintChart({ files, values: {}, clock: new FakeClock(), random: seededRandom(1) });

  expect(messages).toMatchObject([{ path: 'values.yaml' }, { path: 'templates/' }]);
  expect(messages[0]?.message).toMatch(/values\.schema\.json nests (?:too many|more than 1500) checks/);
});
