/** Where a schema stands: a document's URL and a JSON pointer into it. */

import { SchemaError } from './types.ts';
import { quote } from '../go/strconv.ts';
import { toBytes } from '../go/utf8.ts';

/** One step of a JSON pointer as it is written. */
export function escapeToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

function unescapeToken(token: string): string | undefined {
  return /~(?![01])/.test(token) ? undefined : token.replaceAll('~1', '/').replaceAll('~0', '~');
}

export function childPointer(pointer: string, ...tokens: readonly string[]): string {
  return [pointer, ...tokens.map(escapeToken)].join('/');
}

/** url.PathEscape. */
function escapeSegment(text: string): string {
  let out = '';
  for (const byte of toBytes(text)) {
    const char = String.fromCharCode(byte);
    out += /[A-Za-z0-9\-_.~$&+:=@]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Such as `file:///values.schema.json#/properties/a`. */
export function locationOf(url: string, pointer: string): string {
  return `${url}#${pointer.split('/').map(escapeSegment).join('/')}`;
}

/** A reference as its URL and its decoded fragment. Throws `SchemaError`. */
export function splitReference(reference: string): { url: string; fragment: string } {
  const hash = reference.indexOf('#');
  if (hash < 0) return { url: reference, fragment: '' };
  const fragment = reference.slice(hash + 1);
  try {
    return { url: reference.slice(0, hash), fragment: decodeURIComponent(fragment) };
  } catch {
    const escape = /%(?:[^0-9a-fA-F].{0,1}|[0-9a-fA-F](?:[^0-9a-fA-F]|$)|$)/.exec(fragment)?.[0] ?? '%';
    throw new SchemaError(`error in parsing ${quote(reference)}: invalid URL escape ${quote(escape)}`);
  }
}

/** Resolves a reference against the URL of the resource it stands in. Throws `SchemaError`. */
export function joinUrl(base: string, reference: string): { url: string; fragment: string } {
  const { url, fragment } = splitReference(reference);
  if (url === '') return { url: base, fragment };
  try {
    return { url: new URL(url, base).href, fragment };
  } catch {
    throw new SchemaError(`error in parsing ${quote(url)}: it is no URL`);
  }
}

/** What stands at a pointer; undefined when nothing does. */
export function lookUp(document: unknown, pointer: string): { value: unknown } | undefined {
  let value = document;
  for (const written of pointer.split('/').slice(1)) {
    const token = unescapeToken(written);
    if (token === undefined) return undefined;
    if (value instanceof Map && value.has(token)) {
      value = value.get(token);
    } else if (Array.isArray(value) && /^[0-9]+$/.test(token) && Number(token) < value.length) {
      value = value[Number(token)];
    } else {
      return undefined;
    }
  }
  return { value };
}
