/** What each draft demands of a schema, as schemas of that draft. Source: json-schema.org's metaschemas. */

import { fromPlain } from '../go/plain.ts';
import { draftUrl } from './drafts.ts';
import type { DraftVersion } from './types.ts';

type Node = Record<string, unknown> | boolean;
type Nodes = Record<string, Node>;

const ref = (target: string): Node => ({ $ref: target });
const kind = (type: string): Node => ({ type });
const text = (format: string): Node => ({ type: 'string', format });
const mapOf = (item: Node, more: Nodes = {}): Node => ({ type: 'object', additionalProperties: item, ...more });
const either = (...nodes: readonly Node[]): Node => ({ anyOf: nodes });
const each = (names: readonly string[], node: Node): Nodes => Object.fromEntries(names.map((name) => [name, node]));

const typeNames = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

/** The words that differ from draft to draft: how a schema means itself, and where the shared parts are. */
interface Words {
  readonly self: Node;
  readonly defs: string;
  readonly count: string;
}

/** Parts that the keywords refer to. */
function shared({ self, count }: Words, draft: DraftVersion): Nodes {
  const isNew = draft >= 2019;
  const stringArray = {
    type: 'array',
    items: kind('string'),
    uniqueItems: true,
    ...(draft === 4 ? { minItems: 1 } : {}),
  };
  const defs = isNew ? '$defs' : 'definitions';
  return {
    ...(isNew ? {} : { schemaArray: schemaArray(self) }),
    [count]: { type: 'integer', minimum: 0 },
    [`${count}Default0`]: isNew ? ref(`#/${defs}/${count}`) : { allOf: [ref(`#/${defs}/${count}`), { default: 0 }] },
    simpleTypes: { enum: typeNames },
    stringArray,
  };
}

function schemaArray(self: Node): Node {
  return { type: 'array', minItems: 1, items: self };
}

function typeKeyword(defs: string): Node {
  const names = ref(`#/${defs}/simpleTypes`);
  return either(names, { type: 'array', items: names, minItems: 1, uniqueItems: true });
}

/** Counts, texts and numbers: the same everywhere but for the exclusive bounds. */
function assertions({ defs, count }: Words, draft: DraftVersion): Nodes {
  const exclusive = kind(draft === 4 ? 'boolean' : 'number');
  return {
    multipleOf:
      draft === 4 ? { type: 'number', minimum: 0, exclusiveMinimum: true } : { type: 'number', exclusiveMinimum: 0 },
    ...each(['maximum', 'minimum'], kind('number')),
    ...each(['exclusiveMaximum', 'exclusiveMinimum'], exclusive),
    ...each(['maxLength', 'maxItems', 'maxProperties'], ref(`#/${defs}/${count}`)),
    ...each(['minLength', 'minItems', 'minProperties'], ref(`#/${defs}/${count}Default0`)),
    pattern: text('regex'),
    uniqueItems: kind('boolean'),
    required: ref(`#/${defs}/stringArray`),
    enum: draft >= 2019 ? { type: 'array' } : { type: 'array', minItems: 1, uniqueItems: true },
    type: typeKeyword(defs),
  };
}

function oldMetaschema(draft: 4 | 6 | 7): Node {
  const self = ref('#');
  const words: Words = { self, defs: 'definitions', count: draft === 4 ? 'positiveInteger' : 'nonNegativeInteger' };
  const orBoolean = draft === 4 ? either(kind('boolean'), self) : self;
  const url = `${draftUrl(draft)}#`;
  const names =
    draft === 4
      ? { id: kind('string'), $ref: kind('string') }
      : { $id: text('uri-reference'), $ref: text('uri-reference') };
  return {
    $schema: url,
    [draft === 4 ? 'id' : '$id']: url,
    definitions: shared(words, draft),
    type: draft === 4 ? 'object' : ['object', 'boolean'],
    properties: {
      ...names,
      $schema: text('uri'),
      ...each(['title', 'description', 'format'], kind('string')),
      ...assertions(words, draft),
      ...each(['additionalItems', 'additionalProperties'], orBoolean),
      items: either(self, ref('#/definitions/schemaArray')),
      ...each(['definitions', 'properties'], mapOf(self)),
      patternProperties: mapOf(self, draft === 7 ? { propertyNames: { format: 'regex' } } : {}),
      dependencies: mapOf(either(self, ref('#/definitions/stringArray'))),
      ...each(['allOf', 'anyOf', 'oneOf'], ref('#/definitions/schemaArray')),
      not: self,
      ...(draft >= 6 ? each(['contains', 'propertyNames'], self) : {}),
      ...(draft === 7 ? draft7Keywords(self) : {}),
    },
    ...(draft === 4 ? { dependencies: { exclusiveMaximum: ['maximum'], exclusiveMinimum: ['minimum'] } } : {}),
  };
}

function draft7Keywords(self: Node): Nodes {
  return {
    ...each(['if', 'then', 'else'], self),
    ...each(['$comment', 'contentMediaType', 'contentEncoding'], kind('string')),
    ...each(['readOnly', 'writeOnly'], kind('boolean')),
    examples: kind('array'),
  };
}

/** The vocabularies in the order that failures are told in. */
function vocabulariesOf(draft: 2019 | 2020): readonly string[] {
  return draft === 2019
    ? ['core', 'applicator', 'validation', 'meta-data', 'format', 'content']
    : ['core', 'applicator', 'unevaluated', 'validation', 'meta-data', 'format-annotation', 'content'];
}

