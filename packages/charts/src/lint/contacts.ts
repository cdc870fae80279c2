/** Which texts of Chart.yaml count as addresses. */

import { parseUrl } from '../go/url.ts';

const localPart = /^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~\u00a0-\uffef]+$/;
const hostLabel = /^[a-zA-Z0-9\u00a0-\uffef](?:[a-zA-Z0-9\-_~\u00a0-\uffef]*[a-zA-Z0-9\u00a0-\uffef])?$/;

/** A name, an at sign, and a host with a dot whose last label has letters at its ends. */
export function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  const labels = text
    .slice(at + 1)
    .replace(/\.$/, '')
    .split('.');
  if (at < 1 || labels.length < 2) return false;
  const isLocal = text
    .slice(0, at)
    .split('.')
    .every((part) => localPart.test(part));
  const last = labels.at(-1) ?? '';
  return isLocal && labels.every((part) => hostLabel.test(part)) && !/^[0-9]|[0-9]$/.test(last);
}

const webLabel = /^[a-zA-Z0-9\u00a1-\uffff](?:[a-zA-Z0-9\-\u00a1-\uffff]*[a-zA-Z0-9\u00a1-\uffff])?$/;

function isWebHost(host: string): boolean {
  if (/^\[[0-9a-fA-F:.]+\]$/.test(host)) return true;
  return host
    .replace(/\.$/, '')
    .split('.')
    .every((part) => webLabel.test(part));
}

/** An address of the web, with or without a scheme. */
export function isWebAddress(text: string): boolean {
  if (text.length <= 3 || text.length >= 2083 || text.startsWith('.') || /\s/.test(text)) return false;
  const rest = /^(?:(?:ftp|tcp|udp|wss?|https?):\/\/)?(.*)$/.exec(text)?.[1] ?? '';
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  const [, host = '', port = ''] = /^(?:.*@)?(\[[^\]]*\]|[^:]*)(:.*)?$/.exec(authority) ?? [];
  if (!isWebHost(host) || (port !== '' && !/^:\d{1,5}$/.test(port))) return false;
  return text.includes('://') || text.includes(':') || host.includes('.');
}

/** An absolute URL, as a request would have it. */
export function isRequestUrl(text: string): boolean {
  try {
    return parseUrl(text).scheme !== '';
  } catch {
    return false;
  }
}
