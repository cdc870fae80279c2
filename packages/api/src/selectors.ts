/** Label selectors, as objects and as query text. */

import { TowpathError } from '@towpath/kit';
import type { LabelSelector } from './kinds.ts';

export interface SelectorRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'GreaterThan' | 'LessThan';
  readonly values: readonly string[];
}

type Labels = Readonly<Record<string, string>> | undefined;

/** True when every requirement holds. */
export function matchesRequirements(requirements: readonly SelectorRequirement[], labels: Labels): boolean {
  return requirements.every((requirement) => holds(requirement, labels?.[requirement.key]));
}

function holds(requirement: SelectorRequirement, value: string | undefined): boolean {
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'GreaterThan':
      return value !== undefined && Number(value) > Number(requirement.values[0]);
    case 'LessThan':
      return value !== undefined && Number(value) < Number(requirement.values[0]);
  }
}

/** The requirements of a `metav1.LabelSelector`; an empty selector matches everything. */
export function requirementsOf(selector: LabelSelector | undefined): SelectorRequirement[] {
  const exact = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => {
    return { key, operator: 'In' as const, values: [value] };
  });
  const expressions = (selector?.matchExpressions ?? []).map((expression) => {
    return { key: expression.key, operator: expression.operator, values: expression.values ?? [] };
  });
  return [...exact, ...expressions];
}

/** True when `labels` satisfy a `metav1.LabelSelector`; an absent selector matches nothing. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  return selector !== undefined && matchesRequirements(requirementsOf(selector), labels);
}

/**
 * Parses a `labelSelector` query: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Throws `SELECTOR_INVALID`.
 * Source: apimachinery pkg/labels, Parse.
 */
export function parseLabelSelector(text: string): SelectorRequirement[] {
  return splitTopLevel(text).map((part) => parseRequirement(part, text));
}

function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of text) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ',' && depth === 0) {
      parts.push(current);
      current = '';
    } else current += character;
  }
  parts.push(current);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

const setPattern = /^([^\s!=<>()]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const comparePattern = /^([^\s!=<>()]+)\s*(==|=|!=|>|<)\s*([^\s!=<>()]*)$/;
const existsPattern = /^(!?)\s*([^\s!=<>()]+)$/;

function parseRequirement(part: string, whole: string): SelectorRequirement {
  const set = setPattern.exec(part);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const compare = comparePattern.exec(part);
  if (compare !== null) {
    const operators = { '=': 'In', '==': 'In', '!=': 'NotIn', '>': 'GreaterThan', '<': 'LessThan' } as const;
    const operator = operators[compare[2] as keyof typeof operators];
    return { key: compare[1] ?? '', operator, values: [compare[3] ?? ''] };
  }
  const exists = existsPattern.exec(part);
  if (exists !== null) {
    return { key: exists[2] ?? '', operator: exists[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] };
  }
  throw new TowpathError('SELECTOR_INVALID', `unable to parse requirement: "${part}" in selector "${whole}"`);
}

/** Writes matchLabels as a `labelSelector` query. */
export function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
