/** Evaluates CEL rules (`x-kubernetes-validations`). Source: apiextensions-apiserver pkg/apiserver/schema/cel/validation.go. */

import { isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';
import type { Outcome, Program } from '../cel/evaluate.ts';
import { none, Optional, type Value } from '../cel/values.ts';
import { cause, type StatusCause } from '../http/status.ts';
import { toCel } from './cel-values.ts';
import { normaliseFieldPath } from './field-path.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';
import { compileRule, ruleScope, type CompiledRule } from './rule-compiler.ts';

/** Checks every rule of a schema; of a value that did not change, what fails is a warning. */
export type RuleCheck = (object: UnknownRecord, old: UnknownRecord | undefined) => RuleFindings;

export interface RuleFindings {
  readonly causes: readonly StatusCause[];
  /** Failures of what was there before. */
  readonly warnings: readonly string[];
}

/** Cost units of one expression: about a tenth of a second. Source: apiserver pkg/apis/cel/config.go. */
const perRuleLimit = 1_000_000;
/** Cost units of all rules of one request: about a second. */
const perRequestLimit = 10_000_000;
/** Bytes of a computed message. */
const maxMessageBytes = 5 * 1024;

/** Compiles the rules of a schema, each when it is needed first. Definitions with rules that cannot be compiled are refused before. */
export function compileRules(schema: JsonSchema): RuleCheck {
  if (!hasRules(schema)) return () => ({ causes: [], warnings: [] });
  const compiled = new Map<JsonSchema, readonly CompiledRule[]>();
  return (object, old) => {
    const check = new Check(compiled);
    const place = { schema, value: object, old, path: '', isResource: true, parent: undefined };
    check.visit(place);
    return check;
  };
}

/** True when rules stand anywhere in a schema. */
export function hasRules(schema: JsonSchema): boolean {
  if ((schema['x-kubernetes-validations']?.length ?? 0) > 0) return true;
  const inner = [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})];
  return inner.some((member) => isRecord(member) && hasRules(member as JsonSchema));
}

interface Place {
  readonly schema: JsonSchema;
  readonly value: unknown;
  /** Undefined for what is new or cannot be told apart from others. */
  readonly old: unknown;
  readonly path: string;
  /** The object itself, or one embedded in it. */
  readonly isResource: boolean;
  /** What it stands in; undefined for the object. */
  readonly parent: Place | undefined;
}

class Check implements RuleFindings {
  readonly causes: StatusCause[] = [];
  readonly warnings: string[] = [];
  readonly #compiled: Map<JsonSchema, readonly CompiledRule[]>;
  #budget = perRequestLimit;

  /** Cost units that were used. */
  get spent(): number {
    return perRequestLimit - this.#budget;
  }

  constructor(compiled: Map<JsonSchema, readonly CompiledRule[]>) {
    this.#compiled = compiled;
  }

  visit(place: Place): void {
    const { schema, value } = place;
    if (value === undefined || value === null || this.#budget < 0) return;
    this.#rules(place, schema['x-kubernetes-validations'] ?? []);
    for (const member of membersOf(place)) this.visit(member);
  }

  #rules(place: Place, rules: readonly ValidationRule[]): void {
    if (rules.length === 0) return;
    const type = place.schema.type ?? '';
    if (this.#budget <= 0) {
      this.#stop(cause.invalid(place.path, type, outOfBudget));
      return;
    }
    const self = toCel(place.value, place.schema, place.isResource);
    const hasOld = place.old !== undefined && place.old !== null;
    let oldSelf: Value | undefined;
    for (const compiled of this.#compile(place, rules)) {
      if (this.#budget < 0) return;
      const isOptional = compiled.rule.optionalOldSelf === true;
      if (compiled.usesOldSelf && !hasOld && !isOptional) continue;
      if (compiled.usesOldSelf && hasOld) oldSelf ??= toCel(place.old, place.schema, place.isResource);
      const variables: Record<string, Value> = { self };
      if (isOptional) variables['oldSelf'] = oldSelf === undefined ? none : new Optional(oldSelf);
      else if (oldSelf !== undefined) variables['oldSelf'] = oldSelf;
      this.#rule(compiled, place, variables);
    }
  }

  #compile({ schema, isResource }: Place, rules: readonly ValidationRule[]): readonly CompiledRule[] {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const scope = ruleScope(schema, isResource);
    const compiled = scope === undefined ? [] : rules.map((rule) => compileRule(rule, scope));
    this.#compiled.set(schema, compiled);
    return compiled;
  }

