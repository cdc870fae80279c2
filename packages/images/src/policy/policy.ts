/** Update policies of a manifest's annotations: which containers follow which tags. */

import type { AnyObject } from '@towpath/api';
import { TowpathError } from '@towpath/kit';
import { RE2JS } from 're2js';
import { compareVersions, parseConstraint, parseVersion, type Constraint } from './semver.ts';

/** Both prefixes of Flux; the newer one wins. */
const prefixes = ['fluxcd.io/', 'flux.weave.works/'] as const;
const filterPrefix = 'filter.fluxcd.io/';

/** A tag with the time it was pushed or built; zero when that is not known. */
export interface TagInfo {
  readonly name: string;
  readonly createdAtMs: number;
}

/** Which tags a container may get and which of them is the newest. */
export interface TagPolicy {
  /** As written, e.g. `semver:~v0.0`; `glob:*` when nothing is written. */
  readonly text: string;
  matches(tag: string): boolean;
  /** Semver orders by version, the others by time. */
  readonly order: 'version' | 'time';
}

/** True when the object is to be kept up to date. Only the text "true" counts. */
export function isAutomated(object: AnyObject): boolean {
  return (
    policyValue(object, 'automated') === 'true' &&
    policyValue(object, 'locked') !== 'true' &&
    policyValue(object, 'ignore') !== 'true'
  );
}

function policyValue(object: AnyObject, name: string): string | undefined {
  const annotations = object.metadata.annotations ?? {};
  return prefixes.map((prefix) => annotations[`${prefix}${name}`]).find((value) => value !== undefined);
}

/** The policy of one container. Throws `IMAGE_POLICY_INVALID` with the annotation's text. */
export function tagPolicyOf(object: AnyObject, container: string): TagPolicy {
  const annotations = object.metadata.annotations ?? {};
  return parseTagPolicy(
    annotations[`${filterPrefix}${container}`] ?? policyValue(object, `tag.${container}`) ?? 'glob:*',
  );
}

/** `glob:` is the default; `semver:`, `regexp:` and `regex:` are the others. Source: fluxcd/flux pkg/policy/pattern.go. */
export function parseTagPolicy(text: string): TagPolicy {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? 'glob' : text.slice(0, colon);
  const expression = colon < 0 ? text : text.slice(colon + 1);
  switch (kind) {
    case 'semver':
      return semverPolicy(text, expression);
    case 'regexp':
    case 'regex':
      return { text, order: 'time', matches: regexpMatcher(text, expression) };
    case 'glob':
      return { text, order: 'time', matches: globMatcher(expression) };
    default:
      return { text, order: 'time', matches: globMatcher(text) };
  }
}

function semverPolicy(text: string, expression: string): TagPolicy {
  const constraint: Constraint = parseConstraint(expression);
  return {
    text,
    order: 'version',
    matches(tag) {
      const version = parseVersion(tag);
      return version !== undefined && constraint(version);
    },
  };
}

function regexpMatcher(text: string, expression: string): (tag: string) => boolean {
  try {
    const pattern = RE2JS.compile(expression);
    return (tag) => pattern.matcher(tag).find();
  } catch {
    throw new TowpathError('IMAGE_POLICY_INVALID', `"${text}" is no regular expression`, {
      next: 'use the syntax of RE2',
    });
  }
}

/** `*` stands for any text. */
function globMatcher(expression: string): (tag: string) => boolean {
  const pieces = expression.split('*').map((piece) => RE2JS.quote(piece));
  const pattern = RE2JS.compile(`^${pieces.join('.*')}$`);
  return (tag) => pattern.matcher(tag).matches();
}

export type Decision =
  | { readonly type: 'update'; readonly tag: string; readonly because: string }
  | { readonly type: 'keep'; readonly because: string };

/** Pure: what the container should run next. A lower version is never chosen, whatever the order of pushes. */
export function decideTag(policy: TagPolicy, current: string | undefined, tags: readonly TagInfo[]): Decision {
  const candidates = tags.filter(({ name }) => policy.matches(name));
  const newest = newestOf(policy, candidates);
  if (newest === undefined) return { type: 'keep', because: `no tag matches ${policy.text}` };
  if (newest.name === current) return { type: 'keep', because: 'it is the newest' };
  if (policy.order === 'time' && newest.createdAtMs === 0) {
    return { type: 'keep', because: 'image with zero created timestamp' };
  }
  const running = tags.find(({ name }) => name === current);
  if (isLower(newest.name, current)) return { type: 'keep', because: `${newest.name} is lower than ${current}` };
  if (policy.order === 'time' && running !== undefined && running.createdAtMs > newest.createdAtMs) {
    return { type: 'keep', because: `${newest.name} is older than ${current}` };
  }
  const because = `latest ${newest.name} (${timeOf(newest)}) > current ${current ?? 'none'} (${timeOf(running)})`;
  return { type: 'update', tag: newest.name, because };
}

function newestOf(policy: TagPolicy, candidates: readonly TagInfo[]): TagInfo | undefined {
  return candidates.toSorted((left, right) => {
    if (policy.order === 'time') return right.createdAtMs - left.createdAtMs || (left.name < right.name ? 1 : -1);
    const [one, other] = [parseVersion(left.name), parseVersion(right.name)];
    return one === undefined || other === undefined ? 0 : compareVersions(other, one);
  })[0];
}

function isLower(next: string, current: string | undefined): boolean {
  const [to, from] = [parseVersion(next), parseVersion(current ?? '')];
  return to !== undefined && from !== undefined && compareVersions(to, from) < 0;
}

function timeOf(tag: TagInfo | undefined): string {
  return tag === undefined || tag.createdAtMs === 0 ? 'unknown' : new Date(tag.createdAtMs).toISOString();
}
