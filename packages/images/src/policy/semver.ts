/** Versions and constraints as Masterminds/semver v3 reads them: `v` prefixes, short versions, `~v0.0`, `^1`, `0.0.x`. */

import { TowpathError } from '@towpath/kit';

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly prerelease: readonly string[];
}

const versionPattern = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** The version, or undefined when the text is none. Missing parts are zero. */
export function parseVersion(text: string): Version | undefined {
  const match = versionPattern.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, prerelease] = match;
  return {
    major: Number(major),
    minor: Number(minor ?? 0),
    patch: Number(patch ?? 0),
    prerelease: prerelease === undefined ? [] : prerelease.split('.'),
  };
}

/** Negative, zero or positive. Source: semver.org, item 11. */
export function compareVersions(left: Version, right: Version): number {
  return (
    left.major - right.major ||
    left.minor - right.minor ||
    left.patch - right.patch ||
    comparePrerelease(left.prerelease, right.prerelease)
  );
}

function comparePrerelease(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length;
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [one, other] = [left[index], right[index]];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
    if (one === other) continue;
    const [isNumber, isOtherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (isNumber && isOtherNumber) return Number(one) - Number(other);
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return 0;
}

/** True when a version satisfies a constraint. */
export type Constraint = (version: Version) => boolean;

const partPattern =
  /^(!=|>=|=>|<=|=<|>|<|=|~>|~|\^)?\s*v?([0-9xX*]+)(?:\.([0-9xX*]+))?(?:\.([0-9xX*]+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Parses `a b || c, d`. Throws `IMAGE_POLICY_INVALID`. Source: Masterminds/semver README, "Checking Version Constraints". */
export function parseConstraint(text: string): Constraint {
  const alternatives = text.split('||').map((alternative) => parseAll(alternative, text));
  return (version) => alternatives.some((holds) => holds(version));
}

function parseAll(alternative: string, whole: string): Constraint {
  const hyphenated = alternative.replace(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2');
  // `~v0.0*` is common in manifests: the star stands for what follows.
  const dotted = hyphenated.replace(/(\d)\*/g, '$1.*');
  const joined = dotted.replace(/(!=|>=|=>|<=|=<|>|<|=|~>|~|\^)\s+/g, '$1');
  const parts = joined.split(/[\s,]+/).filter((part) => part !== '');
  if (parts.length === 0) return parsePart('*', whole);
  const constraints = parts.map((part) => parsePart(part, whole));
  return (version) => constraints.every((holds) => holds(version));
}

interface Part {
  readonly operator: string;
  readonly base: Version;
  /** How many of major, minor and patch are given as numbers. */
  readonly given: number;
}

function parsePart(text: string, whole: string): Constraint {
  const match = partPattern.exec(text);
  if (match === null) {
    throw new TowpathError('IMAGE_POLICY_INVALID', `"${whole}" is no semver constraint`, {
      next: 'write for example semver:~1.2 or semver:>=1.0 <2.0',
    });
  }
  const [, operator = '', major, minor, patch, prerelease] = match;
  const numbers = [major, minor, patch].map((part) =>
    part !== undefined && /^\d+$/.test(part) ? Number(part) : undefined,
  );
  const wildcard = numbers.indexOf(undefined);
  const given = wildcard < 0 ? 3 : wildcard;
  const base = {
    major: numbers[0] ?? 0,
    minor: given > 1 ? (numbers[1] ?? 0) : 0,
    patch: given > 2 ? (numbers[2] ?? 0) : 0,
    prerelease: prerelease === undefined ? [] : prerelease.split('.'),
  };
  const part: Part = { operator, base, given };
  return (version) => allowsPrerelease(part, version) && holds(part, version);
}

/** A pre-release counts only when the constraint names one. */
function allowsPrerelease(part: Part, version: Version): boolean {
  return version.prerelease.length === 0 || part.base.prerelease.length > 0;
}

function holds(part: Part, version: Version): boolean {
  const { operator, base, given } = part;
  const order = compareVersions(version, base);
  switch (operator) {
    case '!=':
      return given < 3 ? !isWithin(part, version, given) : order !== 0;
    case '>':
      return given < 3 ? order > 0 && !isWithin(part, version, given) : order > 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<':
      return order < 0;
    case '<=':
    case '=<':
      return order <= 0 || (given < 3 && isWithin(part, version, given));
    case '~':
    case '~>':
      return order >= 0 && isWithin(part, version, Math.min(given, 2));
    case '^':
      return order >= 0 && isWithin(part, version, caretDepth(part));
    default:
      return given < 3 ? isWithin(part, version, given) : order === 0;
  }
}

/** True when the first `depth` numbers are the same. */
function isWithin(part: Part, version: Version, depth: number): boolean {
  const { base } = part;
  if (depth >= 1 && version.major !== base.major) return false;
  if (depth >= 2 && version.minor !== base.minor) return false;
  return depth < 3 || version.patch === base.patch;
}

/** The caret keeps the leftmost number that is not zero. */
function caretDepth(part: Part): number {
  const { base, given } = part;
  if (base.major > 0 || given < 2) return Math.min(given, 1);
  if (base.minor > 0 || given < 3) return 2;
  return 3;
}
