/** Path patterns of `changes`, `exists`, artifacts and .dockerignore as RE2 expressions: linear time on any input. */

import { RE2JS } from 're2js';

const special = /[.+^$()|\\]/;
const maxAlternatives = 200;

/**
 * A matcher of whole relative paths. Knows `*`, `**`, `?`, `[a-z]` and `{a,b}`; `*` does not cross a slash.
 * Source: Ruby File.fnmatch with FNM_PATHNAME, FNM_DOTMATCH and FNM_EXTGLOB, which GitLab uses.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const expression = RE2JS.compile(`^${toExpression(pattern)}$`);
  return (path) => expression.matches(path);
}

/** A matcher for any of several patterns. */
export function compileGlobs(patterns: readonly string[]): (path: string) => boolean {
  const matchers = patterns.slice(0, maxAlternatives).map(compileGlob);
  return (path) => matchers.some((matches) => matches(path));
}

function toExpression(pattern: string): string {
  let out = '';
  let braces = 0;
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    if (char === '*') {
      const double = pattern.charAt(index + 1) === '*';
      const atStart = index === 0 || pattern.charAt(index - 1) === '/';
      if (double && atStart && pattern.charAt(index + 2) === '/') {
        out += '(?:[^/]+/)*';
        index += 2;
      } else if (double) {
        out += atStart && index + 2 >= pattern.length ? '.*' : '[^/]*';
        index += 1;
      } else out += '[^/]*';
    } else if (char === '?') out += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', index + 2);
      if (end < 0) out += '\\[';
      else {
        const body = pattern
          .slice(index + 1, end)
          .replace(/^!/, '^')
          .replaceAll('\\', '\\\\')
          .replaceAll('[', '\\[');
        out += `[${body}]`;
        index = end;
      }
    } else if (char === '{') {
      braces++;
      out += '(?:';
    } else if (char === '}' && braces > 0) {
      braces--;
      out += ')';
    } else if (char === ',' && braces > 0) out += '|';
    else if (char === '\\' && index + 1 < pattern.length) out += escape(pattern.charAt(++index));
    else out += escape(char);
  }
  return out + ')'.repeat(braces);
}

function escape(char: string): string {
  return special.test(char) || '*?[]{}'.includes(char) ? `\\${char}` : char;
}
