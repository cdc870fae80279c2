import fc from 'fast-check';
import { TowpathError } from '@towpath/kit';
import { expect, test } from 'vitest';
import { slowFunctions } from './functions/guard.ts';
import { functions } from './functions/index.ts';
import { fromDraft } from './mutation/mutations.ts';
import { survive, surviveArchive } from './mutation/survive.ts';
import { smallVictim } from './mutation/victim.ts';
import { spoiled } from './mutation/worker.ts';
import { chartFiles } from './testing.ts';
import { valuesFromFlags } from './values/flags.ts';
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

/** A little of everything: what `npm run conformance -- charts --mutate` does for minutes. */
const limits = { timeMs: 300, textChars: 1_000_000, outputChars: 2_000_000 };
/** Properties end here, however far they came: the machine may be busy. */
const bounds = { interruptAfterTimeLimit: 300, markInterruptAsFailure: false };

/** Any outcome but a crash: errors are this program's own. */
async function survives(files: Record<string, string>): Promise<void> {
  await survive(chartFiles(files), limits);
}

const pathOf = fc.constantFrom(
  'values.yaml',
  'Chart.yaml',
  'values.schema.json',
  'requirements.yaml',
  '.helmignore',
  'charts/a/Chart.yaml',
  'crds/a.yaml',
);
const argument = fc.oneof(
  fc.constantFrom(
    'nil',
    '.',
    '$',
    '.Values.x',
    '.Chart',
    '.Files',
    '(list 1 "a")',
    '(dict "a" 1)',
    'true',
    'now',
    '1e9',
  ),
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.double().map((value) => (Number.isFinite(value) ? `${value}` : '1.5')),
  fc.string({ unit: 'binary', maxLength: 8 }).map((value) => JSON.stringify(value)),
);

test('any text is survived as a template', async () => {
  await fc.assert(
    fc.asyncProperty(text, (template) => survives({ 'templates/a.yaml': template })),
    { ...bounds, numRuns: 300 },
  );
});

test('any text is survived as values, metadata and schema', async () => {
  await fc.assert(
    fc.asyncProperty(text, pathOf, (content, name) =>
      survives({ 'templates/a.yaml': '{{ toYaml .Values }}', 'values.yaml': 'a: 1', [name]: content }),
    ),
    { ...bounds, numRuns: 300 },
  );
});

test('any function is survived with any arguments', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...functions.keys()).filter((name) => !slowFunctions.has(name)),
      fc.array(argument, { maxLength: 4 }),
      (name, operands) => survives({ 'templates/a.yaml': `a: {{ ${name} ${operands.join(' ')} }}` }),
    ),
    { ...bounds, numRuns: 300 },
  );
});

test('any --set is survived', () => {
  fc.assert(
    fc.property(text, fc.constantFrom('set', 'setString', 'setJson', 'setLiteral'), (flag, kind) => {
      try {
        valuesFromFlags({ [kind]: [flag] });
      } catch (error) {
        expect(error).toBeInstanceOf(TowpathError);
      }
    }),
    { ...bounds, numRuns: 500 },
  );
});

test('spoiled charts are survived', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      await survive(fromDraft(spoiled([smallVictim.draft], seed).draft), limits);
    }),
    { ...bounds, numRuns: 50 },
  );
});

test('spoiled archives are survived', async () => {
  const files = fromDraft(smallVictim.draft);
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255), async (at, to) => {
      await surviveArchive(files, at, to);
    }),
    { ...bounds, numRuns: 50 },
  );
});

test('what is written as YAML is read back the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(fromYaml(toYaml(value))).toEqual(
        JSON.parse(JSON.stringify(value), (_key, item: unknown) => (Object.is(item, -0) ? 0 : item)),
      );
    }),
    { ...bounds, numRuns: 400 },
  );
});
