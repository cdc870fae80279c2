import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runOracle } from './oracle.ts';

/** A selection of what the real Helm 3.19 answered; the runner takes whole files of the same formats. */
const files = ['templates', 'functions', 'values', 'schemas', 'charts'];

test.each(files)('%s are answered as Helm answers them', async (name) => {
  const rows = readFileSync(new URL(`../testdata/${name}.jsonl`, import.meta.url), 'utf8');

  const outcomes = await runOracle(rows);

  expect(outcomes.length).toBeGreaterThan(50);
  expect(outcomes.filter(({ agrees }) => !agrees)).toEqual([]);
});
