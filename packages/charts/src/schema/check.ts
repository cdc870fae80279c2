/** The state of one check: a value against a schema, with everything above it. */

import { LimitError } from '../errors.ts';
import type { Problem, Schema } from './types.ts';

/** What the whole validation shares. */
export interface Validation {
  /** Checks still allowed: schemas that branch without end are stopped. */
  stepsLeft: number;
}

/** Checks per document: a schema of ten thousand lines takes a few ten thousand. */
export const stepsMax = 2_000_000;
/** Checks inside checks; the values themselves are not deeper than a few hundred. */
const depthMax = 1500;

/** Properties and items that nothing has looked at yet. */
export interface Unevaluated {
  readonly properties: Set<string>;
  readonly items: Set<number>;
}

/** The chain of schemas that led here; the same `valueId` means the same value. */
export interface Scope {
  readonly schema: Schema;
  readonly parent: Scope | undefined;
  readonly keyword: string;
  readonly valueId: number;
  readonly depth: number;
}

export interface Check {
  readonly validation: Validation;
  readonly schema: Schema;
  readonly value: unknown;
  readonly path: readonly string[];
  readonly scope: Scope;
  /** Only whether it holds is asked for. */
  readonly isQuiet: boolean;
  readonly problems: Problem[];
  unevaluated: Unevaluated;
}

const silent: Problem = { path: [], message: '', kind: 'check', causes: [] };

/** Reports a failed check. */
export function report(check: Check, message: () => string, causes: readonly Problem[] = []): void {
  check.problems.push(problemOf(check, message, 'check', causes));
}

export function problemOf(
  check: Check,
  message: () => string,
  kind: Problem['kind'] = 'check',
  causes: readonly Problem[] = [],
): Problem {
  return check.isQuiet ? silent : { path: check.path, message: message(), kind, causes };
}

export function addProblem(check: Check, problem: Problem | undefined): void {
  if (problem !== undefined) check.problems.push(problem);
}

/** Whether nothing more needs to be looked at. */
export function isDecided(check: Check): boolean {
  return check.isQuiet && check.problems.length > 0;
}

/** Counts one check. Throws `LimitError`. */
export function countStep(validation: Validation, depth: number): void {
  validation.stepsLeft -= 1;
  if (validation.stepsLeft < 0) throw new LimitError(`values.schema.json needs more than ${stepsMax} checks`);
  if (depth > depthMax) throw new LimitError(`values.schema.json nests more than ${depthMax} checks`);
}

/** What is still to be looked at, as far as somebody asks. */
export function unevaluatedOf(value: unknown, schema: Schema, isAskedFor: boolean): Unevaluated {
  const { unevaluatedProperties, unevaluatedItems } = schema.applicators;
  const properties = new Set<string>();
  const items = new Set<number>();
  if (value instanceof Map) {
    if (!schema.allPropertiesEvaluated && (isAskedFor || unevaluatedProperties !== undefined)) {
      for (const key of value.keys()) properties.add(String(key));
    }
  } else if (Array.isArray(value)) {
    if (!schema.allItemsEvaluated && (isAskedFor || unevaluatedItems !== undefined)) {
      for (let index = schema.itemsEvaluated; index < value.length; index += 1) items.add(index);
    }
  }
  return { properties, items };
}

/** Keeps what the other one leaves too. */
export function mergeUnevaluated(into: Unevaluated, other: Unevaluated): void {
  for (const key of into.properties) if (!other.properties.has(key)) into.properties.delete(key);
  for (const index of into.items) if (!other.items.has(index)) into.items.delete(index);
}

export function isEmpty(unevaluated: Unevaluated): boolean {
  return unevaluated.properties.size === 0 && unevaluated.items.size === 0;
}
