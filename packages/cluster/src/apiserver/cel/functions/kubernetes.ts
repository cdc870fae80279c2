/** Quantities, semantic versions, URLs and formats. Source: apiserver pkg/cel/library: quantity.go, semverlib.go, urls.go, format.go. */

import {
  qualifiedNameProblem,
  label1035Problem,
  labelProblem,
  labelValueProblem,
  subdomainProblem,
} from '../../names.ts';
import { formatProblem } from '../../custom/formats.ts';
import { quantityNanos } from '../../schema/quantity.ts';
import { B, D, func, I, kubernetesType, list, map, method, optional, S, type Overload } from '../overload.ts';
import { CelFailure, EntryMap, none, Opaque, Optional } from '../values.ts';

const nanosPerUnit = 1_000_000_000n;

/** A resource quantity, in nanos. */
class Quantity extends Opaque {
  readonly typeName = 'kubernetes.Quantity';
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    super();
    this.nanos = nanos;
  }

  equals(other: Opaque): boolean {
    return other instanceof Quantity && this.nanos === other.nanos;
  }
}

/** What apimachinery says of text that is no quantity. */
const notQuantity = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function toQuantity(text: string): Quantity {
  const nanos = quantityNanos(text);
  if (nanos === undefined) throw new CelFailure(notQuantity);
  return new Quantity(nanos);
}

function isWhole({ nanos }: Quantity): boolean {
  const value = nanos / nanosPerUnit;
  return nanos % nanosPerUnit === 0n && value < 2n ** 63n && value >= -(2n ** 63n);
}

function wholeOf(quantity: Quantity): bigint {
  if (!isWhole(quantity)) throw new CelFailure('cannot convert value to integer');
  return quantity.nanos / nanosPerUnit;
}

function sign(value: bigint): bigint {
  return value > 0n ? 1n : value < 0n ? -1n : 0n;
}

const Q = kubernetesType<Quantity>('kubernetes.Quantity', 'object');

const quantities: readonly Overload[] = [
  func('quantity', { id: 'string_to_quantity', args: [S], result: Q, run: toQuantity }),
  func('isQuantity', { id: 'is_quantity_string', args: [S], result: B, run: (a) => quantityNanos(a) !== undefined }),
  func('sign', { id: 'quantity_sign', args: [Q], result: I, run: (a) => sign(a.nanos) }),
  method('isGreaterThan', {
    id: 'quantity_is_greater_than',
    args: [Q, Q],
    result: B,
    run: (a, b) => a.nanos > b.nanos,
  }),
  method('isLessThan', { id: 'quantity_is_less_than', args: [Q, Q], result: B, run: (a, b) => a.nanos < b.nanos }),
  method('compareTo', { id: 'quantity_compare_to', args: [Q, Q], result: I, run: (a, b) => sign(a.nanos - b.nanos) }),
  method('asApproximateFloat', { id: 'quantity_get_float', args: [Q], result: D, run: (a) => Number(a.nanos) / 1e9 }),
  method('asInteger', { id: 'quantity_get_int', args: [Q], result: I, run: wholeOf }),
  method('isInteger', { id: 'quantity_is_integer', args: [Q], result: B, run: isWhole }),
  method('add', { id: 'quantity_add', args: [Q, Q], result: Q, run: (a, b) => new Quantity(a.nanos + b.nanos) }),
  method('add', {
    id: 'quantity_add_int',
    args: [Q, I],
    result: Q,
    run: (a, b) => new Quantity(a.nanos + b * nanosPerUnit),
  }),
  method('sub', { id: 'quantity_sub', args: [Q, Q], result: Q, run: (a, b) => new Quantity(a.nanos - b.nanos) }),
  method('sub', {
    id: 'quantity_sub_int',
    args: [Q, I],
    result: Q,
    run: (a, b) => new Quantity(a.nanos - b * nanosPerUnit),
  }),
];

