/** The published entry on its own: what it defaults, and what it says where a chart needs more. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as inside from './index.ts';
import * as published from './published.ts';
import { filesFromTexts, fixedTime, lintChart, loadChart, render, seededRandom, templateOutput } from './published.ts';

const chartYaml = 'apiVersion: v2\nname: shop\nversion: 1.0.0\n';

async function output(template: string, input: object = {}): Promise<string> {
  const chart = await loadChart(filesFromTexts({ 'Chart.yaml': chartYaml, 'templates/t.yaml': template }));
  return templateOutput(render({ chart, ...input }));
}

test('a chart alone is enough', async () => {
  const text = await output('release: {{ .Release.Name }}\nnamespace: {{ .Release.Namespace }}\n');

  expect(text).toBe('---\n# Source: shop/templates/t.yaml\nrelease: release-name\nnamespace: default\n');
});

test.each([
  { name: 'time', template: 'at: {{ now }}', says: /given no time: pass `clock: systemTime`/ },
  {
    name: 'randomness',
    template: 'password: {{ randAlphaNum 8 }}',
    says: /given no randomness: pass `random: systemRandom`/,
  },
  { name: 'time, for a certificate', template: '{{ genCA "a" 1 }}', says: /given no (?:time|randomness)/ },
])('a chart that needs $name says what to pass', async ({ template, says }) => {
  await expect(output(template)).rejects.toMatchObject({ code: 'RENDER_FAILED', message: expect.stringMatching(says) });
});

test('the same time and seed give the same output', async () => {
  const template = 'at: {{ now | unixEpoch }}\npassword: {{ randAlphaNum 8 }}\n';
  const texts = await Promise.all(
    [1, 1, 2].map((seed) => output(template, { clock: fixedTime(86_400_000), random: seededRandom(seed) })),
  );

  expect(texts[0]).toContain('at: 86400');
  expect(texts[1]).toBe(texts[0]);
  expect(texts[2]).not.toBe(texts[0]);
});

test('lint needs files only', async () => {
  const messages = await lintChart({ files: filesFromTexts({ 'Chart.yaml': chartYaml, 'templates/t.yaml': 'a: 1' }) });

  expect(messages.map(({ severity, message }) => `${severity} ${message}`)).toContain('INFO icon is recommended');
});

test('what other packages of the repository import is published, too', () => {
  const onlyInside = ['goLibrary', 'pathMatcher', 'renderFiles'];

  expect(Object.keys(inside).filter((name) => !Object.hasOwn(published, name) && !onlyInside.includes(name))).toEqual(
    [],
  );
});

test('the reference names every function, error code and limit', () => {
  const textOf = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
  const page = textOf('../../../docs/reference/chart-engine.md');
  const codes = [...textOf('./errors.ts').matchAll(/\| '([A-Z_]+)'/g)].map((match) => match[1] ?? '');
  const limits = [published.defaultRenderLimits, published.defaultLoadLimits].flatMap((all) => Object.keys(all));

  expect(codes.length).toBeGreaterThan(5);
  expect([...Object.keys(published), ...codes, ...limits].filter((name) => !page.includes(name))).toEqual([]);
});
