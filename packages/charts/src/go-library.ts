/** What Go programs beside Helm need of the same library: expressions, versions, and values for templates. */

import { expand } from './functions/regex.ts';
import { compileRegexp, matchesRegexp, type Regexp } from './go/regexp.ts';

export { FunctionError } from './errors.ts';
export { compareVersions, parseVersion, type Version } from './go/semver.ts';
export { satisfies } from './go/semver-constraint.ts';
export { GoObject, taggedList, TaggedMap, type GoMethod } from './go/values.ts';
export { renderText, TextTemplateError } from './template/text-template.ts';
export { compileRegexp, matchesRegexp, type Regexp };

/** What a template (`$1`, `${name}`) makes of the first match in a text; undefined where nothing matches. */
export function expandFirst(expression: Regexp, template: string, text: string): string | undefined {
  const matcher = expression.matcher(text);
  if (!matcher.find()) return undefined;
  const match = { start: matcher.start(), end: matcher.end(), group: (at: number) => matcher.group(at) ?? undefined };
  return expand(template, expression, match);
}
