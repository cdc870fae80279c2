/** Refuses definitions whose CEL rules cannot be compiled, are misplaced or too expensive. Source: apiextensions-apiserver pkg/apis/apiextensions/validation. */

import { isRecord } from '@towpath/kit';
import { maxRequestBytes, type SchemaType } from '../cel/schema-type.ts';
import { cause, type StatusCause } from '../http/status.ts';
import { normaliseFieldPath } from './field-path.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';
import { compileRule, ruleScope, type CompiledRule } from './rule-compiler.ts';

/** Cost units one rule may come to, however often its schema occurs in an object. */
const ruleLimit = 10_000_000;
/** Cost units of all rules of a definition's version. */
const schemaLimit = 100_000_000;
const namedAsExpensive = 4;
const reasons = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueDuplicate'];

/** What is wrong with the rules of a schema; `path` is the schema's own. */
export function ruleProblems(schema: JsonSchema, path: string): StatusCause[] {
  const formal = eachRule(schema, path).flatMap(({ rule, at, schema: own }) => formalProblems(rule, at, own));
  if (formal.length > 0) return formal;
  const total = new TotalCost();
  const causes = visit({ schema, path, times: 1, uncorrelated: undefined, isResource: true }, total);
  return [...causes, ...total.problems(path)];
}

interface Found {
  readonly rule: ValidationRule;
  readonly at: string;
  readonly schema: JsonSchema;
}

/** Nested schemas first, as a real server lists them. */
function eachRule(schema: JsonSchema, path: string): Found[] {
  const inner = membersOf(schema, path).flatMap((member) => eachRule(member.schema, member.path));
  const own = (schema['x-kubernetes-validations'] ?? []).map((rule, index) => ({
    rule,
    at: `${path}.x-kubernetes-validations[${index}]`,
    schema,
  }));
  return [...inner, ...own];
}

function membersOf(schema: JsonSchema, path: string): { schema: JsonSchema; path: string }[] {
  const members = Object.entries(schema.properties ?? {}).map(([name, inner]) => ({
    schema: inner,
    path: `${path}.properties[${name}]`,
  }));
  if (schema.items !== undefined) members.push({ schema: schema.items, path: `${path}.items` });
  const { additionalProperties } = schema;
  if (isRecord(additionalProperties))
    members.push({ schema: additionalProperties as JsonSchema, path: `${path}.additionalProperties` });
  return members;
}

function hasBreaks(text: string): boolean {
  return /[\n\r]/.test(text);
}

