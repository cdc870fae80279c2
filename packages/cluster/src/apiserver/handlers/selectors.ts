/** Label and field selectors of lists and watches. */

import { matchesRequirements, parseLabelSelector, type AnyObject, type SelectorRequirement } from '@towpath/api';
import { getIn, messageOf } from '@towpath/kit';
import { badRequest, type StatusError } from '../http/status.ts';
import { labelValueProblem, qualifiedNameProblem } from '../names.ts';
import type { Resource } from '../resources/resource.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { knownFields, fieldAliases } from '../strategies/field-selectors.ts';

interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

/** Which objects a list or watch is about. */
export interface Selection {
  readonly labels: readonly SelectorRequirement[];
  readonly fields: readonly FieldRequirement[];
  /** Of `metadata.name=x`, when that is all there is to find. */
  readonly name: string | undefined;
  /** Nothing is selected away. */
  readonly everything: boolean;
}

/** Parses the selectors of a query. Throws a 400 for text that cannot be parsed and fields that are not known. */
export function parseSelection(resource: Resource, query: URLSearchParams, name?: string): Selection {
  const labels = parseLabels(query.get('labelSelector') ?? '');
  const fields = parseFields(query.get('fieldSelector') ?? '', resource);
  const named = fields.find((field) => field.field === 'metadata.name' && field.equal)?.value ?? name;
  if (name !== undefined) fields.push({ field: 'metadata.name', value: name, equal: true });
  return { labels, fields, name: named, everything: labels.length === 0 && fields.length === 0 };
}

function parseLabels(text: string): SelectorRequirement[] {
  let requirements: SelectorRequirement[];
  try {
    requirements = parseLabelSelector(text);
  } catch (error) {
    throw badRequest(messageOf(error));
  }
  for (const requirement of requirements) checkRequirement(requirement);
  return requirements;
}

function checkRequirement({ key, values }: SelectorRequirement): void {
  const refused = (field: string, value: string, problem: string): StatusError =>
    badRequest(`unable to parse requirement: ${field}: Invalid value: ${JSON.stringify(value)}: ${problem}`);
  const problem = qualifiedNameProblem(key);
  if (problem !== undefined) throw refused('<nil>', key, problem);
  for (const [index, value] of values.entries()) {
    const wrong = labelValueProblem(value);
    if (wrong !== undefined) throw refused(`values[${index}][${key}]`, value, wrong);
  }
}

function parseFields(text: string, resource: Resource): FieldRequirement[] {
  const known = knownFields(resource);
  return splitEscaped(text).map((part) => {
    const match = /^([^=!]+)(!=|==|=)(.*)$/s.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const [, given = '', operator, value = ''] = match;
    const field = fieldAliases[`${resource.collection} ${given}`] ?? given;
    if (!known.includes(field)) {
      const isPlain = resource.collection === 'core/pods' || resource.custom !== undefined;
      if (isPlain) throw badRequest(`field label not supported: ${given}`);
      const names = known.map((name) => `"${name}"`).join(', ');
      throw badRequest(`"${given}" is not a known field selector: only ${names}`);
    }
    return { field, value: value.replace(/\\([\\,=])/g, '$1'), equal: operator !== '!=' };
  });
}

function splitEscaped(text: string): string[] {
  return text
    .split(/(?<!\\),/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** True when the object (at its collection's version) is selected. */
export function selects(selection: Selection, object: AnyObject, resource: Resource, strategy: Strategy): boolean {
  if (selection.everything) return true;
  if (!matchesRequirements(selection.labels, object.metadata.labels)) return false;
  if (selection.fields.length === 0) return true;
  let special: Readonly<Record<string, string>> | undefined;
  return selection.fields.every(({ field, value, equal }) => {
    if (field === 'metadata.name') return (object.metadata.name === value) === equal;
    if (field === 'metadata.namespace') return ((object.metadata.namespace ?? '') === value) === equal;
    if (resource.custom !== undefined) return (fieldAt(object, field) === value) === equal;
    special ??= strategy.fields?.(object) ?? {};
    return ((special[field] ?? fieldAt(object, field)) === value) === equal;
  });
}

function fieldAt(object: AnyObject, field: string): string {
  const value = getIn(object, field.split('.'));
  return value === undefined || value === null ? '' : String(value);
}
