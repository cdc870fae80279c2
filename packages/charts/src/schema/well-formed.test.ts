import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeJsonDocument } from '../go/json-decode.ts';
import { compileSchema } from './compile.ts';
import { draftUrl } from './drafts.ts';
import { metaschemaAt } from './metaschemas.ts';
import { validate } from './validate.ts';
import { isSurelyValid } from './well-formed.ts';

const drafts = [4, 6, 7, 2019, 2020] as const;
const metaschemas = new Map(
  drafts.map((draft) => [draft, compileSchema(draftUrl(draft), { load: metaschemaAt, assertsFormats: true })]),
);

test('knows the usual schema', () => {
  const text = JSON.stringify({
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: ['object', 'null'],
    required: ['a'],
    properties: { a: { $ref: '#/definitions/a' }, b: { type: 'array', items: { enum: ['x', null] } } },
    patternProperties: { '^x-': true },
    additionalProperties: false,
    definitions: { a: { type: 'integer', minimum: 1, default: [], title: 't', anyOf: [{ minLength: 2 }] } },
    'x-own': 5,
  });

  expect(isSurelyValid(decodeJsonDocument(text), 7)).toBe(true);
});

const keywords =
  '$schema $id $ref $comment title default examples readOnly uniqueItems type enum format pattern minimum exclusiveMinimum ' +
  'minLength maxItems required properties definitions $defs patternProperties additionalProperties additionalItems items ' +
  'prefixItems allOf not if contains propertyNames unevaluatedItems id dependencies multipleOf $anchor other const';
const leaves = [
  'object',
  '#/a',
  'http://json-schema.org/draft-07/schema#',
  '(',
  '^a',
  '',
  -1,
  0,
  2,
  1.5,
  true,
  false,
  null,
];
const schemas = fc.letrec((tie) => ({
  schema: fc.dictionary(fc.constantFrom(...keywords.split(' '), 'a'), tie('value'), { maxKeys: 3 }),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(...leaves),
    tie('schema'),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', '^b', '('), tie('schema'), { maxKeys: 2 }),
  ),
}));

test('what is surely valid is valid against the metaschema', () => {
  fc.assert(
    fc.property(schemas.schema, fc.constantFrom(...drafts), (schema, draft) => {
      const content = decodeJsonDocument(JSON.stringify(schema));
      const metaschema = metaschemas.get(draft);
      if (metaschema !== undefined && isSurelyValid(content, draft)) expect(validate(metaschema, content)).toEqual([]);
    }),
    { numRuns: 3000 },
  );
});
