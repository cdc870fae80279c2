/** Checks values against a compiled schema. The order and the wording of what fails are those of Helm's validator. */

import { exactNumber, isWhole } from '../go/exact-number.ts';
import { quote } from '../go/strconv.ts';
import {
  addProblem,
  countStep,
  isDecided,
  isEmpty,
  mergeUnevaluated,
  problemOf,
  report,
  stepsMax,
  unevaluatedOf,
  type Check,
  type Scope,
  type Unevaluated,
  type Validation,
} from './check.ts';
import { LimitError } from '../errors.ts';
import { isStackOverflow } from '../template/exec-error.ts';
import { canonical, typeOf } from './equality.ts';
import { escapeToken } from './pointers.ts';
import { shownValue, singleQuoted } from './print.ts';
import type { Problem, Schema } from './types.ts';
import { checkArray } from './validate-array.ts';
import { checkObject } from './validate-object.ts';
import { checkNumber, checkString } from './validate-scalar.ts';

/** What is wrong with a value; empty when nothing is. Throws `LimitError` for a schema that never ends. */
export function validate(
  schema: Schema,
  value: unknown,
  validation: Validation = { stepsLeft: stepsMax },
): readonly Problem[] {
  const scope: Scope = { schema, parent: undefined, keyword: '', valueId: 0, depth: 0 };
  const check: Check = {
    validation,
    schema,
    value,
    path: [],
    scope,
    isQuiet: false,
    problems: [],
    unevaluated: unevaluatedOf(value, schema, false),
  };
  const problem = withinStack(() => run(check));
  if (problem === undefined) return [];
  return problem.kind === 'group' ? problem.causes : [problem];
}

/** JavaScript's own stack may end before the counted depth does. */
function withinStack<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (isStackOverflow(error)) throw new LimitError('values.schema.json nests too many checks', { cause: error });
    throw error;
  }
}

/** The same value against another schema; what that one looked at counts here. */
function checkSelf(
  check: Check,
  schema: Schema,
  options: { keyword?: string; isQuiet?: boolean } = {},
): Problem | undefined {
  const { scope } = check;
  const inner: Check = {
    ...check,
    schema,
    scope: { schema, parent: scope, keyword: options.keyword ?? '', valueId: scope.valueId, depth: scope.depth + 1 },
    isQuiet: check.isQuiet || options.isQuiet === true,
    problems: [],
    unevaluated: unevaluatedOf(check.value, schema, !isEmpty(check.unevaluated)),
  };
  const problem = run(inner);
  if (problem === undefined) mergeUnevaluated(check.unevaluated, inner.unevaluated);
  return problem;
}

/** A value inside the value of a check. */
function checkChild(check: Check, schema: Schema, value: unknown, token: string): Problem | undefined {
  const { scope } = check;
  return run({
    ...check,
    schema,
    value,
    path: [...check.path, token],
    scope: { schema, parent: scope, keyword: '', valueId: scope.valueId + 1, depth: scope.depth + 1 },
    problems: [],
    unevaluated: unevaluatedOf(value, schema, false),
  });
}

const steps = { checkSelf, checkChild, validate };

/** How the checks of objects and lists go on with what is inside. */
export type Steps = typeof steps;

function run(check: Check): Problem | undefined {
  const { schema } = check;
  countStep(check.validation, check.scope.depth);
  if (schema.always !== undefined) return schema.always ? undefined : problemOf(check, () => 'false schema');
  const early = cycleProblem(check) ?? valueProblem(check);
  if (early !== undefined) return early;
  const { ref } = schema.applicators;
  if (ref !== undefined) {
    const problem = checkReference(check, ref, '$ref');
    if (schema.draft < 2019) return problem;
    addProblem(check, problem);
  }
  checkKind(check);
  if (!isDecided(check)) {
    if (schema.draft >= 2019) checkOtherReferences(check);
    checkConditions(check);
    if (schema.draft >= 2019) checkUnevaluated(check);
  }
  const [first, ...others] = check.problems;
  if (first === undefined || others.length === 0) return first;
  return problemOf(check, () => 'validation failed', 'group', check.problems);
}

