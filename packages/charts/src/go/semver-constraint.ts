/** Constraints on versions as Masterminds/semver v3.4 reads them. */

import { FunctionError } from '../errors.ts';
import { comparePrereleases, compareVersions, parseVersion, type Version } from './semver.ts';

const versionSource =
  'v?([0-9|xX*]+)(\\.[0-9|xX*]+)?(\\.[0-9|xX*]+)?(-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?';

interface Constraint {
  readonly operator: string;
  readonly version: Version;
  /** Some part was left out or is a wildcard. */
  readonly isDirty: boolean;
  readonly isMinorDirty: boolean;
  readonly isPatchDirty: boolean;
}

const operators: ReadonlySet<string> = new Set(['', '=', '!=', '>', '<', '>=', '=>', '<=', '=<', '~', '~>', '^']);

/** Whether the version satisfies the constraint. Throws `FunctionError` for what cannot be read; constraint first. */
export function satisfies(constraint: string, version: string): boolean {
  const alternatives = parseConstraint(constraint);
  const parsed = parseVersion(version);
  return alternatives.some((all) => {
    const includesPre = all.some((item) => item.version.pre !== '');
    return all.every((item) => check(item, parsed, includesPre));
  });
}

/** The alternatives of `||`, each a list that must hold together. */
function parseConstraint(text: string): Constraint[][] {
  const range = new RegExp(`(${versionSource})\\s+-\\s+(${versionSource})`, 'g');
  const rewritten = text.replace(
    range,
    (_all, from: string, ...groups: string[]) => `>= ${from}, <= ${groups[4] ?? ''} `,
  );
  return rewritten.split('||').map(parseAlternative);
}

function parseAlternative(text: string): Constraint[] {
  const refuse = (): never => {
    throw new FunctionError(`improper constraint: ${text}`);
  };
  const item = new RegExp(`([=!<>~^]*)\\s*(${versionSource})`, 'y');
  const items: Constraint[] = [];
  let at = text.length - text.trimStart().length;
  for (;;) {
    item.lastIndex = at;
    const match = item.exec(text);
    if (match === null || !operators.has(match[1] ?? '')) return refuse();
    items.push(makeConstraint(match));
    at = item.lastIndex;
    const rest = text.slice(at);
    if (rest.trim() === '') return items;
    const separator = /^(?:\s*,\s*|\s+)/.exec(rest);
    if (separator === null) return refuse();
    at += separator[0].length;
  }
}

function isWildcard(part: string): boolean {
  return part === 'x' || part === 'X' || part === '*';
}

function makeConstraint(match: RegExpExecArray): Constraint {
  const [, operator = '', text = '', major = '', minor = '', patch = '', pre = ''] = match;
  const isOpen = (part: string): boolean => part === '' || isWildcard(part.slice(1));
  let version = text;
  let level: 'major' | 'minor' | 'patch' | undefined;
  if (isWildcard(major)) [level, version] = ['major', `0.0.0${pre}`];
  else if (isOpen(minor)) [level, version] = ['minor', `${major}.0.0${pre}`];
  else if (isOpen(patch)) [level, version] = ['patch', `${major}${minor}.0${pre}`];
  try {
    return {
      operator,
      version: parseVersion(version),
      isDirty: level !== undefined,
      isMinorDirty: level === 'minor',
      isPatchDirty: level === 'patch',
    };
  } catch {
    throw new FunctionError('constraint parser error');
  }
}

function check(constraint: Constraint, version: Version, includesPre: boolean): boolean {
  if (version.pre !== '' && !includesPre) return false;
  const { version: base, isDirty } = constraint;
  const order = compareVersions(version, base);
  switch (constraint.operator) {
    case '':
    case '=':
      return isDirty ? tilde(constraint, version) : order === 0;
    case '!=':
      return differs(constraint, version);
    case '>':
      return greater(constraint, version);
    case '<':
      return order < 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<=':
    case '=<':
      return lessOrEqual(constraint, version);
    case '^':
      return caret(constraint, version);
    default:
      return tilde(constraint, version);
  }
}

function differs(constraint: Constraint, version: Version): boolean {
  const { version: base, isDirty, isMinorDirty, isPatchDirty } = constraint;
  if (isDirty) {
    if (base.major !== version.major) return true;
    if (base.minor !== version.minor && !isMinorDirty) return true;
    if (isMinorDirty) return false;
    if (base.patch !== version.patch && !isPatchDirty) return true;
    if (isPatchDirty) return comparePrereleases(version.pre, base.pre) !== 0 && (version.pre !== '' || base.pre !== '');
  }
  return compareVersions(version, base) !== 0;
}

function greater(constraint: Constraint, version: Version): boolean {
  const { version: base, isDirty, isMinorDirty, isPatchDirty } = constraint;
  if (!isDirty) return compareVersions(version, base) > 0;
  if (version.major !== base.major) return version.major > base.major;
  if (isMinorDirty) return false;
  return isPatchDirty ? version.minor > base.minor : compareVersions(version, base) > 0;
}

function lessOrEqual(constraint: Constraint, version: Version): boolean {
  const { version: base, isDirty, isMinorDirty } = constraint;
  if (!isDirty) return compareVersions(version, base) <= 0;
  if (version.major > base.major) return false;
  return !(version.major === base.major && version.minor > base.minor && !isMinorDirty);
}

function tilde(constraint: Constraint, version: Version): boolean {
  const { version: base, isMinorDirty, isPatchDirty } = constraint;
  if (compareVersions(version, base) < 0) return false;
  // ~0.0.0 stands for any version.
  if (base.major === 0n && base.minor === 0n && base.patch === 0n && !isMinorDirty && !isPatchDirty) return true;
  return version.major === base.major && (version.minor === base.minor || isMinorDirty);
}

function caret(constraint: Constraint, version: Version): boolean {
  const { version: base, isMinorDirty, isPatchDirty } = constraint;
  if (compareVersions(version, base) < 0) return false;
  if (base.major > 0n || isMinorDirty) return version.major === base.major;
  if (version.major > 0n) return false;
  if (base.minor > 0n || isPatchDirty) return version.minor === base.minor;
  if (version.minor > 0n) return false;
  return base.patch === version.patch;
}