/** A semantic version. */
class Version extends Opaque {
  readonly typeName = 'kubernetes.Semver';
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];
  readonly build: string;

  constructor(numbers: readonly bigint[], prerelease: readonly string[], build: string) {
    super();
    this.numbers = numbers;
    this.prerelease = prerelease;
    this.build = build;
  }

  equals(other: Opaque): boolean {
    return other instanceof Version && compareVersions(this, other) === 0;
  }
}

const versionPattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

function parseVersion(text: string): Version | undefined {
  const match = versionPattern.exec(text);
  if (match === null) return undefined;
  const [, major = '', minor = '', patch = '', prerelease, build = ''] = match;
  return new Version([major, minor, patch].map(BigInt), prerelease?.split('.') ?? [], build);
}

/** Without a leading v, with all three numbers, without leading zeros; undefined for a short one with a suffix. */
function normaliseVersion(text: string): string | undefined {
  const parts = text.replace(/^v/, '').split('.');
  const three = parts.length > 3 ? [...parts.slice(0, 2), parts.slice(2).join('.')] : parts;
  const numbers = three.map((part) => (part.length > 1 ? part.replace(/^0+(?=\d)/, '') : part));
  if (numbers.length < 3 && /[+-]/.test(numbers.at(-1) ?? '')) return undefined;
  while (numbers.length < 3) numbers.push('0');
  return numbers.join('.');
}

function toVersion(text: string, normalise: boolean): Version {
  const written = normalise ? normaliseVersion(text) : text;
  if (written === undefined) throw new CelFailure('short version cannot contain PreRelease/Build meta data');
  const version = parseVersion(written);
  if (version !== undefined) return version;
  if (written === '') throw new CelFailure('Version string empty');
  const parts = written.split('.');
  if (parts.length < 3) throw new CelFailure('No Major.Minor.Patch elements found');
  const wrong = parts.find((part) => !/^\d+$/.test(part)) ?? '';
  throw new CelFailure(`Invalid character(s) found in number ${JSON.stringify(wrong)}`);
}

function isVersion(text: string, normalise: boolean): boolean {
  const written = normalise ? normaliseVersion(text) : text;
  return written !== undefined && parseVersion(written) !== undefined;
}

function compareVersions(left: Version, right: Version): number {
  for (const [index, number] of left.numbers.entries()) {
    const order = number - (right.numbers[index] ?? 0n);
    if (order !== 0n) return order < 0n ? -1 : 1;
  }
  if (left.prerelease.length === 0 || right.prerelease.length === 0)
    return Math.sign(right.prerelease.length - left.prerelease.length);
  for (const [index, part] of left.prerelease.entries()) {
    const other = right.prerelease[index];
    if (other === undefined) return 1;
    const order = comparePrerelease(part, other);
    if (order !== 0) return order;
  }
  return left.prerelease.length < right.prerelease.length ? -1 : 0;
}

function comparePrerelease(left: string, right: string): number {
  if (left === right) return 0;
  const areNumbers = [left, right].map((part) => /^\d+$/.test(part));
  if (areNumbers[0] === true && areNumbers[1] === true) return BigInt(left) < BigInt(right) ? -1 : 1;
  if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] === true ? -1 : 1;
  return left < right ? -1 : 1;
}

const SEMVER = kubernetesType<Version>('kubernetes.Semver', 'object');

