/** The formats of JSON Schema that are checked, with the sentences Helm's validator uses. */

import { addressProblem } from '../go/ip-address.ts';
import { compileRegexp } from '../go/regexp.ts';
import { quoteRune } from '../go/strconv.ts';
import { parseTime } from '../go/time-parse.ts';
import { hostnameOf, parseUrl, type Url } from '../go/url.ts';
import { byteLength } from '../go/utf8.ts';
import { clockProblem, durationProblem } from './time-formats.ts';

/** A named format: what is wrong with a text, or undefined. */
export interface Format {
  readonly name: string;
  readonly problem: (text: string) => string | undefined;
}

/** The sentence of what a Go function throws. */
function thrown(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function prefixed(prefix: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `${prefix}: ${problem}`;
}

function shownRune(char: string): string {
  return quoteRune(char.codePointAt(0) ?? 0);
}

/** RFC 6901. */
function jsonPointerProblem(text: string): string | undefined {
  if (text === '') return undefined;
  if (!text.startsWith('/')) return 'not starting with /';
  return /~(?![01])/.test(text) ? '~ must be followed by 0 or 1' : undefined;
}

function relativePointerProblem(text: string): string | undefined {
  const digits = /^[0-9]*/.exec(text)?.[0] ?? '';
  if (digits === '') return 'must start with non-negative integer';
  if (digits.length > 1 && digits.startsWith('0')) return 'starts with zero';
  const rest = text.slice(digits.length);
  return rest === '#' ? undefined : jsonPointerProblem(rest);
}

const uuidLengths = [8, 4, 4, 4, 12];

function uuidProblem(text: string): string | undefined {
  const groups = text.split('-');
  if (groups.length !== uuidLengths.length) return `must have ${uuidLengths.length} elements`;
  for (const [index, group] of groups.entries()) {
    const wanted = uuidLengths[index] ?? 0;
    if (byteLength(group) !== wanted) return `element ${index + 1} must be ${wanted} characters long`;
    const bad = /[^0-9a-fA-F]/u.exec(group)?.[0];
    if (bad !== undefined) return `non-hex character ${shownRune(bad)}`;
  }
  return undefined;
}

function ipv4Problem(text: string): string | undefined {
  const groups = text.split('.');
  if (groups.length !== 4) return 'expected four decimals';
  for (const group of groups) {
    if (group.length > 1 && group.startsWith('0')) return 'leading zeros';
    if (!/^[+-]?[0-9]+$/.test(group)) return `strconv.Atoi: parsing ${JSON.stringify(group)}: invalid syntax`;
    const value = Number(group);
    if (value < 0 || value > 255) return 'decimal must be between 0 and 255';
  }
  return undefined;
}

function ipv6Problem(text: string): string | undefined {
  if (!text.includes(':')) return 'missing colon';
  return addressProblem(text) ?? (text.includes('%') ? 'zone id is not a part of ipv6 address' : undefined);
}

function hostnameProblem(given: string): string | undefined {
  const text = given.endsWith('.') ? given.slice(0, -1) : given;
  if (byteLength(text) > 253) return 'more than 253 characters long';
  for (const label of text.split('.')) {
    const length = byteLength(label);
    if (length < 1 || length > 63) return 'label must be 1 to 63 characters long';
    if (label.startsWith('-')) return 'label starts with hyphen';
    if (label.endsWith('-')) return 'label ends with hyphen';
    const bad = /[^a-zA-Z0-9-]/u.exec(label)?.[0];
    if (bad !== undefined) return `invalid character ${shownRune(bad)}`;
  }
  return undefined;
}

function localPartProblem(local: string): string | undefined {
  if (byteLength(local) > 64) return 'local part more than 64 characters long';
  if (local.length > 1 && local.startsWith('"')) {
    return /[\\"]/.test(local.slice(1, -1))
      ? 'backslash and quote are not allowed within quoted local part'
      : undefined;
  }
  if (local.startsWith('.')) return 'starts with dot';
  if (local.endsWith('.')) return 'ends with dot';
  if (local.includes('..')) return 'consecutive dots';
  const bad = /[^a-zA-Z0-9.!#$%&'*+\-/=?^_`{|}~]/u.exec(local)?.[0];
  return bad === undefined ? undefined : `invalid character ${shownRune(bad)}`;
}

function emailProblem(text: string): string | undefined {
  if (byteLength(text) > 254) return 'more than 255 characters long';
  const at = text.lastIndexOf('@');
  if (at < 0) return 'missing @';
  const problem = localPartProblem(text.slice(0, at));
  if (problem !== undefined) return problem;
  const domain = text.slice(at + 1);
  if (!domain.startsWith('[') || !domain.endsWith(']')) return prefixed('invalid domain', hostnameProblem(domain));
  const literal = domain.slice(1, -1);
  if (literal.startsWith('IPv6:')) return prefixed('invalid ipv6 address', ipv6Problem(literal.slice('IPv6:'.length)));
  return prefixed('invalid ipv4 address', ipv4Problem(literal));
}

function dateProblem(text: string): string | undefined {
  return thrown(() => parseTime('2006-01-02', text));
}

function dateTimeProblem(text: string): string | undefined {
  if (byteLength(text) < 20) return 'less than 20 characters long';
  if (!/^[tT]/.test(text.slice(10))) return '11th character must be t or T';
  return (
    prefixed('invalid date element', dateProblem(text.slice(0, 10))) ??
    prefixed('invalid time element', clockProblem(text.slice(11)))
  );
}

function periodProblem(text: string): string | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return 'missing slash';
  const start = text.slice(0, slash);
  const end = text.slice(slash + 1);
  if (start.startsWith('P')) {
    return (
      prefixed('invalid start duration', durationProblem(start)) ??
      prefixed('invalid end date-time', dateTimeProblem(end))
    );
  }
  const problem = prefixed('invalid start date-time', dateTimeProblem(start));
  if (problem !== undefined) return problem;
  return end.startsWith('P')
    ? prefixed('invalid end duration', durationProblem(end))
    : prefixed('invalid end date-time', dateTimeProblem(end));
}

function urlOf(text: string): Url | string {
  let url: Url | undefined;
  const problem = thrown(() => (url = parseUrl(text)));
  if (url === undefined) return problem ?? '';
  const host = hostnameOf(url);
  if (!host.includes(':')) return url;
  if (!url.host.includes('[') || !url.host.includes(']')) return 'ipv6 address not enclosed in brackets';
  return prefixed('invalid ipv6 address', ipv6Problem(host)) ?? url;
}

function uriProblem(text: string): string | undefined {
  const url = urlOf(text);
  if (typeof url === 'string') return url;
  return url.scheme === '' ? 'relative url' : undefined;
}

function referenceProblem(text: string): string | undefined {
  if (text.includes('\\')) return 'contains \\';
  const url = urlOf(text);
  return typeof url === 'string' ? url : undefined;
}

/** Braces are looked for in each part of the path. */
function templateProblem(text: string): string | undefined {
  const url = urlOf(text);
  if (typeof url === 'string') return url;
  for (const part of url.path.split('/')) {
    const braces = part.replaceAll(/[^{}]/g, '');
    if (!/^(?:\{\})*\{?$/.test(braces)) return 'nested curly braces';
    if (braces.length % 2 === 1) return 'no matching closing brace';
  }
  return undefined;
}

function identifierProblem(text: string, kind: string): string | undefined {
  const bad = /[^0-9a-zA-Z-]/u.exec(text)?.[0];
  return bad === undefined ? undefined : `invalid character ${shownRune(bad)} in ${kind} identifier`;
}

/** The grammar of semver.org. */
function semverProblem(text: string): string | undefined {
  const plus = text.indexOf('+');
  const build = plus < 0 ? undefined : text.slice(plus + 1);
  if (build === '') return 'build is empty';
  for (const part of build?.split('.') ?? []) {
    const problem = part === '' ? 'build identifier is empty' : identifierProblem(part, 'build');
    if (problem !== undefined) return problem;
  }
  const version = plus < 0 ? text : text.slice(0, plus);
  const dash = version.indexOf('-');
  for (const part of dash < 0 ? [] : version.slice(dash + 1).split('.')) {
    const problem = part === '' ? 'pre-release identifier is empty' : identifierProblem(part, 'pre-release');
    if (problem !== undefined) return problem;
    if (/^0[0-9]+$/.test(part)) return 'pre-release numeric identifier starts with zero';
  }
  const numbers = (dash < 0 ? version : version.slice(0, dash)).split('.');
  if (numbers.length !== 3) return 'versionCore must have 3 numbers separated by dot';
  for (const [index, name] of ['major', 'minor', 'patch'].entries()) {
    const number = numbers[index] ?? '';
    if (number === '') return `${name} is empty`;
    if (number.length > 1 && number.startsWith('0')) return `${name} starts with zero`;
    if (/[^0-9]/.test(number)) return `${name} contains non-digit`;
  }
  return undefined;
}

const checks: Readonly<Record<string, Format['problem']>> = {
  'json-pointer': jsonPointerProblem,
  'relative-json-pointer': relativePointerProblem,
  uuid: uuidProblem,
  duration: durationProblem,
  period: periodProblem,
  ipv4: ipv4Problem,
  ipv6: ipv6Problem,
  hostname: hostnameProblem,
  email: emailProblem,
  date: dateProblem,
  time: clockProblem,
  'date-time': dateTimeProblem,
  uri: uriProblem,
  iri: uriProblem,
  'uri-reference': referenceProblem,
  'iri-reference': referenceProblem,
  'uri-template': templateProblem,
  semver: semverProblem,
  regex: (text) => thrown(() => compileRegexp(text)),
};

/** The format of a name; a name that is not known is not checked, as JSON Schema wants it. */
export function formatOf(name: string): Format | undefined {
  const problem = Object.hasOwn(checks, name) ? checks[name] : undefined;
  return problem === undefined ? undefined : { name, problem };
}