function newMetaschema(draft: 2019 | 2020): Node {
  const self = selfOf(draft);
  const stringArray = ref('meta/validation#/$defs/stringArray');
  return {
    ...head(draft, draftUrl(draft)),
    allOf: vocabulariesOf(draft).map((name) => ref(`meta/${name}`)),
    type: ['object', 'boolean'],
    properties: {
      definitions: mapOf(self),
      dependencies: mapOf(either(self, stringArray)),
      ...(draft === 2020
        ? {
            $recursiveAnchor: ref('meta/core#/$defs/anchorString'),
            $recursiveRef: ref('meta/core#/$defs/uriReferenceString'),
          }
        : {}),
    },
  };
}

function selfOf(draft: 2019 | 2020): Node {
  return draft === 2019 ? { $recursiveRef: '#' } : { $dynamicRef: '#meta' };
}

function head(draft: 2019 | 2020, url: string): Record<string, unknown> {
  return {
    $schema: draftUrl(draft),
    $id: url,
    ...(draft === 2019 ? { $recursiveAnchor: true } : { $dynamicAnchor: 'meta' }),
  };
}

function core(draft: 2019 | 2020): Record<string, unknown> {
  const defs = mapOf(selfOf(draft));
  const comment = kind('string');
  const noFragment = '^[^#]*#?$';
  if (draft === 2019) {
    return {
      properties: {
        $id: { type: 'string', format: 'uri-reference', pattern: noFragment },
        $schema: text('uri'),
        $anchor: { type: 'string', pattern: '^[A-Za-z][-A-Za-z0-9.:_]*$' },
        ...each(['$ref', '$recursiveRef'], text('uri-reference')),
        $recursiveAnchor: kind('boolean'),
        $vocabulary: mapOf(kind('boolean'), { propertyNames: text('uri') }),
        $comment: comment,
        $defs: defs,
      },
    };
  }
  return {
    properties: {
      $id: { $ref: '#/$defs/uriReferenceString', pattern: noFragment },
      $schema: ref('#/$defs/uriString'),
      ...each(['$ref', '$dynamicRef'], ref('#/$defs/uriReferenceString')),
      ...each(['$anchor', '$dynamicAnchor'], ref('#/$defs/anchorString')),
      $vocabulary: mapOf(kind('boolean'), { propertyNames: ref('#/$defs/uriString') }),
      $comment: comment,
      $defs: defs,
    },
    $defs: {
      anchorString: { type: 'string', pattern: '^[A-Za-z_][-A-Za-z0-9._]*$' },
      uriString: text('uri'),
      uriReferenceString: text('uri-reference'),
    },
  };
}

function applicator(draft: 2019 | 2020): Record<string, unknown> {
  const self = selfOf(draft);
  const older = {
    ...each(['additionalItems', 'unevaluatedItems', 'unevaluatedProperties'], self),
    items: either(self, ref('#/$defs/schemaArray')),
  };
  return {
    properties: {
      ...(draft === 2019 ? older : { prefixItems: ref('#/$defs/schemaArray'), items: self }),
      ...each(['contains', 'additionalProperties', 'propertyNames', 'if', 'then', 'else', 'not'], self),
      ...each(['properties', 'dependentSchemas'], mapOf(self)),
      patternProperties: mapOf(self, { propertyNames: { format: 'regex' } }),
      ...each(['allOf', 'anyOf', 'oneOf'], ref('#/$defs/schemaArray')),
    },
    $defs: { schemaArray: schemaArray(self) },
  };
}

function validation(draft: 2019 | 2020): Record<string, unknown> {
  const words: Words = { self: selfOf(draft), defs: '$defs', count: 'nonNegativeInteger' };
  return {
    properties: {
      ...assertions(words, draft),
      ...each(['maxContains', 'minContains'], ref('#/$defs/nonNegativeInteger')),
      dependentRequired: mapOf(ref('#/$defs/stringArray')),
    },
    $defs: shared(words, draft),
  };
}

function vocabulary(draft: 2019 | 2020, name: string): Record<string, unknown> {
  const self = selfOf(draft);
  switch (name) {
    case 'core':
      return core(draft);
    case 'applicator':
      return applicator(draft);
    case 'validation':
      return validation(draft);
    case 'unevaluated':
      return { properties: each(['unevaluatedItems', 'unevaluatedProperties'], self) };
    case 'meta-data':
      return {
        properties: {
          ...each(['title', 'description'], kind('string')),
          ...each(['deprecated', 'readOnly', 'writeOnly'], kind('boolean')),
          examples: kind('array'),
        },
      };
    case 'content':
      return { properties: { ...each(['contentMediaType', 'contentEncoding'], kind('string')), contentSchema: self } };
    default:
      return { properties: { format: kind('string') } };
  }
}

/** The metaschema at a URL, as a document; undefined for any other URL. */
export function metaschemaAt(url: string): unknown {
  const node = nodeAt(url.replace(/^http:\/\/json-schema\.org\/draft\//, 'https://json-schema.org/draft/'));
  return node === undefined ? undefined : fromPlain(node);
}

function nodeAt(url: string): Node | undefined {
  for (const draft of [4, 6, 7] as const) if (url === draftUrl(draft)) return oldMetaschema(draft);
  for (const draft of [2019, 2020] as const) {
    if (url === draftUrl(draft)) return newMetaschema(draft);
    const name = vocabulariesOf(draft).find(
      (vocabularyName) => url === `${draftUrl(draft).slice(0, -'schema'.length)}meta/${vocabularyName}`,
    );
    if (name !== undefined) return { ...head(draft, url), type: ['object', 'boolean'], ...vocabulary(draft, name) };
  }
  return url.replace(/^https?:\/\//, '') === 'json-schema.org/schema' ? newMetaschema(2020) : undefined;
}