const versions: readonly Overload[] = [
  func('semver', { id: 'string_to_semver', args: [S], result: SEMVER, run: (a) => toVersion(a, false) }),
  func('semver', { id: 'string_bool_to_semver', args: [S, B], result: SEMVER, run: toVersion }),
  func('isSemver', { id: 'is_semver_string', args: [S], result: B, run: (a) => isVersion(a, false) }),
  func('isSemver', { id: 'is_semver_string_bool', args: [S, B], result: B, run: isVersion }),
  method('isGreaterThan', {
    id: 'semver_is_greater_than',
    args: [SEMVER, SEMVER],
    result: B,
    run: (a, b) => compareVersions(a, b) > 0,
  }),
  method('isLessThan', {
    id: 'semver_is_less_than',
    args: [SEMVER, SEMVER],
    result: B,
    run: (a, b) => compareVersions(a, b) < 0,
  }),
  method('compareTo', {
    id: 'semver_compare_to',
    args: [SEMVER, SEMVER],
    result: I,
    run: (a, b) => BigInt(compareVersions(a, b)),
  }),
  method('major', { id: 'semver_major', args: [SEMVER], result: I, run: (a) => a.numbers[0] ?? 0n }),
  method('minor', { id: 'semver_minor', args: [SEMVER], result: I, run: (a) => a.numbers[1] ?? 0n }),
  method('patch', { id: 'semver_patch', args: [SEMVER], result: I, run: (a) => a.numbers[2] ?? 0n }),
];

/** An absolute URL, or a path. */
class Url extends Opaque {
  readonly typeName = 'kubernetes.URL';
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string) {
    super();
    const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s.exec(text);
    this.text = text;
    this.scheme = (match?.[1] ?? '').toLowerCase();
    this.host = (match?.[2] ?? '').replace(/^[^@]*@/, '');
    this.path = match?.[3] ?? '';
    this.query = match?.[4] ?? '';
  }

  equals(other: Opaque): boolean {
    return other instanceof Url && this.text === other.text;
  }

  get hostname(): string {
    return /^\[([^\]]*)\]/.exec(this.host)?.[1] ?? this.host.replace(/:\d*$/, '');
  }

  get port(): string {
    return /:(\d+)$/.exec(this.host)?.[1] ?? '';
  }
}

