/** Makes answers of two servers comparable: what is chosen, counted or dated becomes a word. */

import { isRecord } from '@towpath/kit';
import type { Answer, RawAnswer, Server } from './play.ts';
import type { Step } from './script.ts';

const uidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const timePattern = /\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;
/** Durations as tables print them, of objects that were made by the script: below an hour. */
const agePattern = /^(?:\d+s|\d+m(?:\d+s)?)$/;
const addressPattern = /^10\.96\.\d+\.\d+$/;

/** What the step itself says is left as it is: only what a server chose is replaced. */
export function normaliseAnswer(raw: RawAnswer, step: Step, server: Server): Answer {
  const said = `${step.path} ${JSON.stringify(step.body ?? '')}`;
  const host = new URL(server.url).host;
  const text = (value: string): string =>
    value
      .replaceAll(host, '<server>')
      .replace(uidPattern, (uid) => (said.includes(uid) && uid.startsWith('00000000') ? uid : '<uid>'))
      .replace(timePattern, (time) => (said.includes(time) ? time : '<time>'))
      .replace(/hash=[0-9A-F]{32,}/g, 'hash=<hash>')
      .replace(/kube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<5>')
      .replace(/too old resource version: \d+ \(\d+\)/g, 'too old resource version: <rv> (<rv>)')
      .replace(/Too large resource version: (\d+), current: \d+/g, 'Too large resource version: $1, current: <rv>');
  const visit = (value: unknown, key: string, parent: unknown): unknown => {
    if (Array.isArray(value)) return value.map((item) => visit(item, key, value));
    if (isRecord(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, member]) => [text(name), visit(member, name, value)]),
      );
    }
    if (typeof value === 'number') return key === 'nodePort' && !said.includes(String(value)) ? '<nodePort>' : value;
    if (typeof value !== 'string') return value;
    return normaliseText(value, { key, parent, said, text });
  };
  return {
    status: raw.status,
    headers: visit(raw.headers, '', undefined) as Answer['headers'],
    body: visit(raw.body, '', undefined),
  };
}

interface TextPlace {
  readonly key: string;
  readonly parent: unknown;
  readonly said: string;
  text(value: string): string;
}

function normaliseText(value: string, { key, parent, said, text }: TextPlace): string {
  if (key === 'resourceVersion') return /^[1-9]\d*$/.test(value) ? '<rv>' : value;
  if (key === 'continue') return value === '' ? '' : continueToken(value);
  if (key === 'token' && value.split('.').length === 3) return jwt(value, text);
  if ((key === 'clusterIP' || key === 'clusterIPs' || key === 'cells') && addressPattern.test(value)) {
    return said.includes(value) ? value : '<clusterIP>';
  }
  if (key === 'cells' && agePattern.test(value)) return '<age>';
  if (key === 'cells') return text(value).replace(/:3\d{4}\//g, ':<nodePort>/');
  if (key === 'name' && isRecord(parent)) {
    const prefix = parent['generateName'];
    if (typeof prefix === 'string' && value.startsWith(prefix) && !said.includes(`"${value}"`)) {
      return `${prefix}<${value.length - prefix.length}>`;
    }
  }
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
