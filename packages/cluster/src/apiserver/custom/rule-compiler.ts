/** One CEL rule of a schema as a program, or why it is none. Source: apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go. */

import { checkCel, type Checked } from '../cel/check.ts';
import { estimateCost } from '../cel/cost.ts';
import { compileCel, type Program } from '../cel/evaluate.ts';
import { instantiationProblem } from '../cel/literals.ts';
import { parseCel } from '../cel/parser.ts';
import { objectMembers, schemaType, type SchemaType } from '../cel/schema-type.ts';
import { issuesText } from '../cel/syntax.ts';
import { optionalOf, type Type } from '../cel/types.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';

/** A rule's program with the most it can cost; `problem` instead when it cannot be compiled. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly problem?: string;
  readonly program?: Program;
  readonly maxCost: number;
  readonly usesOldSelf: boolean;
  readonly message?: Program;
  readonly messageProblem?: string;
  readonly messageMaxCost: number;
}

/** What the rules of one schema can see. */
export interface RuleScope {
  readonly root: SchemaType;
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, Type>>;
}

/** Undefined for a schema whose values rules cannot see. */
export function ruleScope(schema: JsonSchema, isResource: boolean): RuleScope | undefined {
  const root = schemaType(schema, isResource, 'selfType');
  return root === undefined ? undefined : { root, objects: objectMembers(root) };
}

export function compileRule(rule: ValidationRule, scope: RuleScope): CompiledRule {
  const uncompiled = { rule, maxCost: 0, messageMaxCost: 0, usesOldSelf: false };
  if (rule.rule.trim() === '') return uncompiled;
  const compiled = compileText(rule.rule, rule, scope);
  if ('problem' in compiled) return { ...uncompiled, problem: `compilation failed: ${compiled.problem}` };
  const { checked } = compiled;
  const usesOldSelf = checked.used.has('oldSelf');
  if (checked.type.kind !== 'bool') return { ...uncompiled, problem: 'cel expression must evaluate to a bool' };
  const unusable = instantiationProblem(checked);
  if (unusable !== undefined) return { ...uncompiled, problem: `program instantiation failed: ${unusable}` };
  const own = {
    ...uncompiled,
    usesOldSelf,
    program: compileCel(checked),
    maxCost: estimateCost(checked, scope.root).max,
  };
  return rule.messageExpression === undefined || rule.messageExpression === ''
    ? own
    : { ...own, ...compileMessage(rule.messageExpression, rule, scope) };
}

function compileMessage(
  text: string,
  rule: ValidationRule,
  scope: RuleScope,
): Pick<CompiledRule, 'message' | 'messageProblem' | 'messageMaxCost'> {
  const compiled = compileText(text, rule, scope);
  if ('problem' in compiled)
    return { messageProblem: `messageExpression compilation failed: ${compiled.problem}`, messageMaxCost: 0 };
  if (compiled.checked.type.kind !== 'string')
    return { messageProblem: 'messageExpression must evaluate to a string', messageMaxCost: 0 };
  const unusable = instantiationProblem(compiled.checked);
  if (unusable !== undefined)
    return { messageProblem: `messageExpression instantiation failed: ${unusable}`, messageMaxCost: 0 };
  return { message: compileCel(compiled.checked), messageMaxCost: estimateCost(compiled.checked, scope.root).max };
}

function compileText(
  text: string,
  rule: ValidationRule,
  { root, objects }: RuleScope,
): { checked: Checked } | { problem: string } {
  const parsed = parseCel(text);
  if ('issues' in parsed) return { problem: issuesText(text, parsed.issues) };
  const variables = new Map([
    ['self', root.type],
    ['oldSelf', rule.optionalOldSelf === true ? optionalOf(root.type) : root.type],
  ]);
  const checked = checkCel(parsed.expr, { variables, objects });
  return 'issues' in checked ? { problem: issuesText(text, checked.issues) } : { checked };
}
