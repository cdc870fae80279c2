/** .helmignore: which files of a folder are no part of the chart. Source: helm 3 pkg/ignore/rules.go. */

import { chartError } from '../errors.ts';

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
    throw chartError('CHART_INVALID', '.helmignore: double-star (**) syntax is not supported', {
      next: 'use single stars',
    });
  }
  const negate = pattern.startsWith('!');
  if (negate) pattern = pattern.slice(1);
  const mustBeFolder = pattern.endsWith('/');
  if (mustBeFolder) pattern = pattern.slice(0, -1);
  if (pattern.startsWith('/')) return [{ negate, mustBeFolder, matches: globMatcher(pattern.slice(1)) }];
  const matches = globMatcher(pattern);
  if (pattern.includes('/')) return [{ negate, mustBeFolder, matches }];
  return [{ negate, mustBeFolder, matches: (path) => matches(path.slice(path.lastIndexOf('/') + 1)) }];
}

/** Go's filepath.Match: `*` and `?` stop at slashes, `[a-z]` and `[^a]` are classes, `\` escapes. */
function globMatcher(pattern: string): (path: string) => boolean {
  const parts: string[] = [];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? '';
    if (character === '*') parts.push('[^/]*');
    else if (character === '?') parts.push('[^/]');
    else if (character === '[') {
      const end = pattern.indexOf(']', index + 2);
      if (end < 0) return () => false;
      const body = pattern.slice(index + 1, end);
      parts.push(`[${body.startsWith('^') ? '^' : ''}${body.replace(/^\^/, '').replace(/[\\\]^[]/g, '\\$&')}]`);
      index = end;
    } else {
      const literal = character === '\\' ? (pattern[++index] ?? '') : character;
      parts.push(literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
    }
  }
  // One quantifier a star over a class without slashes: linear in the path.
  const regex = new RegExp(`^${parts.join('')}$`, 'u');
  return (path) => regex.test(path);
}
