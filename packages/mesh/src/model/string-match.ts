/** Istio's StringMatch: exact, prefix or RE2 regular expression over the whole text. */

import { messageOf } from '@towpath/kit';
import { RE2JS } from 're2js';
import type { Fields } from './fields.ts';

/** `present` is the empty match `{}` of a header: any value will do. */
export type StringMatch =
  | { readonly type: 'exact'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly type: 'prefix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly type: 'regex'; readonly pattern: RE2JS; readonly value: string }
  | { readonly type: 'present' };

/** Reads one StringMatch; undefined (and a problem) when it cannot be used. Source: istio/api StringMatch. */
export function readStringMatch(fields: Fields, ignoreCase = false): StringMatch | undefined {
  const exact = fields.string('exact');
  const prefix = fields.string('prefix');
  const regex = fields.string('regex');
  const names = fields.names();
  fields.finish();
  if (names.length > 1) {
    fields.report('', 'must hold one of exact, prefix and regex');
    return undefined;
  }
  if (exact !== undefined) return { type: 'exact', value: fold(exact, ignoreCase), ignoreCase };
  if (prefix !== undefined) return { type: 'prefix', value: fold(prefix, ignoreCase), ignoreCase };
  if (regex === undefined) return names.length === 0 ? { type: 'present' } : undefined;
  try {
    return { type: 'regex', pattern: RE2JS.compile(regex), value: regex };
  } catch (error) {
    fields.report('regex', `does not compile: ${messageOf(error)}`);
    return undefined;
  }
}

/** True when `text` matches; an absent text never does. */
export function matchesString(match: StringMatch, text: string | undefined): boolean {
  if (text === undefined) return false;
  switch (match.type) {
    case 'present':
      return true;
    case 'exact':
      return fold(text, match.ignoreCase) === match.value;
    case 'prefix':
      return fold(text, match.ignoreCase).startsWith(match.value);
    case 'regex':
      return match.pattern.matches(text);
  }
}

function fold(text: string, ignoreCase: boolean): string {
  return ignoreCase ? text.toLowerCase() : text;
}
