/** `rules`: read, and decided for one push. */

import { isRecord } from '@towpath/kit';
import { evaluateExpression, matchesPattern, type Variables } from './expression.ts';
import { compileGlobs } from './glob.ts';
import { ruleKeywords } from './keywords.ts';
import type { RefPolicy, Rule, When } from './model.ts';
import {
  booleanOr,
  checkKeywords,
  invalid,
  member,
  oneOf,
  optionalText,
  placeOf,
  textList,
  unsupported,
  variablesOf,
  type Located,
} from './read.ts';

export const whenChoices: readonly When[] = ['on_success', 'on_failure', 'always', 'never', 'manual'];

/** Undefined when the keyword is absent. */
export function parseRules(located: Located): Rule[] | undefined {
  if (located.value === undefined || located.value === null) return undefined;
  if (!Array.isArray(located.value)) throw invalid(located, 'must be a list');
  return (located.value as unknown[]).flat(3).map((entry, index) => {
    const here: Located = { value: entry, path: [...located.path, index], where: located.where };
    if (!isRecord(entry)) throw invalid(here, 'must be a map');
    checkKeywords(here, ruleKeywords);
    const condition = optionalText(member(here, 'if'));
    const changes = pathsOf(member(here, 'changes'));
    const exists = pathsOf(member(here, 'exists'));
    return {
      ...(condition !== undefined && { if: condition }),
      ...(changes !== undefined && { changes }),
      ...(exists !== undefined && { exists }),
      ...(member(here, 'when').value !== undefined && { when: oneOf(member(here, 'when'), whenChoices, 'on_success') }),
      ...(member(here, 'allow_failure').value !== undefined && {
        allowFailure: booleanOr(member(here, 'allow_failure'), false),
      }),
      ...(member(here, 'variables').value !== undefined && { variables: variablesOf(member(here, 'variables')) }),
      where: placeOf(here),
    };
  });
}

/** A list, or a map with `paths`. */
function pathsOf(located: Located): string[] | undefined {
  if (located.value === undefined || located.value === null) return undefined;
  if (!isRecord(located.value)) return textList(located);
  const other = Object.keys(located.value).find((key) => key !== 'paths');
  if (other !== undefined) throw unsupported(member(located, other), 'changes are those of the push');
  return textList(member(located, 'paths'));
}

/** What a push is, as far as rules ask. */
export interface RuleContext {
  readonly variables: Variables;
  /** Paths the push changed; undefined when that cannot be said (tags, new branches): then every `changes` is true. */
  readonly changedPaths: readonly string[] | undefined;
  /** All files of the commit. */
  readonly files: readonly string[];
}

/** The first rule that holds, or undefined. Source: GitLab "rules". */
export function firstRule(rules: readonly Rule[], context: RuleContext): Rule | undefined {
  return rules.find((rule) => ruleHolds(rule, context));
}

function ruleHolds(rule: Rule, context: RuleContext): boolean {
  if (rule.if !== undefined && !evaluateExpression(rule.if, context.variables, rule.where)) return false;
  if (rule.changes !== undefined && !pathsMatch(rule.changes, context.changedPaths, context.variables)) return false;
  if (rule.exists !== undefined && !pathsMatch(rule.exists, context.files, context.variables)) return false;
  return true;
}

function pathsMatch(patterns: readonly string[], paths: readonly string[] | undefined, variables: Variables): boolean {
  if (paths === undefined) return true;
  const matches = compileGlobs(patterns.map((pattern) => expandPath(pattern, variables)));
  return paths.some(matches);
}

/** Variables may stand in `changes` and `exists`. */
function expandPath(pattern: string, variables: Variables): string {
  return pattern.replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_, braced?: string, plain?: string) => {
    const name = braced ?? plain ?? '';
    return Object.hasOwn(variables, name) ? (variables[name] ?? '') : '';
  });
}

/** The ref a pipeline runs for. */
export interface RefInfo {
  readonly type: 'branch' | 'tag';
  readonly name: string;
  readonly source: string;
}

/** `only`/`except`: true when the policy speaks of this push. Every named section must hold. */
export function policyMatches(policy: RefPolicy, ref: RefInfo, context: RuleContext, where: string): boolean {
  const byRef = policy.refs.length === 0 || policy.refs.some((name) => refMatches(name, ref));
  const byVariable =
    policy.variables.length === 0 ||
    policy.variables.some((text) => evaluateExpression(text, context.variables, where));
  const byChange = policy.changes.length === 0 || pathsMatch(policy.changes, context.changedPaths, context.variables);
  return byRef && byVariable && byChange;
}

function refMatches(name: string, ref: RefInfo): boolean {
  if (name === 'branches') return ref.type === 'branch';
  if (name === 'tags') return ref.type === 'tag';
  if (name === 'pushes') return ref.source === 'push';
  if (name === 'web') return ref.source === 'web';
  return matchesPattern(name, ref.name) ?? name === ref.name;
}