function formalProblems(rule: ValidationRule, at: string, schema: JsonSchema): StatusCause[] {
  const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
  const causes: StatusCause[] = [];
  if (rule.rule.trim() === '') causes.push(cause.required(`${at}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '')
    causes.push(cause.invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (hasBreaks(message.trim()))
    causes.push(cause.invalid(`${at}.message`, message, 'must not contain line breaks'));
  else if (hasBreaks(rule.rule.trim()) && message.trim() === '')
    causes.push(cause.required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  if (messageExpression !== '' && messageExpression.trim() === '')
    causes.push(cause.required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason))
    causes.push(cause.notSupported(`${at}.reason`, reason, reasons));
  if (fieldPath !== '' && fieldPath.trim() === '')
    causes.push(cause.invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  if (hasBreaks(fieldPath)) causes.push(cause.invalid(`${at}.fieldPath`, fieldPath, 'must not contain line breaks'));
  if (fieldPath !== '' && normaliseFieldPath(fieldPath, schema) === undefined)
    causes.push(cause.invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path'));
  return causes;
}

interface Visit {
  readonly schema: JsonSchema;
  readonly path: string;
  /** How often the schema's values can occur in one object; undefined without a bound. */
  readonly times: number | undefined;
  /** The path of a list or map around it whose elements have no past. */
  readonly uncorrelated: string | undefined;
  readonly isResource: boolean;
}

function visit(place: Visit, total: TotalCost): StatusCause[] {
  const { schema, path } = place;
  const more = timesMore(schema);
  const inner = membersOf(schema, path).flatMap((member) =>
    visit(
      {
        ...member,
        times: place.times === undefined || more === undefined ? undefined : place.times * more,
        uncorrelated: place.uncorrelated ?? (losesPast(schema) ? path : undefined),
        isResource: member.schema['x-kubernetes-embedded-resource'] === true,
      },
      total,
    ),
  );
  return [...inner, ...ownProblems(place, total)];
}

/** How many values of its members one value of the schema can have; undefined without a bound. */
function timesMore(schema: JsonSchema): number | undefined {
  if (schema.type === 'array') return schema.maxItems === undefined ? undefined : Math.max(0, schema.maxItems);
  if (schema.type !== 'object' || schema.additionalProperties === undefined) return 1;
  return schema.maxProperties === undefined ? undefined : Math.max(0, schema.maxProperties);
}

function losesPast(schema: JsonSchema): boolean {
  return schema.items !== undefined && schema['x-kubernetes-list-type'] !== 'map';
}

function ownProblems(place: Visit, total: TotalCost): StatusCause[] {
  const { schema, path, isResource } = place;
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0) return [];
  const scope = ruleScope(schema, isResource);
  if (scope === undefined) {
    const message =
      'internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations';
    return [
      { reason: 'InternalError', message: `Internal error: ${message}`, field: `${path}.x-kubernetes-validations` },
    ];
  }
  return rules.flatMap((rule, index) =>
    compiledProblems(
      compileRule(rule, scope),
      { ...place, at: `${path}.x-kubernetes-validations[${index}]`, root: scope.root },
      total,
    ),
  );
}

function compiledProblems(
  compiled: CompiledRule,
  place: Visit & { at: string; root: SchemaType },
  total: TotalCost,
): StatusCause[] {
  const { rule } = compiled;
  const { at } = place;
  const causes: StatusCause[] = [];
  const cost = compiled.maxCost * (place.times ?? Math.floor(maxRequestBytes / (place.root.minSize + 1)));
  if (cost > ruleLimit)
    causes.push(cause.forbidden(`${at}.rule`, tooExpensive('estimated rule cost', cost, ruleLimit)));
  total.add(`${at}.rule`, cost);
  if (compiled.problem !== undefined) causes.push(cause.invalid(`${at}.rule`, internalForm(rule), compiled.problem));
  if (compiled.messageProblem !== undefined)
    causes.push(cause.invalid(`${at}.messageExpression`, internalForm(rule), compiled.messageProblem));
  else if (compiled.message !== undefined) {
    const { messageMaxCost } = compiled;
    if (messageMaxCost > ruleLimit) {
      const why = tooExpensive('estimated messageExpression cost', messageMaxCost, ruleLimit);
      causes.push(cause.forbidden(`${at}.messageExpression`, why));
    }
    total.add(`${at}.messageExpression`, messageMaxCost);
  }
  if (compiled.usesOldSelf && place.uncorrelated !== undefined) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`;
    causes.push(cause.invalid(`${at}.rule`, rule.rule, why));
  } else if (!compiled.usesOldSelf && rule.optionalOldSelf !== undefined) {
    const why = 'may not be set if oldSelf is not used in rule';
    causes.push(cause.invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, why));
  }
  return causes;
}

/** A rule as a real server prints it: its own form, with every member. */
function internalForm(rule: ValidationRule): unknown {
  return {
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
}

function tooExpensive(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** The estimates of all rules of a schema. */
class TotalCost {
  #sum = 0;
  readonly #expensive: { at: string; cost: number }[] = [];

  add(at: string, cost: number): void {
    this.#sum += cost;
    if (cost >= schemaLimit / 100) this.#expensive.push({ at, cost });
  }

  problems(path: string): StatusCause[] {
    if (this.#sum <= schemaLimit) return [];
    const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const named = this.#expensive.toSorted((left, right) => right.cost - left.cost).slice(0, namedAsExpensive);
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...named.map(({ at }) => cause.forbidden(at, why)),
      cause.forbidden(
        `${path.replace(/\.openAPIV3Schema$/, '')}.openAPIV3Schema`,
        tooExpensive(what, this.#sum, schemaLimit),
      ),
    ];
  }
}
