/** Reads the keywords of one schema, as far as its draft knows them. A keyword of the wrong kind counts as absent. */

import type { Decimal } from '../go/decimal.ts';
import { exactNumber, isWhole } from '../go/exact-number.ts';
import { compileRegexp, type Regexp } from '../go/regexp.ts';
import { quote } from '../go/strconv.ts';
import { sortedKeys } from '../go/utf8.ts';
import { formatOf } from './formats.ts';
import { childPointer, splitReference } from './pointers.ts';
import {
  SchemaError,
  type Applicators,
  type Assertions,
  type DraftVersion,
  type NumberBound,
  type Schema,
  type TypeName,
} from './types.ts';

/** A schema while it is read. */
export interface KeywordReader {
  readonly content: ReadonlyMap<string, unknown>;
  readonly draft: DraftVersion;
  readonly location: string;
  readonly assertsFormats: boolean;
  /** The schema at a place below this one. */
  readonly child: (...tokens: readonly string[]) => Schema;
  /** The schema that a reference means. */
  readonly reference: (text: string) => Schema;
}

/** The same keys with only what is there: optional members are absent, never undefined. */
type Present<Shape> = { [Key in keyof Shape]?: Exclude<Shape[Key], undefined> | undefined };

function present<Shape extends object>(shape: Present<Shape>): Shape {
  return Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined)) as Shape;
}

/** Beside a reference of an old draft nothing else counts. */
export function readApplicators(reader: KeywordReader): Applicators {
  const { draft } = reader;
  const ref = refAt(reader, '$ref');
  if (draft < 2019 && ref !== undefined) return { ref };
  return {
    ...present<Applicators>({
      ref,
      allOf: schemasAt(reader, 'allOf'),
      anyOf: schemasAt(reader, 'anyOf'),
      oneOf: schemasAt(reader, 'oneOf'),
      not: schemaAt(reader, 'not'),
      properties: schemaMapAt(reader, 'properties'),
      patternProperties: patternsAt(reader),
      additionalProperties: schemaOrBoolean(reader, 'additionalProperties'),
      dependencies: dependenciesAt(reader),
    }),
    ...itemsOf(reader),
    ...(draft >= 6
      ? present<Applicators>({
          contains: schemaAt(reader, 'contains'),
          propertyNames: schemaAt(reader, 'propertyNames'),
        })
      : {}),
    ...(draft >= 7 ? conditionOf(reader) : {}),
    ...(draft >= 2019 ? newerApplicators(reader) : {}),
  };
}

function itemsOf(reader: KeywordReader): Applicators {
  if (reader.draft >= 2020) {
    return present<Applicators>({ prefixItems: schemasAt(reader, 'prefixItems'), items: schemaAt(reader, 'items') });
  }
  if (!Array.isArray(reader.content.get('items'))) return present<Applicators>({ items: schemaAt(reader, 'items') });
  return present<Applicators>({
    prefixItems: schemasAt(reader, 'items'),
    additionalItems: schemaOrBoolean(reader, 'additionalItems'),
  });
}

function conditionOf(reader: KeywordReader): Applicators {
  const when = schemaAt(reader, 'if');
  if (when === undefined) return {};
  const known = reader.content.get('if');
  return present<Applicators>({
    when,

    then: known === false ? undefined : schemaAt(reader, 'then'),
    otherwise: known === true ? undefined : schemaAt(reader, 'else'),
  });
}

function newerApplicators(reader: KeywordReader): Applicators {
  return present<Applicators>({
    recursiveRef: refAt(reader, '$recursiveRef'),
    dynamicRef: reader.draft >= 2020 ? dynamicRefAt(reader) : undefined,
    dependentSchemas: schemaMapAt(reader, 'dependentSchemas'),
    unevaluatedItems: schemaAt(reader, 'unevaluatedItems'),
    unevaluatedProperties: schemaAt(reader, 'unevaluatedProperties'),
  });
}

function refAt(reader: KeywordReader, keyword: string): Schema | undefined {
  const text = reader.content.get(keyword);
  return typeof text === 'string' ? reader.reference(text) : undefined;
}

function dynamicRefAt(reader: KeywordReader): Applicators['dynamicRef'] {
  const text = reader.content.get('$dynamicRef');
  if (typeof text !== 'string') return undefined;
  const { fragment } = splitReference(text);
  return { schema: reader.reference(text), anchor: fragment.startsWith('/') ? '' : fragment };
}

function schemaAt(reader: KeywordReader, keyword: string): Schema | undefined {
  return reader.content.has(keyword) ? reader.child(keyword) : undefined;
}

function schemasAt(reader: KeywordReader, keyword: string): Schema[] | undefined {
  const list = reader.content.get(keyword);
  return Array.isArray(list) ? list.map((_, index) => reader.child(keyword, String(index))) : undefined;
}

function mapAt(reader: KeywordReader, keyword: string): ReadonlyMap<string, unknown> | undefined {
  const map = reader.content.get(keyword);
  return map instanceof Map ? (map as ReadonlyMap<string, unknown>) : undefined;
}

function schemaMapAt(reader: KeywordReader, keyword: string): Map<string, Schema> | undefined {
  const map = mapAt(reader, keyword);
  return map && new Map(sortedKeys(map).map((key) => [key, reader.child(keyword, key)]));
}