function checkKind(check: Check): void {
  const { value } = check;
  if (value instanceof Map) checkObject(check, value as ReadonlyMap<string, unknown>, steps);
  else if (Array.isArray(value)) checkArray(check, value, steps);
  else if (typeof value === 'string') checkString(check, value);
  else checkNumber(check, value);
}

/** What a value is, before anything in it: the first of these ends the check. */
function valueProblem(check: Check): Problem | undefined {
  const { value } = check;
  const { types, constant, choices, format } = check.schema.assertions;
  const type = typeOf(value);
  if (type === undefined) return problemOf(check, () => `invalid jsonType ${typeof value}`);
  if (types !== undefined && !types.has(type)) {
    const number = type === 'number' && types.has('integer') ? exactNumber(value) : undefined;
    if (number === undefined || !isWhole(number))
      return problemOf(check, () => `got ${type}, want ${[...types].join(' or ')}`);
  }
  if (constant !== undefined && canonical(value) !== canonical(constant.value)) {
    return problemOf(check, () =>
      isScalar(constant.value) ? `value must be ${shownValue(constant.value)}` : "'const' failed",
    );
  }
  if (choices !== undefined) {
    const wanted = canonical(value);
    if (!choices.some((choice) => canonical(choice) === wanted)) return problemOf(check, () => choicesMessage(choices));
  }
  const wrong = typeof value === 'string' ? format?.problem(value) : undefined;
  if (format === undefined || wrong === undefined) return undefined;
  return problemOf(check, () => `${shownValue(value)} is not valid ${format.name}: ${wrong}`);
}

function isScalar(value: unknown): boolean {
  return !(value instanceof Map) && !Array.isArray(value);
}

function choicesMessage(choices: readonly unknown[]): string {
  if (!choices.every(isScalar)) return "'enum' failed";
  const shown = choices.map(shownValue);
  return shown.length === 1 ? `value must be ${shown.join('')}` : `value must be one of ${shown.join(', ')}`;
}

/** A reference that comes back to itself without going into the value. */
function cycleProblem(check: Check): Problem | undefined {
  const { schema, scope } = check;
  for (let above = scope.parent; above !== undefined && above.valueId === scope.valueId; above = above.parent) {
    if (above.schema !== schema) continue;
    const first = above;
    return problemOf(
      check,
      () =>
        `both ${keywordLocation(scope)} and ${keywordLocation(first)} resolve to ${quote(schema.location)} causing reference cycle`,
    );
  }
  return undefined;
}

function keywordLocation(scope: Scope): string {
  let location = '';
  for (let at = scope; at.parent !== undefined; at = at.parent) {
    const step =
      at.keyword === '' ? at.schema.location.slice(at.parent.schema.location.length) : `/${escapeToken(at.keyword)}`;
    location = step + location;
  }
  return location;
}

function checkReference(check: Check, schema: Schema, keyword: string): Problem | undefined {
  const problem = checkSelf(check, schema, { keyword });
  if (problem === undefined) return undefined;
  return problemOf(
    check,
    () => 'validation failed',
    'reference',
    problem.kind === 'group' ? problem.causes : [problem],
  );
}

function checkOtherReferences(check: Check): void {
  const { recursiveRef, dynamicRef } = check.schema.applicators;
  if (recursiveRef !== undefined) {
    const isDynamic = recursiveRef.isRecursiveAnchor;
    const target = isDynamic
      ? outermost(check, recursiveRef, (schema) => (schema.resource.isRecursiveAnchor ? schema : undefined))
      : recursiveRef;
    addProblem(check, checkReference(check, target, '$recursiveRef'));
  }
  if (dynamicRef === undefined) return;
  const { schema, anchor } = dynamicRef;
  const isDynamic = anchor !== '' && schema.dynamicAnchor === anchor;
  const target = isDynamic ? outermost(check, schema, ({ resource }) => resource.dynamicAnchors.get(anchor)) : schema;
  addProblem(check, checkReference(check, target, '$dynamicRef'));
}

