/** CEL validation rules (`x-kubernetes-validations`). Source: kubernetes.io, "Custom Resource validation rules". */

import { celEnv, isCelError, parse, plan, type CelEnv } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { toCel } from './cel-values.ts';
import { memberSchema, type JsonSchema, type ValidationRule } from './json-schema.ts';
import { listFunctions } from './cel-functions.ts';

/** Checks every rule of a schema; transition rules only when there is an old value to compare with. */
export type RuleCheck = (object: UnknownRecord, old: UnknownRecord | undefined) => StatusCause[];

type Evaluate = (variables: Record<string, unknown>) => unknown;

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly isTransition: boolean;
  readonly evaluate: Evaluate;
  readonly message: Evaluate | undefined;
}

/** Rules by the schema they stand at. */
type Compiled = ReadonlyMap<JsonSchema, readonly CompiledRule[]>;

/** Compiles the rules of a schema. Rules that cannot be compiled are refused before, by `ruleProblems`. */
export function compileRules(schema: JsonSchema): RuleCheck {
  const compiled = new Map<JsonSchema, readonly CompiledRule[]>();
  eachRule(schema, '', (at, rules) => compiled.set(at, rules.map(compileRule)));
  if (compiled.size === 0) return () => [];
  return (object, old) => check({ schema, value: object, old, path: '' }, compiled);
}

/** The rules of a schema that cannot be compiled, with where and why. `path` is the schema's own. */
export function ruleProblems(schema: JsonSchema, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  eachRule(schema, path, (_at, rules, where) =>
    rules.forEach((rule, index) => {
      const field = `${where}.x-kubernetes-validations[${index}].rule`;
      try {
        compileText(rule.rule);
      } catch (error) {
        causes.push(cause.invalid(field, rule.rule, `compilation failed: ${messageOf(error)}`));
      }
    }),
  );
  return causes;
}

function eachRule(
  schema: JsonSchema,
  path: string,
  visit: (schema: JsonSchema, rules: readonly ValidationRule[], path: string) => void,
): void {
  const rules = schema['x-kubernetes-validations'];
  if (rules !== undefined && rules.length > 0) visit(schema, rules, path);
  for (const [name, member] of Object.entries(schema.properties ?? {}))
    eachRule(member, `${path}.properties[${name}]`, visit);
  if (schema.items !== undefined) eachRule(schema.items, `${path}.items`, visit);
  const { additionalProperties } = schema;
  if (isRecord(additionalProperties))
    eachRule(additionalProperties as JsonSchema, `${path}.additionalProperties`, visit);
}

function compileRule(rule: ValidationRule): CompiledRule {
  const { messageExpression } = rule;
  return {
    rule,
    isTransition: /\boldSelf\b/.test(rule.rule),
    evaluate: compileText(rule.rule),
    message: messageExpression === undefined ? undefined : compileText(messageExpression),
  };
}

function environment(): CelEnv {
  return celEnv({ funcs: [...strings, ...listFunctions] });
}

function compileText(text: string): Evaluate {
  const env = environment();
  const parsed = parse(text);
  for (const name of functionNames(parsed.expr)) {
    if (env.funcs.find(name) === undefined && !builtinOperators.test(name))
      throw new Error(`undeclared reference to '${name}'`);
  }
  const run = plan(env, parsed);
  // Bindings are made by `toCel` from the value's schema.
  return (variables) => run(variables as Parameters<typeof run>[0]);
}

/** Operators and macros that are no functions of the library: `_&&_`, `_?_:_`, `@in`, `_[_]`. */
const builtinOperators = /[^A-Za-z0-9]/;

function functionNames(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(functionNames);
  if (!isRecord(node)) return [];
  const own = node['case'] === 'callExpr' && isRecord(node['value']) ? [String(node['value']['function'])] : [];
  return [...own, ...Object.values(node).flatMap(functionNames)];
}

interface Place {
  readonly schema: JsonSchema;
  readonly value: unknown;
  readonly old: unknown;
  readonly path: string;
}

function check(place: Place, compiled: Compiled): StatusCause[] {
  const { schema, value } = place;
  if (value === undefined || value === null) return [];
  const causes = (compiled.get(schema) ?? []).flatMap((rule) => checkRule(rule, place));
  return [...causes, ...membersOf(place).flatMap((member) => check(member, compiled))];
}

function membersOf({ schema, value, old, path }: Place): Place[] {
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema;
    return value.map((item: unknown, index) => ({
      schema: items,
      value: item,
      old: oldItem(item, old, schema),
      path: `${path}[${index}]`,
    }));
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const inner = memberSchema(schema, name);
    if (inner === undefined) return [];
    return [
      {
        schema: inner,
        value: member,
        old: isRecord(old) ? old[name] : undefined,
        path: path === '' ? name : `${path}.${name}`,
      },
    ];
  });
}

/** Only elements with a key have a past. */
function oldItem(item: unknown, old: unknown, schema: JsonSchema): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old) || !isRecord(item))
    return undefined;
  return old.find((other) => isRecord(other) && keys.every((key) => other[key] === item[key])) as unknown;
}

/** Refusals show what kind of value it was, not the value. */
function typeName(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function checkRule(compiled: CompiledRule, place: Place): StatusCause[] {
  const { rule, isTransition } = compiled;
  const { schema, value, old, path } = place;
  if (isTransition && old === undefined && rule.optionalOldSelf !== true) return [];
  const variables = {
    self: toCel(value, schema),
    ...(isTransition ? { oldSelf: old === undefined ? null : toCel(old, schema) } : {}),
  };
  const result = compiled.evaluate(variables);
  if (result === true) return [];
  const shown = Array.isArray(value) ? 'array' : isRecord(value) ? 'object' : typeName(value);
  const field = rule.fieldPath === undefined ? path : `${path}${rule.fieldPath}`;
  if (isCelError(result)) return [cause.invalid(field, shown, `${result.message} evaluating rule: ${rule.rule}`)];
  return [
    { ...cause.invalid(field, shown, messageFor(compiled, variables)), reason: rule.reason ?? 'FieldValueInvalid' },
  ];
}

function messageFor(compiled: CompiledRule, variables: Record<string, unknown>): string {
  const computed = compiled.message?.(variables);
  if (typeof computed === 'string' && computed.trim() !== '') return computed;
  return compiled.rule.message ?? `failed rule: ${compiled.rule.rule}`;
}
