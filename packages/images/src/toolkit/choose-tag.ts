/** Which tag a policy chooses: pure. The sentences are Flux's. Source: image-reflector-controller, internal/policy. */

import { goLibrary } from '@towpath/charts';
import { messageOf } from '@towpath/kit';
import type { ImagePolicySpec } from './kinds.ts';

/** `invalid` when the policy itself is wrong, `failed` when it chooses none of these tags. */
export type Chosen =
  | { readonly type: 'tag'; readonly tag: string }
  | { readonly type: 'invalid' | 'failed'; readonly because: string };

type Latest = (tags: readonly string[]) => string;

/** `tags` are sorted, last in the alphabet first; of tags that a policy takes for equal the first of a range is chosen. */
export function chooseTag({ policy, filterTags }: ImagePolicySpec, tags: readonly string[]): Chosen {
  let latest: Latest;
  try {
    latest = latestOf(policy);
  } catch (error) {
    return { type: 'invalid', because: `invalid policy: ${messageOf(error)}` };
  }
  // What is compared → the tag it stands for.
  let candidates: ReadonlyMap<string, string>;
  try {
    candidates = filterTags === undefined ? new Map(tags.map((tag) => [tag, tag])) : filtered(filterTags, tags);
  } catch (error) {
    const because = `invalid regular expression pattern '${filterTags?.pattern ?? ''}': ${messageOf(error)}`;
    return { type: 'invalid', because: `failed to filter tags: ${because}` };
  }
  try {
    if (candidates.size === 0) throw new Error('version list argument cannot be empty');
    return { type: 'tag', tag: candidates.get(latest([...candidates.keys()])) ?? '' };
  } catch (error) {
    return { type: 'failed', because: messageOf(error) };
  }
}

function filtered(
  { pattern = '', extract = '' }: NonNullable<ImagePolicySpec['filterTags']>,
  tags: readonly string[],
): ReadonlyMap<string, string> {
  const expression = goLibrary.compileRegexp(pattern);
  const found = new Map<string, string>();
  for (const tag of tags) {
    const part = goLibrary.expandFirst(expression, extract === '' ? '${0}' : extract, tag);
    if (part !== undefined) found.set(extract === '' ? tag : part, tag);
  }
  return found;
}

function latestOf({ semver, alphabetical, numerical }: ImagePolicySpec['policy']): Latest {
  if (semver !== undefined) return bySemver(semver.range);
  if (alphabetical !== undefined) {
    const isAscending = order(alphabetical.order) === 'ASC';
    return (tags) => tags.reduce((best, tag) => (isAscending === tag > best ? tag : best));
  }
  if (numerical !== undefined) return byNumber(order(numerical.order) === 'ASC');
  throw new Error('given ImagePolicyChoice object is invalid');
}

function order(text = ''): 'ASC' | 'DESC' {
  const upper = text === '' ? 'ASC' : text.toUpperCase();
  if (upper === 'ASC' || upper === 'DESC') return upper;
  throw new Error(`invalid order argument provided: '${upper}', must be one of: ASC, DESC`);
}

function bySemver(range: string): Latest {
  checkRange(range);
  return (tags) => {
    let best: { tag: string; version: goLibrary.Version } | undefined;
    for (const tag of tags) {
      const version = fullVersion(tag);
      if (version === undefined || !goLibrary.satisfies(range, tag)) continue;
      if (best === undefined || goLibrary.compareVersions(version, best.version) > 0) best = { tag, version };
    }
    if (best === undefined) throw new Error('unable to determine latest version from provided list');
    return best.tag;
  };
}

/** Masterminds/semver quotes what is no constraint. */
function checkRange(range: string): void {
  try {
    goLibrary.satisfies(range, '0.0.0');
  } catch (error) {
    const [, what] = /^improper constraint: (.*)$/s.exec(messageOf(error)) ?? [];
    throw what === undefined ? error : new Error(`improper constraint: ${JSON.stringify(what)}`, { cause: error });
  }
}

/** Three numbers are needed. */
function fullVersion(tag: string): goLibrary.Version | undefined {
  if (tag.split('.').length < 3) return undefined;
  try {
    return goLibrary.parseVersion(tag);
  } catch {
    return undefined;
  }
}

/** As Go's ParseFloat reads them: no blanks, no empty text. */
const number = /^[+-]?(?:\d[\d_]*\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i;

function byNumber(isAscending: boolean): Latest {
  return (tags) => {
    let best: { tag: string; value: number } | undefined;
    for (const tag of tags) {
      if (!number.test(tag) || tag.includes('_')) throw new Error(`failed to parse invalid numeric value '${tag}'`);
      const value = Number(tag.replace(/^([+-]?)inf(?:inity)?$/i, '$1Infinity'));
      // The last of equal ones counts.
      const isBehind = best !== undefined && (isAscending ? value < best.value : value > best.value);
      if (!isBehind) best = { tag, value };
    }
    return best?.tag ?? '';
  };
}