/** Why the text is no URI of a request; undefined when it is one. Source: Go net/url, ParseRequestURI. */
function uriProblem(text: string): string | undefined {
  const failed = `parse ${JSON.stringify(text)}: `;
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text)) return `${failed}net/url: invalid control character in URL`;
  if (text === '') return `${failed}empty url`;
  if (text === '*') return undefined;
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text);
  const rest = match?.[2] ?? text;
  if (match === null && text.startsWith(':')) return `${failed}missing protocol scheme`;
  if (match === null && !text.startsWith('/')) return `${failed}invalid URI for request`;
  if (match !== null && !rest.startsWith('/')) return `${failed}invalid URI for request`;
  const host = /^\/\/([^/?#]*)/.exec(rest)?.[1] ?? '';
  if (/[ "<>\\^`{|}]/.test(host))
    return `${failed}invalid character ${JSON.stringify(/[ "<>\\^`{|}]/.exec(host)?.[0])} in host name`;
  const port = /:([^:\]]*)$/.exec(host.replace(/^[^@]*@/, ''))?.[1];
  if (port !== undefined && !/^\d*$/.test(port))
    return `${failed}invalid port ${JSON.stringify(`:${port}`)} after host`;
  const escape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(rest.split('?')[0] ?? '')?.[0];
  return escape === undefined ? undefined : `${failed}invalid URL escape ${JSON.stringify(escape)}`;
}

function toUrl(text: string): Url {
  const problem = uriProblem(text);
  if (problem !== undefined) throw new CelFailure(`URL parse error during conversion from string: ${problem}`);
  return new Url(text);
}

function queryOf({ query }: Url): EntryMap {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) values.set(key, [...(values.get(key) ?? []), value]);
  const members = new EntryMap();
  for (const [key, all] of values) members.insert(key, all);
  return members;
}

/** As Go writes a path: what may not stand there is escaped. */
function escapedPath({ path }: Url): string {
  return path.replace(/[^A-Za-z0-9\-_.~$&+,/:;=@%!'()*[\]]/gu, (character) => encodeURIComponent(character));
}

const LINK = kubernetesType<Url>('kubernetes.URL', 'object');

const urls: readonly Overload[] = [
  func('url', { id: 'string_to_url', args: [S], result: LINK, run: toUrl }),
  func('isURL', { id: 'is_url_string', args: [S], result: B, run: (a) => uriProblem(a) === undefined }),
  method('getScheme', { id: 'url_get_scheme', args: [LINK], result: S, run: (a) => a.scheme }),
  method('getHost', { id: 'url_get_host', args: [LINK], result: S, run: (a) => a.host }),
  method('getHostname', { id: 'url_get_hostname', args: [LINK], result: S, run: (a) => a.hostname }),
  method('getPort', { id: 'url_get_port', args: [LINK], result: S, run: (a) => a.port }),
  method('getEscapedPath', { id: 'url_get_escaped_path', args: [LINK], result: S, run: escapedPath }),
  method('getQuery', { id: 'url_get_query', args: [LINK], result: map(S, list(S)), run: queryOf }),
];

/** A named format; `regexSize` is what costs are counted with. */
class Format extends Opaque {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly regexSize: number;
  readonly problem: (text: string) => string | undefined;

  constructor(name: string, regexSize: number, problem: (text: string) => string | undefined) {
    super();
    this.name = name;
    this.regexSize = regexSize;
    this.problem = problem;
  }

  equals(other: Opaque): boolean {
    return other instanceof Format && this.name === other.name;
  }
}

/** Of a prefix the part before the dash at its end is looked at. */
function ofPrefix(problem: (text: string) => string | undefined): (text: string) => string | undefined {
  return (text) => problem(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
}

function ofFormat(format: string, message: string): (text: string) => string | undefined {
  return (text) => (formatProblem(format, text) ? message : undefined);
}

const formats: Readonly<Record<string, Format>> = {
  dns1123Label: new Format('DNS1123Label', 30, labelProblem),
  dns1123Subdomain: new Format('DNS1123Subdomain', 60, subdomainProblem),
  dns1035Label: new Format('DNS1035Label', 30, label1035Problem),
  qualifiedName: new Format('QualifiedName', 60, qualifiedNameProblem),
  dns1123LabelPrefix: new Format('DNS1123LabelPrefix', 30, ofPrefix(labelProblem)),
  dns1123SubdomainPrefix: new Format('DNS1123SubdomainPrefix', 60, ofPrefix(subdomainProblem)),
  dns1035LabelPrefix: new Format('DNS1035LabelPrefix', 30, ofPrefix(label1035Problem)),
  labelValue: new Format('LabelValue', 40, labelValueProblem),
  uri: new Format('URI', 1103, uriProblem),
  uuid: new Format('uuid', 78, ofFormat('uuid', 'does not match the UUID format')),
  byte: new Format('byte', 84, ofFormat('byte', 'invalid base64')),
  date: new Format('date', 90, ofFormat('date', 'invalid date')),
  datetime: new Format('datetime', 90, ofFormat('date-time', 'invalid datetime')),
};

const FORMAT = kubernetesType<Format>('kubernetes.NamedFormat', 'object');

const formatFunctions: readonly Overload[] = [
  ...Object.entries(formats).map(([name, format]) =>
    func(`format.${name}`, { id: `format.${name}`, args: [], result: FORMAT, run: () => format }),
  ),
  func('format.named', {
    id: 'format-named',
    args: [S],
    result: optional(FORMAT),
    run: (a) => (Object.hasOwn(formats, a) ? new Optional(formats[a]) : none),
  }),
  method('validate', {
    id: 'format-validate',
    args: [FORMAT, S],
    result: optional(list(S)),
    run: (a, b) => {
      const problem = a.problem(b);
      return problem === undefined ? none : new Optional([problem]);
    },
  }),
];

/** What a format counts when it is used; undefined for other values. */
export function formatRegexSize(value: unknown): number | undefined {
  return value instanceof Format ? value.regexSize : undefined;
}

export const kubernetesFunctions: readonly Overload[] = [...quantities, ...versions, ...urls, ...formatFunctions];
