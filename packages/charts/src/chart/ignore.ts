/** .helmignore: which files of a folder are no part of the chart. Source: helm 3 pkg/ignore/rules.go. */

import { chartError } from '../errors.ts';
import { pathMatcher } from './path-match.ts';

export interface IgnoreRules {
  /** `path` is chart-relative, without a trailing slash. */
  ignores(path: string, isFolder: boolean): boolean;
}

interface Rule {
  readonly negate: boolean;
  readonly mustBeFolder: boolean;
  readonly matches: (path: string) => boolean;
}

/** Hidden files of templates/ are left out, whatever the rules say. */
const defaultRule = 'templates/.?*';

/** Throws `CHART_INVALID` for a pattern with `**`. */
export function parseIgnore(text: string): IgnoreRules {
  const rules = [...text.replace(/^\uFEFF/, '').split('\n'), defaultRule].flatMap(parseRule);
  return {
    ignores(path, isFolder) {
      if (path === '' || path === '.') return false;
      for (const rule of rules) {
        // A negative rule ignores everything that it does not match.
        if (rule.negate) {
          if (rule.mustBeFolder && !isFolder) return true;
          if (!rule.matches(path)) return true;
          continue;
        }
        if (rule.mustBeFolder && !isFolder) continue;
        if (rule.matches(path)) return true;
      }
      return false;
    },
  };
}

function parseRule(line: string): Rule[] {
  let pattern = line.trim();
  if (pattern === '' || pattern.startsWith('#')) return [];
  if (pattern.includes('**')) {
    throw chartError('CHART_INVALID', 'double-star (**) syntax is not supported', {
      next: 'use single stars in .helmignore',
    });
  }
  const negate = pattern.startsWith('!');
  if (negate) pattern = pattern.slice(1);
  const mustBeFolder = pattern.endsWith('/');
  if (mustBeFolder) pattern = pattern.slice(0, -1);
  const matches = pathMatcher(pattern.replace(/^\//, ''));
  if (matches === undefined) {
    throw chartError('CHART_INVALID', 'syntax error in pattern', { next: `correct ${line.trim()} in .helmignore` });
  }
  if (pattern.includes('/')) return [{ negate, mustBeFolder, matches }];
  return [{ negate, mustBeFolder, matches: (path) => matches(path.slice(path.lastIndexOf('/') + 1)) }];
}
