/** Chart versions: semantic versions and the ranges that Helm accepts for `--version`. */

interface Version {
  readonly numbers: readonly [number, number, number];
  readonly prerelease: readonly string[];
}

const versionPattern = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

function parse(text: string): Version | undefined {
  const match = versionPattern.exec(text.trim());
  if (match === null) return undefined;
  const [, major, minor = '0', patch = '0', prerelease] = match;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    prerelease: prerelease === undefined ? [] : prerelease.split('.'),
  };
}

/** Below zero when `left` is older. What is no version sorts before every version. */
export function compareVersions(left: string, right: string): number {
  const parsedLeft = parse(left);
  const parsedRight = parse(right);
  if (parsedLeft === undefined || parsedRight === undefined) {
    return Number(parsedLeft !== undefined) - Number(parsedRight !== undefined);
  }
  return compare(parsedLeft, parsedRight);
}

/** Source: Semantic Versioning 2.0.0, section 11. */
function compare(left: Version, right: Version): number {
  for (const place of [0, 1, 2] as const) {
    if (left.numbers[place] !== right.numbers[place]) return left.numbers[place] - right.numbers[place];
  }
  if (left.prerelease.length === 0 || right.prerelease.length === 0) {
    return right.prerelease.length - left.prerelease.length;
  }
  for (const [index, part] of left.prerelease.entries()) {
    const other = right.prerelease[index];
    if (other === undefined) return 1;
    if (part !== other) return comparePrerelease(part, other);
  }
  return left.prerelease.length - right.prerelease.length;
}

function comparePrerelease(left: string, right: string): number {
  const numeric = /^\d+$/;
  if (numeric.test(left) && numeric.test(right)) return Number(left) - Number(right);
  if (numeric.test(left) !== numeric.test(right)) return numeric.test(left) ? -1 : 1;
  return left < right ? -1 : 1;
}

/** True for a version without a pre-release part. */
export function isStable(version: string): boolean {
  const parsed = parse(version);
  return parsed !== undefined && parsed.prerelease.length === 0;
}

/**
 * True when `version` lies in `range`: comparisons joined by commas or spaces, alternatives by `||`, `^`, `~`, `x` and
 * hyphen ranges. A pre-release only matches a comparison that names one. Source: Masterminds/semver 3, Constraints.
 */
export function satisfies(version: string, range: string): boolean {
  const parsed = parse(version);
  if (parsed === undefined) return false;
  return range.split('||').some((alternative) => {
    const comparisons = comparisonsOf(alternative);
    return comparisons !== undefined && comparisons.every((comparison) => matches(parsed, comparison));
  });
}

interface Comparison {
  readonly operator: string;
  readonly version: Version;
  /** How many of major, minor and patch the text gave: 0 to 3. */
  readonly given: number;
}

const hyphenPattern = /(\S+)\s+-\s+(\S+)/g;
const comparisonPattern =
  /(=|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*(v?(?:\d+|[xX*])(?:\.(?:\d+|[xX*]))*(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)/g;

function comparisonsOf(text: string): Comparison[] | undefined {
  const plain = text.replace(hyphenPattern, '>=$1 <=$2').trim();
  if (plain === '') return [];
  const comparisons: Comparison[] = [];
  for (const [, operator = '', written = ''] of plain.matchAll(comparisonPattern)) {
    const [numbers = '', ...rest] = written.replace(/\+.*$/, '').replace(/^v/, '').split('-');
    const parts = numbers.split('.');
    const wild = parts.findIndex((part) => /^[xX*]$/.test(part));
    const given = wild < 0 ? parts.length : wild;
    const prerelease = rest.join('-');
    const full = [0, 1, 2].map((place) => (place < given ? Number(parts[place]) : 0)) as [number, number, number];
    comparisons.push({
      operator,
      given,
      version: { numbers: full, prerelease: prerelease === '' ? [] : prerelease.split('.') },
    });
  }
  const left = plain.replace(comparisonPattern, '').replaceAll(/[\s,]/g, '');
  return left === '' && comparisons.length > 0 ? comparisons : undefined;
}

function matches(version: Version, comparison: Comparison): boolean {
  const { operator, version: bound, given } = comparison;
  if (version.prerelease.length > 0 && bound.prerelease.length === 0) return false;
  const order = compare(version, bound);
  switch (operator) {
    case '!=':
      return given === 0 ? false : given < 3 ? !within(version, bound, given) : order !== 0;
    case '>':
      return given > 0 && given < 3 ? order > 0 && !within(version, bound, given) : order > 0;
    case '<':
      return order < 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<=':
    case '=<':
      return given < 3 ? order <= 0 || within(version, bound, given) : order <= 0;
    case '~':
    case '~>':
      return given === 0 || (order >= 0 && within(version, bound, Math.min(given, 2)));
    case '^':
      return given === 0 || (order >= 0 && withinCaret(version, bound, given));
    default:
      return given < 3 ? given === 0 || within(version, bound, given) : order === 0;
  }
}

/** The first `places` numbers agree. */
function within(version: Version, bound: Version, places: number): boolean {
  return version.numbers.slice(0, places).every((number, place) => number === bound.numbers[place]);
}

/** Up to the next change of the leftmost number that is not zero. */
function withinCaret(version: Version, bound: Version, given: number): boolean {
  const leftmost = bound.numbers.findIndex((number) => number !== 0);
  const place = leftmost < 0 || leftmost >= given ? given - 1 : leftmost;
  return within(version, bound, place + 1);
}

export function isVersion(text: string): boolean {
  return parse(text) !== undefined;
}

/** Both are versions, and equal but for their build metadata. */
export function sameVersion(left: string, right: string): boolean {
  return isVersion(left) && isVersion(right) && compareVersions(left, right) === 0;
}

/** The version in full with `build` as its metadata; text that is no version gets it appended. */
export function withBuild(text: string, build: string): string {
  const parsed = parse(text);
  if (parsed === undefined) return `${text}+${build}`;
  const prerelease = parsed.prerelease.length === 0 ? '' : `-${parsed.prerelease.join('.')}`;
  return `${parsed.numbers.join('.')}${prerelease}+${build}`;
}
