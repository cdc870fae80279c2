/** CEL validation rules (`x-kubernetes-validations`). */

import type { UnknownRecord } from '@towpath/kit';
import type { StatusCause } from '../http/status.ts';
import type { JsonSchema } from './json-schema.ts';

/** Checks every rule of a schema; transition rules only when there is an old object. */
export type RuleCheck = (object: UnknownRecord, old: UnknownRecord | undefined) => StatusCause[];

/** Compiles the rules of a schema. */
export function compileRules(_schema: JsonSchema): RuleCheck {
  return () => [];
}
