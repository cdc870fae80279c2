/** Label matchers: `=`, `!=`, `=~`, `!~` with RE2 expressions anchored at both ends. */

import { RE2JS } from 're2js';
import { messageOf } from '@towpath/kit';
import { metricsError } from './errors.ts';
import { labelValue, type Labels } from './labels.ts';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** True when a label of this value passes; an absent label is ''. */
  readonly matches: (value: string) => boolean;
}

/** Builds a matcher. Throws `REGEXP_INVALID`. */
export function createMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  return { name, operator, value, matches: predicate(operator, value) };
}

/** True when every matcher passes. */
export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name)));
}

/** True when the matcher also passes series that lack the label. */
export function matchesEmpty(matcher: Matcher): boolean {
  return matcher.matches('');
}

/**
 * A test for whole values. Plain alternatives (`a|b|c`) are looked up; everything else is RE2, where a dot
 * matches newlines too. Throws `REGEXP_INVALID`. Source: Prometheus migration guide, "Regular expressions".
 */
function compileAnchored(pattern: string): (value: string) => boolean {
  if (/^[\w\-: |/]*$/.test(pattern)) {
    const alternatives = new Set(pattern.split('|'));
    return (value) => alternatives.has(value);
  }
  const compiled = compilePattern(pattern);
  const remembered = new Map<string, boolean>();
  return (value) => {
    const known = remembered.get(value);
    if (known !== undefined) return known;
    const result = compiled.matches(value);
    if (remembered.size < rememberedValues) remembered.set(value, result);
    return result;
  };
}

/** Values whose result is kept per expression: the same label values come by again and again. */
const rememberedValues = 1000;

/** Compiles RE2 for use with `matcher(text)`, where the caller anchors it. Throws `REGEXP_INVALID`. */
export function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    throw metricsError('REGEXP_INVALID', `error parsing regexp: ${messageOf(error)}: "${pattern}"`, { cause: error });
  }
}

function predicate(operator: MatchOperator, value: string): (value: string) => boolean {
  switch (operator) {
    case '=':
      return (other) => other === value;
    case '!=':
      return (other) => other !== value;
    case '=~':
      return compileAnchored(value);
    case '!~': {
      const matches = compileAnchored(value);
      return (other) => !matches(other);
    }
  }
}
