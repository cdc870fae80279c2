/** Versions and constraints as Masterminds/semver v3.4 reads and compares them. */

import { FunctionError } from '../errors.ts';
import { maxUint64, quote } from './strconv.ts';
import { GoInt, GoObject, type GoMethod } from './values.ts';

const loosePattern =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/** `*semver.Version`. */
export class Version extends GoObject {
  readonly type = '*semver.Version';
  override readonly kind = 'ptr';
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly pre: string;
  readonly metadata: string;
  readonly original: string;

  constructor(parts: Pick<Version, 'major' | 'minor' | 'patch' | 'pre' | 'metadata'>, original?: string) {
    super();
    this.major = parts.major;
    this.minor = parts.minor;
    this.patch = parts.patch;
    this.pre = parts.pre;
    this.metadata = parts.metadata;
    this.original = original ?? this.text();
  }

  override text(): string {
    const pre = this.pre === '' ? '' : `-${this.pre}`;
    return `${this.major}.${this.minor}.${this.patch}${pre}${this.metadata === '' ? '' : `+${this.metadata}`}`;
  }

  override toJsonValue(): unknown {
    return this.text();
  }

  override equals(other: GoObject): boolean {
    return other instanceof Version && other.original === this.original && other.text() === this.text();
  }

  override method(name: string): GoMethod | undefined {
    return Object.hasOwn(methods, name) ? methods[name]?.(this) : undefined;
  }

  private next(parts: Partial<Pick<Version, 'major' | 'minor' | 'patch' | 'pre' | 'metadata'>>): Version {
    const { major, minor, patch, pre, metadata } = this;
    const next = new Version({ major, minor, patch, pre, metadata, ...parts });
    return new Version(next, (this.original.startsWith('v') ? 'v' : '') + next.text());
  }

  incPatch(): Version {
    return this.next({ pre: '', metadata: '', patch: this.pre === '' ? this.patch + 1n : this.patch });
  }

  incMinor(): Version {
    return this.next({ pre: '', metadata: '', patch: 0n, minor: this.minor + 1n });
  }

  incMajor(): Version {
    return this.next({ pre: '', metadata: '', patch: 0n, minor: 0n, major: this.major + 1n });
  }

  setPrerelease(pre: string): Version {
    if (pre !== '') checkPrerelease(pre);
    return this.next({ pre });
  }

  setMetadata(metadata: string): Version {
    if (metadata !== '' && !/^[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*$/.test(metadata))
      throw new FunctionError('invalid metadata string');
    return this.next({ metadata });
  }
}

const uint = (value: bigint): GoInt => new GoInt('uint64', value);
const get =
  (read: (version: Version) => unknown) =>
  (version: Version): GoMethod => ({ args: [], run: () => read(version) });
const against =
  (test: (order: number) => unknown) =>
  (version: Version): GoMethod => ({
    args: ['*semver.Version'],
    run: (other: Version) => test(compareVersions(version, other)),
  });

const methods: Readonly<Record<string, (version: Version) => GoMethod>> = {
  Major: get((version) => uint(version.major)),
  Minor: get((version) => uint(version.minor)),
  Patch: get((version) => uint(version.patch)),
  Prerelease: get((version) => version.pre),
  Metadata: get((version) => version.metadata),
  Original: get((version) => version.original),
  String: get((version) => version.text()),
  IncPatch: get((version) => version.incPatch()),
  IncMinor: get((version) => version.incMinor()),
  IncMajor: get((version) => version.incMajor()),
  Compare: against((order) => new GoInt('int', BigInt(order))),
  Equal: against((order) => order === 0),
  LessThan: against((order) => order < 0),
  LessThanEqual: against((order) => order <= 0),
  GreaterThan: against((order) => order > 0),
  GreaterThanEqual: against((order) => order >= 0),
  SetPrerelease: (version) => ({ args: ['string'], run: (pre: string) => version.setPrerelease(pre) }),
  SetMetadata: (version) => ({ args: ['string'], run: (metadata: string) => version.setMetadata(metadata) }),
};

function checkPrerelease(pre: string): void {
  for (const part of pre.split('.')) {
    if (part === '' || !/^[0-9A-Za-z-]+$/.test(part)) throw new FunctionError('invalid prerelease string');
    if (/^0[0-9]+$/.test(part)) throw new FunctionError('version segment starts with 0');
  }
}

function segment(text: string | undefined): bigint {
  const value = BigInt(text ?? '0');
  if (value > maxUint64) {
    throw new FunctionError(
      `error parsing version segment: strconv.ParseUint: parsing ${quote(text ?? '')}: value out of range`,
    );
  }
  return value;
}

/** semver.NewVersion: missing parts are 0. Throws `FunctionError`. */
export function parseVersion(text: string): Version {
  const match = loosePattern.exec(text);
  if (match === null) throw new FunctionError('invalid semantic version');
  const [, major, minor, patch, pre = '', metadata = ''] = match;
  const version = new Version(
    { major: segment(major), minor: segment(minor), patch: segment(patch), pre, metadata },
    text,
  );
  if (pre !== '') checkPrerelease(pre);
  return version;
}

function compareBig(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function compareVersions(left: Version, right: Version): number {
  const order =
    compareBig(left.major, right.major) || compareBig(left.minor, right.minor) || compareBig(left.patch, right.patch);
  if (order !== 0 || left.pre === right.pre) return order;
  if (left.pre === '') return 1;
  return right.pre === '' ? -1 : comparePrereleases(left.pre, right.pre);
}

/** -1, 0 or 1; numbers come before words. */
export function comparePrereleases(left: string, right: string): number {
  const a = left.split('.');
  const b = right.split('.');
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const order = comparePart(a[index] ?? '', b[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(left: string, right: string): number {
  if (left === right) return 0;
  if (left === '') return -1;
  if (right === '') return 1;
  const isLeftNumber = isUint(left);
  const isRightNumber = isUint(right);
  if (isLeftNumber && isRightNumber) return compareBig(BigInt(left), BigInt(right)) || -1;
  if (isLeftNumber || isRightNumber) return isLeftNumber ? -1 : 1;
  return left > right ? 1 : -1;
}

function isUint(text: string): boolean {
  return /^[0-9]+$/.test(text) && BigInt(text) <= maxUint64;
}
