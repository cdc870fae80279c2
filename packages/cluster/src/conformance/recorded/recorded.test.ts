/** A selection of the recorded answers with every run of the tests; all of them: `npm run conformance -- cluster recorded`. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareAll } from './compare.ts';
import { loadAnswers, loadKnownDifferences, recordingsFolder } from './files.ts';
import { parseScript, loadScript } from './script.ts';
import { playOurs } from './suite.ts';

/** Quick ones: without watches, which wait, and without the many validations. */
const selection = ['namespaces', 'services', 'cel'];

test('the server answers as it was recorded', async () => {
  const folder = recordingsFolder();
  const script = await loadScript(join(folder, 'requests'));
  const ours = await playOurs(script.filter((file) => selection.includes(file.name)));

  const { open, identical } = compareAll(await loadAnswers(folder), ours, await loadKnownDifferences(folder));

  expect(open).toEqual([]);
  expect(identical).toBeGreaterThan(50);
});

test('a case is a step with members set and removed', () => {
  const text = `
templates: { cm: { kind: ConfigMap, metadata: { name: a, labels: { x: b } }, data: { k: v } } }
steps:
  - { do: POST v1/configmaps, from: cm, name: create, cases: { other: { metadata.name: b, metadata.labels: null, data.a~b: c } } }
`;

  const [step] = parseScript('file', text).steps;

  expect(step).toEqual({
    id: 'file: create, other',
    as: undefined,
    method: 'POST',
    path: '/api/v1/namespaces/rec-file/configmaps',
    headers: { 'content-type': 'application/json' },
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' }, data: { k: 'v', 'a.b': 'c' } },
  });
});
