/** Makes answers of two servers comparable: what is chosen, counted or dated becomes a word. */

import { getIn, isRecord } from '@towpath/kit';
import type { Answer, RawAnswer, Server } from './play.ts';
import type { Step } from './script.ts';

const uidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const timePattern = /\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;
/** Durations as tables print them, of objects that were made by the script: below an hour. */
const agePattern = /^(?:\d+s|\d+m(?:\d+s)?)$/;
const maxGeneratedBase = 58;
const addressPattern = /^10\.96\.\d+\.\d+$/;

/** What the step itself says is left as it is: only what a server chose is replaced. */
export function normaliseAnswer(
  raw: RawAnswer,
  step: Step,
  { server, generated }: { server: Server; generated: Map<string, string> },
): Answer {
  rememberGenerated(raw.body, generated);
  const said = `${step.path} ${JSON.stringify(step.body ?? '')}`;
  const host = new URL(server.url).host;
  const text = (value: string): string =>
    value
      .replaceAll(host, '<server>')
      .replace(uidPattern, (uid) => (said.includes(uid) && uid.startsWith('00000000') ? uid : '<uid>'))
      .replace(timePattern, (time) => (said.includes(time) ? time : '<time>'))
      .replace(/selfType\d+/g, 'selfType')
      .replace(/hash=[0-9A-F]{32,}/g, 'hash=<hash>')
      .replace(/kube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<5>')
      .replace(/too old resource version: \d+ \(\d+\)/g, 'too old resource version: <rv> (<rv>)')
      .replace(/(precondition|record) \(\d+\)/g, '$1 (<rv>)')
      .replace(generatedPattern(step.body), (_all, prefix: string) => `${prefix}<5>`)
      .replace(
        generated.size === 0 ? /(?!)/g : new RegExp([...generated.keys()].join('|'), 'g'),
        (name) => generated.get(name) ?? name,
      )
      .replace(/Too large resource version: (\d+), current: \d+/g, 'Too large resource version: $1, current: <rv>');
  const visit = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) {
      const items = value.map((item) => visit(item, key));
      // Their order is that of their times, which are seconds: it changes from run to run.
      return key === 'managedFields' ? items.toSorted(byText) : items;
    }
    if (isRecord(value)) {
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [text(name), visit(member, name)]));
    }
    if (typeof value === 'number')
      return /nodePort$/i.test(key) && !said.includes(String(value)) ? '<nodePort>' : value;
    if (typeof value !== 'string') return value;
    return normaliseText(value, { key, said, text });
  };
  return {
    status: raw.status,
    headers: visit(raw.headers, '') as Answer['headers'],
    body: visit(raw.body, ''),
  };
}

/** Names made from the `generateName` of a body, cut as the server cuts it. */
function generatedPattern(body: unknown): RegExp {
  const prefix = getIn(body, ['metadata', 'generateName']);
  if (typeof prefix !== 'string') return /(?!)()/g;
  const start = prefix.slice(0, maxGeneratedBase).replace(/[.+?^${}()|[\]\\*]/g, String.raw`\$&`);
  return new RegExp(`(${start})[a-z0-9]{5}\\b`, 'g');
}

function byText(left: unknown, right: unknown): number {
  const key = (entry: unknown): string =>
    ['operation', 'subresource', 'manager', 'apiVersion'].map((name) => String(getIn(entry, [name]) ?? '')).join(' ');
  return key(left) < key(right) ? -1 : 1;
}

/** Keeps what a generated name is to be replaced by, wherever it stands. */
function rememberGenerated(body: unknown, generated: Map<string, string>): void {
  const prefix = getIn(body, ['metadata', 'generateName']);
  const name = getIn(body, ['metadata', 'name']);
  if (typeof prefix !== 'string' || typeof name !== 'string' || !name.startsWith(prefix)) return;
  if (name.length === prefix.length + 5) generated.set(name, `${prefix}<5>`);
}

interface TextPlace {
  readonly key: string;
  readonly said: string;
  readonly text: (value: string) => string;
}

function normaliseText(value: string, { key, said, text }: TextPlace): string {
  if (key === 'resourceVersion') return /^[1-9]\d*$/.test(value) ? '<rv>' : value;
  if (key === 'serverAddress') return '<server>';
  if (key === 'continue') return value === '' ? '' : continueToken(value);
  if (key === 'token' && value.split('.').length === 3) return jwt(value, text);
  if ((key === 'clusterIP' || key === 'clusterIPs' || key === 'cells') && addressPattern.test(value)) {
    return said.includes(value) ? value : '<clusterIP>';
  }
  if (key === 'cells' && agePattern.test(value)) return '<age>';
  if (key === 'cells') return text(value).replace(/:3\d{4}\//g, ':<nodePort>/');
  return text(value);
}

/** Where a list goes on. */
function continueToken(value: string): string {
  try {
    const token: unknown = JSON.parse(Buffer.from(value, 'base64').toString('utf8'));
    if (!isRecord(token)) return '<continue>';
    return `<continue ${JSON.stringify({ ...token, rv: '<rv>' })}>`;
  } catch {
    return '<continue>';
  }
}

/** The claims of a token, without its times, names and signature. */
function jwt(value: string, text: (value: string) => string): string {
  try {
    const claims: unknown = JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (!isRecord(claims)) return '<token>';
    return `<token ${text(JSON.stringify({ ...claims, exp: 0, iat: 0, nbf: 0, jti: '' }))}>`;
  } catch {
    return '<token>';
  }
}
