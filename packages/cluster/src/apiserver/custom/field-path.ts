/** `fieldPath` of a rule: which value an error is about. Source: apiextensions-apiserver, cel.ValidFieldPath. */

import { isRecord } from '@towpath/kit';
import type { JsonSchema } from './json-schema.ts';

const part = /(?:\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\])/y;

/** The path as errors print it, without a leading dot; undefined when the schema has no such value. */
export function normaliseFieldPath(path: string, schema: JsonSchema): string | undefined {
  let place: JsonSchema | undefined = schema;
  let text = '';
  for (part.lastIndex = 0; part.lastIndex < path.length;) {
    const match = part.exec(path);
    if (match === null || place === undefined) return undefined;
    const name = match[1] ?? (match[2] ?? '').replace(/\\(.)/g, '$1');
    const { properties, additionalProperties }: JsonSchema = place;
    if (properties !== undefined) {
      place = Object.hasOwn(properties, name) ? properties[name] : undefined;
      text += text === '' ? name : `.${name}`;
    } else if (isRecord(additionalProperties)) {
      place = additionalProperties as JsonSchema;
      text += `[${name}]`;
    } else return undefined;
    if (place === undefined) return undefined;
  }
  return text;
}
