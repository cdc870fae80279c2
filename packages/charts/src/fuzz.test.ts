import fc from 'fast-check';
import { TowpathError } from '@towpath/kit';
import { expect, test } from 'vitest';
import { render } from './render/render.ts';
import { templateOutput } from './render/output.ts';
import { chartFiles, renderOptions } from './testing.ts';
import { loadChart } from './chart/load.ts';
import { fromYaml, toYaml } from './yaml/yaml.ts';

const pieces = [
  '{{',
  '}}',
  '{{-',
  '-}}',
  'if',
  'range',
  'with',
  'end',
  'else',
  'define',
  'include',
  'tpl',
  '$x',
  ':=',
  '.',
  '.Values',
  '|',
  '"a"',
  '`',
  '(',
  ')',
  '1e9',
  '0x',
  "'",
  '\n',
  ' ',
  'a: b',
  '---',
  '&a',
  '*a',
  '- ',
  '\ufffd',
  '\u0000',
  'toYaml',
  'printf "%s"',
  'index',
  '[',
  '{',
  '!!',
  '? ',
  '|2\n',
  '>-\n',
];
const text = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 30 })
  .map((parts) => parts.join(''));

/** Any outcome but a crash: errors are this program's own. */
async function survives(files: Record<string, string>): Promise<void> {
  try {
    const chart = await loadChart(chartFiles(files));
    templateOutput(render({ ...renderOptions(), chart, limits: { timeMs: 1000, outputChars: 1_000_000 } }));
  } catch (error) {
    expect(error).toBeInstanceOf(TowpathError);
  }
}

test('any text is survived as a template', async () => {
  await fc.assert(
    fc.asyncProperty(text, (template) => survives({ 'templates/a.yaml': template })),
    { numRuns: 400 },
  );
});

test('any text is survived as values, metadata and schema', async () => {
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.constantFrom(
        'values.yaml',
        'Chart.yaml',
        'values.schema.json',
        'requirements.yaml',
        '.helmignore',
        'charts/a/Chart.yaml',
        'crds/a.yaml',
      ),
      (content, name) =>
        survives({ 'templates/a.yaml': '{{ toYaml .Values }}', 'values.yaml': 'a: 1', [name]: content }),
    ),
    { numRuns: 400 },
  );
});

test('what is written as YAML is read back the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(fromYaml(toYaml(value))).toEqual(
        JSON.parse(JSON.stringify(value), (_key, item: unknown) => (Object.is(item, -0) ? 0 : item)),
      );
    }),
    { numRuns: 500 },
  );
});