  #rule(compiled: CompiledRule, place: Place, variables: Record<string, Value>): void {
    const { path, schema } = place;
    const type = schema.type ?? '';
    if (compiled.problem !== undefined)
      this.causes.push(cause.invalid(path, type, `rule compile error: ${compiled.problem}`));
    const outcome = this.#run(compiled.program, variables);
    if (outcome === undefined) return;
    if (outcome.cost > this.#budget) {
      this.#stop(cause.invalid(path, type, outOfBudget));
      return;
    }
    this.#budget -= outcome.cost;
    const text = (compiled.rule.message ?? '').trim() || compiled.rule.rule.trim();
    if ('failure' in outcome) this.#failed(outcome, place, text);
    else if (outcome.value !== true) this.#refused(compiled, place, variables);
  }

  #run(program: Program | undefined, variables: Record<string, Value>): Outcome | undefined {
    return program?.run(variables, perRuleLimit);
  }

  #failed(outcome: Extract<Outcome, { failure: string }>, { path, schema }: Place, text: string): void {
    const type = schema.type ?? '';
    const { failure } = outcome;
    if (outcome.isOverBudget) {
      const why = `'${failure}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`;
      this.#stop(cause.invalid(path, type, why));
    } else if (failure.startsWith('no such overload')) {
      const why = `'${failure}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`;
      this.causes.push(cause.invalid(path, type, why));
    } else this.causes.push(cause.invalid(path, type, `${failure} evaluating rule: ${text}`));
  }

  #refused(compiled: CompiledRule, place: Place, variables: Record<string, Value>): void {
    const { rule } = compiled;
    const type = place.schema.type ?? '';
    const below = rule.fieldPath === undefined ? undefined : normaliseFieldPath(rule.fieldPath, place.schema);
    const path = below === undefined ? place.path : place.path === '' ? below : `${place.path}.${below}`;
    const message = this.#message(compiled, variables);
    if (typeof message !== 'string') {
      this.#stop(cause.invalid(path, type, message.stop));
      return;
    }
    const found = reasoned(rule.reason, { path, type, message });
    if (!compiled.usesOldSelf && isUnchanged(place)) this.warnings.push(`${path}: ${found.message}`);
    else this.causes.push(found);
  }

  /** The sentence of a refusal; `stop` when nothing more may be evaluated. */
  #message({ rule, message }: CompiledRule, variables: Record<string, Value>): string | { stop: string } {
    const plain = (rule.message ?? '').trim() || `failed rule: ${rule.rule.trim()}`;
    const outcome = this.#run(message, variables);
    if (outcome === undefined) return plain;
    if (outcome.cost > this.#budget)
      return {
        stop: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run',
      };
    this.#budget -= outcome.cost;
    if ('failure' in outcome) {
      if (!outcome.isOverBudget) return plain;
      const expression = JSON.stringify(rule.messageExpression ?? '');
      return {
        stop: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${expression}`,
      };
    }
    const text = typeof outcome.value === 'string' ? outcome.value.trim() : '';
    const isUsable = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= maxMessageBytes;
    return isUsable ? text : plain;
  }

  #stop(found: StatusCause): void {
    this.causes.push(found);
    this.#budget = -1;
  }
}

const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';

function reasoned(
  reason: string | undefined,
  { path, type, message }: { path: string; type: string; message: string },
): StatusCause {
  switch (reason) {
    case 'FieldValueForbidden':
      return cause.forbidden(path, message);
    case 'FieldValueRequired':
      return cause.required(path, message);
    case 'FieldValueDuplicate':
      return cause.duplicate(path, type);
    default:
      return cause.invalid(path, type, message);
  }
}

function membersOf(place: Place): Place[] {
  const { schema, value, path } = place;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    return value.map((item: unknown, index) =>
      memberPlace(place, {
        schema: items,
        value: item,
        old: oldItem(item, place.old, schema),
        path: `${path}[${index}]`,
      }),
    );
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const declared = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
    const inner = declared ? schema.properties?.[name] : schema.additionalProperties;
    if (!isRecord(inner)) return [];
    const old = isRecord(place.old) ? place.old[name] : undefined;
    const at = !declared ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    return [memberPlace(place, { schema: inner as JsonSchema, value: member, old, path: at })];
  });
}

function memberPlace(parent: Place, own: Pick<Place, 'schema' | 'value' | 'old' | 'path'>): Place {
  return { ...own, isResource: own.schema['x-kubernetes-embedded-resource'] === true, parent };
}

/** True when the value, or without a past what it stands in, is what it was. */
function isUnchanged({ old, value, parent }: Place): boolean {
  if (old !== undefined) return jsonEqual(old, value);
  return parent !== undefined && isUnchanged(parent);
}

/** Only elements with a key have a past. */
function oldItem(item: unknown, old: unknown, schema: JsonSchema): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old) || !isRecord(item))
    return undefined;
  return old.find((other) => isRecord(other) && keys.every((key) => jsonEqual(other[key], item[key]))) as unknown;
}
