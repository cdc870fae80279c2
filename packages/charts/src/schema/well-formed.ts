/**
 * Tells schemas that are surely valid against their metaschema: what most charts have, without the time that the metaschema takes.
 *
 * Only the usual keywords with the usual values are known here; anything else is left to the metaschema.
 */

import { JsonNumber } from '../go/exact-number.ts';
import { compileRegexp } from '../go/regexp.ts';
import type { DraftVersion } from './types.ts';

/** False says nothing: the metaschema must be asked. */
export function isSurelyValid(content: unknown, draft: DraftVersion): boolean {
  return isSchema(content, { draft, depth: 0 });
}

interface Place {
  readonly draft: DraftVersion;
  readonly depth: number;
}

type Check = (value: unknown, place: Place) => boolean;

const depthMax = 200;
const urlPattern = /^https?:\/\/[\w./~-]+#?$/;
const referencePattern = /^(?:https?:\/\/[\w.~-]+)?[\w./~-]*(?:#[\w./~$-]*)?$/;
const types = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']);

const isText: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isAnything: Check = () => true;
const isNumber: Check = (value) => value instanceof JsonNumber;
const isCount: Check = (value) => value instanceof JsonNumber && /^[0-9]{1,9}$/.test(value.text);
const isType: Check = (value) => isTypeName(value) || (isSet(value, true) && value.every(isTypeName));

function isTypeName(value: unknown): boolean {
  return typeof value === 'string' && types.has(value);
}

/** A list of texts, booleans and nulls in which nothing is there twice. */
function isSet(value: unknown, mayNotBeEmpty: boolean): value is unknown[] {
  if (!Array.isArray(value) || (mayNotBeEmpty && value.length === 0)) return false;
  const isSimple = value.every((item) => item === null || typeof item === 'string' || typeof item === 'boolean');
  return isSimple && new Set(value).size === value.length;
}

const isRequired: Check = (value, { draft }) =>
  isSet(value, draft === 4) && value.every((item) => typeof item === 'string');
const isEnum: Check = (value) => isSet(value, true);
const isPattern: Check = (value) => typeof value === 'string' && isRegexp(value);

function isRegexp(text: string): boolean {
  try {
    compileRegexp(text);
    return true;
  } catch {
    return false;
  }
}

const isSchema: Check = (value, place) => {
  if (typeof value === 'boolean') return place.draft > 4;
  if (!(value instanceof Map) || place.depth >= depthMax) return false;
  const inner = { draft: place.draft, depth: place.depth + 1 };
  for (const [key, item] of value as ReadonlyMap<string, unknown>) {
    const check = checks.get(key);
    if (check === undefined ? special.has(key) : !check(item, inner)) return false;
  }
  return true;
};
const isSchemaOrBoolean: Check = (value, place) => typeof value === 'boolean' || isSchema(value, place);
const isSchemaList: Check = (value, place) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => isSchema(item, place));
const isItems: Check = (value, place) => isSchema(value, place) || (place.draft < 2020 && isSchemaList(value, place));
const isSchemaMap: Check = (value, place) =>
  value instanceof Map && [...(value as ReadonlyMap<string, unknown>).values()].every((item) => isSchema(item, place));
const isPatternMap: Check = (value, place) =>
  value instanceof Map &&
  [...(value as ReadonlyMap<string, unknown>).keys()].every(isRegexp) &&
  isSchemaMap(value, place);

const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['$schema', (value, { depth }) => depth === 1 && typeof value === 'string' && urlPattern.test(value)],
  ['$id', (value) => typeof value === 'string' && urlPattern.test(value)],
  ['$ref', (value) => typeof value === 'string' && referencePattern.test(value)],
  ['$comment', isText],
  ['title', isText],
  ['description', isText],
  ['default', isAnything],
  ['const', isAnything],
  ['examples', (value) => Array.isArray(value)],
  ['deprecated', isBoolean],
  ['readOnly', isBoolean],
  ['writeOnly', isBoolean],
  ['uniqueItems', isBoolean],
  ['type', isType],
  ['enum', isEnum],
  ['format', isText],
  ['pattern', isPattern],
  ['minimum', isNumber],
  ['maximum', isNumber],
  ['exclusiveMinimum', (value, place) => place.draft > 4 && isNumber(value, place)],
  ['exclusiveMaximum', (value, place) => place.draft > 4 && isNumber(value, place)],
  ['minLength', isCount],
  ['maxLength', isCount],
  ['minItems', isCount],
  ['maxItems', isCount],
  ['minProperties', isCount],
  ['maxProperties', isCount],
  ['required', isRequired],
  ['properties', isSchemaMap],
  ['definitions', isSchemaMap],
  ['$defs', isSchemaMap],
  ['patternProperties', isPatternMap],
  ['additionalProperties', isSchemaOrBoolean],
  ['additionalItems', isSchemaOrBoolean],
  ['items', isItems],
  ['prefixItems', isSchemaList],
  ['allOf', isSchemaList],
  ['anyOf', isSchemaList],
  ['oneOf', isSchemaList],
  ['not', isSchema],
  ['if', isSchema],
  ['then', isSchema],
  ['else', isSchema],
  ['contains', isSchema],
  ['propertyNames', isSchema],
  ['unevaluatedItems', isSchema],
  ['unevaluatedProperties', isSchema],
]);

/** What some draft knows and this file does not; all other keywords mean nothing to a metaschema. */
const special = new Set([
  'id',
  '$anchor',
  '$dynamicAnchor',
  '$dynamicRef',
  '$recursiveAnchor',
  '$recursiveRef',
  '$vocabulary',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'maxContains',
  'minContains',
  'multipleOf',
]);
