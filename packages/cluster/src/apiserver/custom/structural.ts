/** Whether a schema is structural: every value has a type, every list says what is in it, defaults fit. */

import { isRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import type { JsonSchema } from './json-schema.ts';
import { validateValue } from './validate.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Deeper schemas are refused: nobody writes them by hand. */
const maxDepth = 100;

/** What is wrong with the schema at `path`. Source: kubernetes.io, "Specifying a structural schema". */
export function structuralProblems(schema: JsonSchema, path: string, place = 'root', depth = 0): StatusCause[] {
  if (depth > maxDepth) return [cause.invalid(path, null, `must not be deeper than ${maxDepth} levels`)];
  const causes = typeProblems(schema, path, place);
  const { default: given, items, properties, additionalProperties } = schema;
  if (given !== undefined && causes.length === 0) {
    const wrong = validateValue(given, schema, '');
    causes.push(...wrong.map((problem) => ({ ...problem, field: `${path}.default` })));
  }
  if (schema.type === 'array' && items === undefined) causes.push(cause.required(`${path}.items`, 'must be specified'));
  if (isRecord(items)) {
    causes.push(...structuralProblems(items as JsonSchema, `${path}.items`, 'array items', depth + 1));
  }
  for (const [name, member] of Object.entries(properties ?? {})) {
    causes.push(...structuralProblems(member, `${path}.properties[${name}]`, 'object fields', depth + 1));
  }
  if (isRecord(additionalProperties)) {
    const inner = additionalProperties as JsonSchema;
    causes.push(...structuralProblems(inner, `${path}.additionalProperties`, 'object fields', depth + 1));
  }
  return [...causes, ...logicProblems(schema, path)];
}

/** Below `allOf` and its kind values are only compared: rules have no type to work with. */
function logicProblems(schema: JsonSchema, path: string): StatusCause[] {
  const nested = [
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) =>
      (schema[name] ?? []).map((inner, index) => ({ inner, at: `${path}.${name}[${index}]` })),
    ),
    ...(schema.not === undefined ? [] : [{ inner: schema.not, at: `${path}.not` }]),
  ];
  return nested
    .filter(({ inner }) => (inner['x-kubernetes-validations']?.length ?? 0) > 0)
    .map(({ at }) => cause.forbidden(`${at}.x-kubernetes-validations`, 'must be empty to be structural'));
}

function typeProblems(schema: JsonSchema, path: string, place: string): StatusCause[] {
  const type = schema.type ?? '';
  const isOpen =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (place === 'root' || (type === '' && isOpen)) return [];
  if (type === '') return [cause.required(`${path}.type`, `must not be empty for specified ${place}`)];
  return types.includes(type) ? [] : [cause.notSupported(`${path}.type`, type, types)];
}