function schemaOrBoolean(reader: KeywordReader, keyword: string): Schema | boolean | undefined {
  const value = reader.content.get(keyword);
  return typeof value === 'boolean' ? value : schemaAt(reader, keyword);
}

function patternsAt(reader: KeywordReader): Applicators['patternProperties'] {
  const map = schemaMapAt(reader, 'patternProperties');
  return (
    map &&
    [...map].map(([pattern, schema]) => ({ expression: expressionOf(reader, 'patternProperties', pattern), schema }))
  );
}

function expressionOf(reader: KeywordReader, keyword: string, pattern: string): Regexp {
  try {
    return compileRegexp(pattern);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new SchemaError(
      `invalid regex ${quote(pattern)} at ${quote(childPointer(reader.location, keyword))}: ${problem}`,
    );
  }
}

function dependenciesAt(reader: KeywordReader): Applicators['dependencies'] {
  const map = mapAt(reader, 'dependencies');
  if (map === undefined) return undefined;
  const entries = sortedKeys(map).map((key): [string, readonly string[] | Schema] => {
    const value = map.get(key);
    return [key, Array.isArray(value) ? textsOf(value) : reader.child('dependencies', key)];
  });
  return new Map(entries);
}

function textsOf(list: readonly unknown[]): string[] {
  return list.filter((item): item is string => typeof item === 'string');
}

/** Beside a reference of an old draft only `const` counts, as Helm's validator has it. */
export function readAssertions(reader: KeywordReader, isBesideReference: boolean): Assertions {
  const { content, draft } = reader;
  const constant: Assertions = draft >= 6 && content.has('const') ? { constant: { value: content.get('const') } } : {};
  if (isBesideReference) return constant;
  const choices = content.get('enum');
  const required = content.get('required');
  return {
    ...present<Assertions>({
      types: typesOf(content.get('type')),
      choices: Array.isArray(choices) ? choices : undefined,
      format: reader.assertsFormats ? formatAt(reader) : undefined,
      numbers: boundsOf(reader),
      multipleOf: exactNumber(content.get('multipleOf')),
      minLength: countAt(reader, 'minLength'),
      maxLength: countAt(reader, 'maxLength'),
      pattern: patternAt(reader),
      minItems: countAt(reader, 'minItems'),
      maxItems: countAt(reader, 'maxItems'),
      uniqueItems: content.get('uniqueItems') === true ? true : undefined,
      minProperties: countAt(reader, 'minProperties'),
      maxProperties: countAt(reader, 'maxProperties'),
      required: Array.isArray(required) ? textsOf(required) : undefined,
    }),
    ...constant,
    ...(draft >= 2019 ? newerAssertions(reader) : {}),
  };
}

function newerAssertions(reader: KeywordReader): Assertions {
  return present<Assertions>({
    minContains: reader.content.has('contains') ? countAt(reader, 'minContains') : undefined,
    maxContains: reader.content.has('contains') ? countAt(reader, 'maxContains') : undefined,
    dependentRequired: dependentRequiredAt(reader),
  });
}

const typeOrder: readonly TypeName[] = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'];

function typesOf(value: unknown): ReadonlySet<TypeName> | undefined {
  const named = new Set<unknown>(Array.isArray(value) ? value : [value]);
  const known = typeOrder.filter((name) => named.has(name));
  return known.length === 0 ? undefined : new Set(known);
}

function formatAt(reader: KeywordReader): Assertions['format'] {
  const name = reader.content.get('format');
  return typeof name === 'string' ? formatOf(name) : undefined;
}

function patternAt(reader: KeywordReader): Assertions['pattern'] {
  const text = reader.content.get('pattern');
  return typeof text === 'string' ? { text, expression: expressionOf(reader, 'pattern', text) } : undefined;
}

/** Draft 4 says with booleans that a bound itself is out. */
function boundsOf(reader: KeywordReader): NumberBound[] | undefined {
  const bounds: NumberBound[] = [];
  for (const [keyword, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    const bound = exactNumber(reader.content.get(keyword));
    const flag = reader.content.get(exclusive);
    if (flag === true) {
      if (bound !== undefined) bounds.push({ keyword: exclusive, bound });
      continue;
    }
    if (bound !== undefined) bounds.push({ keyword, bound });
    const exclusiveBound = exactNumber(flag);
    if (exclusiveBound !== undefined) bounds.push({ keyword: exclusive, bound: exclusiveBound });
  }
  return bounds.length === 0 ? undefined : bounds.toSorted((left, right) => boundOrder(left) - boundOrder(right));
}

function boundOrder({ keyword }: NumberBound): number {
  return ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].indexOf(keyword);
}

function countAt(reader: KeywordReader, keyword: string): number | undefined {
  const number: Decimal | undefined = exactNumber(reader.content.get(keyword));
  return number !== undefined && isWhole(number) ? Number(`${number.value}e${number.exponent}`) : undefined;
}

function dependentRequiredAt(reader: KeywordReader): Assertions['dependentRequired'] {
  const map = mapAt(reader, 'dependentRequired');
  if (map === undefined) return undefined;
  const entries = sortedKeys(map).flatMap((key): [string, string[]][] => {
    const value = map.get(key);
    return Array.isArray(value) ? [[key, textsOf(value)]] : [];
  });
  return new Map(entries);
}
