import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runOracle } from './oracle.ts';

/** A selection of what the real Helm 3.19 answered; the runner takes whole files of the same formats. */
const files = ['templates', 'functions', 'values', 'schemas', 'charts'];

const cases = [
  ...files.map((name) => ({ name, trace: false })),
  // Schemas are checked before anything is traced.
  ...files.filter((name) => name !== 'schemas').map((name) => ({ name, trace: true })),
];

test.each(cases)('$name are answered as Helm answers them, trace $trace', async ({ name, trace }) => {
  const rows = readFileSync(new URL(`../testdata/${name}.jsonl`, import.meta.url), 'utf8');

  const outcomes = await runOracle(rows, { trace });

  expect(outcomes.length).toBeGreaterThan(50);
  expect(outcomes.filter(({ agrees }) => !agrees)).toEqual([]);
});
