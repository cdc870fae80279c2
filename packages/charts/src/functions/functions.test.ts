import { seededRandom } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { expect, test } from 'vitest';
import { renderFiles } from '../render/render.ts';
import { functionGroups } from './index.ts';

const rows = Object.values(functionGroups).flat();

function renderTemplate(text: string): string {
  const metadata = { apiVersion: 'v2', name: 'c', version: '1.0.0' };
  const template = { name: 'templates/t.yaml', data: new TextEncoder().encode(text) };
  const chart = { metadata, values: {}, templates: [template], files: [], crds: [], dependencies: [], raw: [] };
  const { files } = renderFiles({
    chart,
    values: {},
    release: { name: 'r', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false },
    clock: new FakeClock(),
    random: seededRandom(1),
  });
  return files.get('c/templates/t.yaml') ?? '';
}

test('no two functions share a name', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
});

test('each says what it does, and nearly all show it', () => {
  expect(rows.filter(({ doc }) => doc.trim() === '')).toEqual([]);
  // What is left has nothing repeatable to show.
  const silent = rows.filter(({ example }) => example === undefined).map(({ name }) => name);
  expect(
    silent.filter((name) => !/^(?:call|fail|now|ago|rand|shuffle|uuid|bcrypt|htpasswd|gen|build)/.test(name)),
  ).toEqual([]);
});

test.each(
  rows.flatMap(({ name, example }) =>
    example === undefined ? [] : [{ name, template: example[0], output: example[1] }],
  ),
)('$name does as its example says', ({ template, output }) => {
  expect(renderTemplate(template)).toBe(output);
});
