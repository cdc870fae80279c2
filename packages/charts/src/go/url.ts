/** net/url: parsing and printing. */

import { FunctionError } from '../errors.ts';
import { addressProblem } from './ip-address.ts';
import { quote } from './strconv.ts';
import { fromBytes, toBytes } from './utf8.ts';

export interface Url {
  scheme: string;
  opaque: string;
  /** Escaped, as it prints; undefined without one. */
  userinfo: string | undefined;
  host: string;
  path: string;
  rawQuery: string;
  fragment: string;
}

type Mode = 'host' | 'user' | 'path' | 'fragment';

const always = /[A-Za-z0-9\-_.~]/;
const unescaped: Readonly<Record<Mode, RegExp>> = {
  host: /[!$&'()*+,;=:[\]<>"]/,
  user: /[$&+,;=]/,
  path: /[$&+,/:;=@]/,
  fragment: /[$&+,/:;=?@!()*]/,
};

function escape(text: string, mode: Mode): string {
  let out = '';
  for (const byte of toBytes(text)) {
    const char = String.fromCharCode(byte);
    out +=
      always.test(char) || unescaped[mode].test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

function unescape(text: string, mode: Mode): string {
  const bytes: number[] = [];
  const source = toBytes(text);
  for (let at = 0; at < source.length; at += 1) {
    const byte = source[at] ?? 0;
    if (byte !== 0x25) {
      if (mode === 'host' && byte < 0x80) {
        const char = String.fromCharCode(byte);
        if (!always.test(char) && !unescaped.host.test(char))
          throw new UrlProblem(`invalid character ${quote(char)} in host name`);
      }
      bytes.push(byte);
      continue;
    }
    const hex = fromBytes(source.subarray(at, at + 3));
    if (!/^%[0-9a-fA-F]{2}$/.test(hex)) throw new UrlProblem(`invalid URL escape ${quote(hex)}`);
    const value = Number.parseInt(hex.slice(1), 16);
    if (mode === 'host' && value < 0x80 && hex !== '%25') throw new UrlProblem(`invalid URL escape ${quote(hex)}`);
    bytes.push(value);
    at += 2;
  }
  return fromBytes(Uint8Array.from(bytes));
}

class UrlProblem extends Error {}

/** url.Parse. Throws `FunctionError` with Go's sentence. */
export function parseUrl(text: string): Url {
  try {
    const hash = text.indexOf('#');
    const url = parse(hash < 0 ? text : text.slice(0, hash));
    return hash < 0 ? url : { ...url, fragment: unescape(text.slice(hash + 1), 'fragment') };
  } catch (error) {
    if (error instanceof UrlProblem) throw new FunctionError(`parse ${quote(text)}: ${error.message}`);
    throw error;
  }
}

function parse(text: string): Url {
  const url: Url = { scheme: '', opaque: '', userinfo: undefined, host: '', path: '', rawQuery: '', fragment: '' };
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new UrlProblem('net/url: invalid control character in URL');
  if (text === '*') return { ...url, path: '*' };
  if (text.startsWith(':')) throw new UrlProblem('missing protocol scheme');
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1] ?? '';
  url.scheme = scheme.toLowerCase();
  let rest = scheme === '' ? text : text.slice(scheme.length + 1);
  const question = rest.indexOf('?');
  if (question >= 0) {
    url.rawQuery = rest.slice(question + 1);
    rest = rest.slice(0, question);
  }
  if (!rest.startsWith('/')) {
    if (url.scheme !== '') return { ...url, opaque: rest };
    if ((rest.split('/')[0] ?? '').includes(':'))
      throw new UrlProblem('first path segment in URL cannot contain colon');
  }
  if ((url.scheme !== '' || !rest.startsWith('///')) && rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2);
    parseAuthority(url, slash < 0 ? rest.slice(2) : rest.slice(2, slash));
    rest = slash < 0 ? '' : rest.slice(slash);
  }
  url.path = unescape(rest, 'path');
  return url;
}

function parseAuthority(url: Url, authority: string): void {
  const at = authority.lastIndexOf('@');
  url.host = parseHost(url.scheme, authority.slice(at + 1));
  if (at < 0) return;
  const userinfo = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(userinfo)) throw new UrlProblem('net/url: invalid userinfo');
  const colon = userinfo.indexOf(':');
  const user = escape(unescape(colon < 0 ? userinfo : userinfo.slice(0, colon), 'user'), 'user');
  url.userinfo = colon < 0 ? user : `${user}:${escape(unescape(userinfo.slice(colon + 1), 'user'), 'user')}`;
}

function parseHost(scheme: string, host: string): string {
  const bracket = host.lastIndexOf('[');
  if (bracket > 0) throw new UrlProblem('invalid IP-literal');
  if (bracket === 0) {
    const close = host.lastIndexOf(']');
    if (close < 0) throw new UrlProblem("missing ']' in host");
    checkPort(host.slice(close + 1));
    const address = host.slice(1, close).replace('%25', '%');
    const problem = addressProblem(address);
    if (problem !== undefined) throw new UrlProblem(`invalid host: ${problem}`);
    if (!address.includes(':')) throw new UrlProblem('invalid IP-literal');
    return `[${address}]${host.slice(close + 1)}`;
  }
  const first = host.indexOf(':');
  if (first >= 0) checkPort(host.slice(scheme === 'http' || scheme === 'https' ? first : host.lastIndexOf(':')));
  return unescape(host, 'host');
}

function checkPort(port: string): void {
  if (port !== '' && !/^:[0-9]*$/.test(port)) throw new UrlProblem(`invalid port ${quote(port)} after host`);
}

/** URL.Hostname: without port and brackets. */
export function hostnameOf(url: Url): string {
  const literal = /^\[(.*)\](?::[0-9]*)?$/.exec(url.host);
  return literal?.[1] ?? url.host.replace(/:[0-9]*$/, '');
}

/** URL.String. */
export function formatUrl(url: Url): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`;
  if (url.opaque !== '') {
    out += url.opaque;
  } else {
    if (url.scheme !== '' || url.host !== '' || url.userinfo !== undefined) {
      if (url.host !== '' || url.path !== '' || url.userinfo !== undefined) out += '//';
      if (url.userinfo !== undefined) out += `${url.userinfo}@`;
      out += escape(url.host, 'host');
    }
    const path = url.path === '*' ? '*' : escape(url.path, 'path');
    if (path !== '' && !path.startsWith('/') && url.host !== '') out += '/';
    if (out === '' && (path.split('/')[0] ?? '').includes(':')) out += './';
    out += path;
  }
  if (url.rawQuery !== '') out += `?${url.rawQuery}`;
  return url.fragment === '' ? out : `${out}#${escape(url.fragment, 'fragment')}`;
}
