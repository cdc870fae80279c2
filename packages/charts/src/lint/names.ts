/** Which names Kubernetes takes for which kinds. Source: k8s.io/apimachinery, pkg/util/validation. */

import { quote } from '../go/strconv.ts';
import { byteLength } from '../go/utf8.ts';

type Check = (name: string) => string[];

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = String.raw`${label}(\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';

function matches(name: string, pattern: string): boolean {
  return new RegExp(`^${pattern}$`).test(name);
}

function tooLong(name: string, max: number): string[] {
  return byteLength(name) > max ? [`must be no more than ${max} characters`] : [];
}

function explained(message: string, pattern: string, examples: readonly string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

const checkSubdomain: Check = (name) => [
  ...tooLong(name, 253),
  ...(isSubdomain(name)
    ? []
    : [
        explained(
          "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
          subdomain,
          ['example.com'],
        ),
      ]),
];

/** Label by label: one pattern for all would have to go back for each dot. */
function isSubdomain(name: string): boolean {
  return name.split('.').every((part) => matches(part, label));
}

const checkLabel: Check = (name) => {
  if (matches(name, label)) return tooLong(name, 63);
  const message =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  const problem = isSubdomain(name) ? 'must not contain dots' : explained(message, label, ['my-name', '123-abc']);
  return [...tooLong(name, 63), problem];
};

const checkLabel1035: Check = (name) => [
  ...tooLong(name, 63),
  ...(matches(name, label1035)
    ? []
    : [
        explained(
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
          label1035,
          ['my-name', 'abc-123'],
        ),
      ]),
];

const checkPathSegment: Check = (name) => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
};

/** Kinds with a rule of their own; all others are subdomains. */
const checks: ReadonlyMap<string, Check> = new Map([
  ['service', checkLabel1035],
  ['namespace', checkLabel],
  ['certificatesigningrequest', (): string[] => []],
  ['role', checkPathSegment],
  ['clusterrole', checkPathSegment],
  ['rolebinding', checkPathSegment],
  ['clusterrolebinding', checkPathSegment],
]);

/** Helm's sentence for a name that Kubernetes would refuse; undefined for one it takes. */
export function nameProblem(kind: string, name: string): string | undefined {
  const check = checks.get(kind.toLowerCase()) ?? checkSubdomain;
  const problems = check(name).map((problem) => `metadata.name: Invalid value: ${quote(name)}: ${problem}`);
  if (problems.length === 0) return undefined;
  const shown = problems.length === 1 ? problems.join('') : `[${problems.join(', ')}]`;
  return `object name does not conform to Kubernetes naming requirements: ${quote(name)}: ${shown}`;
}