/** The last answer on the way up. */
function outermost(check: Check, fallback: Schema, answer: (schema: Schema) => Schema | undefined): Schema {
  let found = fallback;
  for (let scope: Scope | undefined = check.scope; scope !== undefined; scope = scope.parent)
    found = answer(scope.schema) ?? found;
  return found;
}

function checkConditions(check: Check): void {
  const { not, allOf = [], anyOf = [], oneOf = [], when, then, otherwise } = check.schema.applicators;
  if (not !== undefined && checkSelf(check, not, { isQuiet: true }) === undefined) report(check, () => "'not' failed");
  const failed: Problem[] = [];
  for (const schema of allOf) {
    const problem = checkSelf(check, schema);
    if (problem !== undefined) failed.push(problem);
    if (problem !== undefined && check.isQuiet) break;
  }
  if (failed.length > 0) report(check, () => "'allOf' failed", failed);
  if (anyOf.length > 0) checkAnyOf(check, anyOf);
  if (oneOf.length > 0) checkOneOf(check, oneOf);
  if (when === undefined) return;
  const branch = checkSelf(check, when, { isQuiet: true }) === undefined ? then : otherwise;
  if (branch !== undefined) addProblem(check, checkSelf(check, branch));
}

function checkAnyOf(check: Check, schemas: readonly Schema[]): void {
  const failed: Problem[] = [];
  let isMatched = false;
  for (const schema of schemas) {
    const problem = checkSelf(check, schema);
    if (problem !== undefined) failed.push(problem);
    else isMatched = true;
    // All have to say what they looked at, when somebody asks.
    if (problem === undefined && isEmpty(check.unevaluated)) break;
  }
  if (!isMatched) report(check, () => "'anyOf' failed", failed);
}

function checkOneOf(check: Check, schemas: readonly Schema[]): void {
  const failed: Problem[] = [];
  let matched: number | undefined;
  for (const [index, schema] of schemas.entries()) {
    const problem = checkSelf(check, schema, { isQuiet: matched !== undefined });
    if (problem !== undefined) {
      if (matched === undefined) failed.push(problem);
    } else if (matched === undefined) {
      matched = index;
    } else {
      const first = matched;
      report(check, () => `'oneOf' failed, subschemas ${first}, ${index} matched`);
      break;
    }
  }
  if (matched === undefined) report(check, () => "'oneOf' failed, none matched", failed);
}

function checkUnevaluated(check: Check): void {
  const { value, unevaluated } = check;
  const { unevaluatedProperties, unevaluatedItems } = check.schema.applicators;
  const none: Unevaluated = { properties: new Set(), items: new Set() };
  if (unevaluatedProperties !== undefined && value instanceof Map) {
    const map = value as ReadonlyMap<string, unknown>;
    for (const key of [...unevaluated.properties].toSorted()) {
      addProblem(check, checkChild(check, unevaluatedProperties, map.get(key), key));
    }
    check.unevaluated = { ...unevaluated, properties: none.properties };
  }
  if (unevaluatedItems !== undefined && Array.isArray(value)) {
    for (const index of [...unevaluated.items].toSorted((left, right) => left - right)) {
      addProblem(check, checkChild(check, unevaluatedItems, value[index], String(index)));
    }
    check.unevaluated = { ...check.unevaluated, items: none.items };
  }
}

/** Helm's name for the schema itself at the head of what failed. */
export function failedWith(schema: Schema): string {
  return `jsonschema validation failed with ${singleQuoted(schema.location)}`;
}
