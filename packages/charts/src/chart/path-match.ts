/** Go's filepath.Match, for .helmignore and --show-only. */

type Part =
  | { readonly type: 'star' }
  | { readonly type: 'any' }
  | { readonly type: 'set'; readonly test: (char: string) => boolean };

/** A matcher for the pattern, or undefined when the pattern is wrong. `*` and `?` do not match a slash. */
export function pathMatcher(pattern: string): ((path: string) => boolean) | undefined {
  const parts = parsePattern(pattern);
  return parts === undefined ? undefined : (path) => matchParts(parts, Array.from(path));
}

function parsePattern(pattern: string): Part[] | undefined {
  const chars = Array.from(pattern);
  const parts: Part[] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') {
      parts.push({ type: 'star' });
    } else if (char === '?') {
      parts.push({ type: 'any' });
    } else if (char === '[') {
      const set = parseSet(chars, at + 1);
      if (set === undefined) return undefined;
      parts.push({ type: 'set', test: set.test });
      at = set.end;
    } else {
      if (char === '\\') at += 1;
      const literal = chars[at];
      if (literal === undefined) return undefined;
      parts.push({ type: 'set', test: (other) => other === literal });
    }
  }
  return parts;
}

function parseSet(
  chars: readonly string[],
  start: number,
): { test: (char: string) => boolean; end: number } | undefined {
  let at = start;
  const isNegated = chars[at] === '^';
  if (isNegated) at += 1;
  const ranges: [low: string, high: string][] = [];
  const next = (): string | undefined => {
    let char = chars[at];
    if (char === undefined || char === '-' || char === ']') return undefined;
    if (char === '\\') {
      at += 1;
      char = chars[at];
    }
    at += 1;
    return char;
  };
  while (!(chars[at] === ']' && ranges.length > 0)) {
    const low = next();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (chars[at] === '-') {
      at += 1;
      high = next();
    }
    if (high === undefined) return undefined;
    ranges.push([low, high]);
  }
  return { test: (char) => ranges.some(([low, high]) => char >= low && char <= high) !== isNegated, end: at };
}

/** Tries the last star again with one character more: every position is looked at once per star. */
function matchParts(parts: readonly Part[], chars: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < chars.length) {
    const current = parts[part];
    const char = chars[at] ?? '';
    if (current?.type === 'star') {
      star = part;
      starAt = at;
      part += 1;
    } else if (current !== undefined && (current.type === 'any' ? char !== '/' : current.test(char))) {
      part += 1;
      at += 1;
    } else if (star >= 0 && chars[starAt] !== '/') {
      starAt += 1;
      at = starAt;
      part = star + 1;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest.type === 'star');
}
