/** encoding/json over template values. */

import { toBase64 } from '#platform';
import { LimitError } from '../errors.ts';
import { checkExtent } from './extent.ts';
import { formatExponent } from './strconv.ts';
import { printable, sortedKeys } from './utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject, isNilContainer } from './values.ts';

/** A value JSON cannot have. */
export class JsonEncodeError extends Error {
  override readonly name = 'JsonEncodeError';
}

export interface JsonOptions {
  /** `<`, `>` and `&` as escapes: on for json.Marshal. */
  readonly escapeHtml: boolean;
  /** Two spaces per level. */
  readonly isPretty?: boolean;
}

/** A value that holds itself would never end. */
const jsonDepthMax = 1000;

/** json.Marshal, or json.MarshalIndent with two spaces. Keys are sorted by bytes. Throws {@link JsonEncodeError}. */
export function encodeJson(value: unknown, options: JsonOptions): string {
  checkExtent(value);
  return encode(value, options, 0);
}

function encode(value: unknown, options: JsonOptions, depth: number): string {
  switch (typeof value) {
    case 'string':
      return encodeString(value, options.escapeHtml);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return encodeNumber(value);
    case 'object':
      return value === null ? 'null' : encodeObject(value, options, depth);
    default:
      return 'null';
  }
}

/** encoding/json's floats: plain digits from 1e-6 up to below 1e21. */
export function encodeNumber(value: number): string {
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
    throw new JsonEncodeError(`json: unsupported value: ${name}`);
  }
  if (Object.is(value, -0)) return '-0';
  if (Math.abs(value) >= 1e21) return formatExponent(value);
  // JavaScript writes the same digits, and e-7 where Go cleans up e-07.
  return String(value);
}

function encodeObject(value: object, options: JsonOptions, depth: number): string {
  if (depth > jsonDepthMax)
    throw new LimitError(`a value nested more than ${jsonDepthMax} levels deep cannot be encoded`);
  if (isNilContainer(value)) return 'null';
  if (value instanceof Map) {
    const map = value as ReadonlyMap<string, unknown>;
    return encodeMembers(
      sortedKeys(map).map((key) => [key, map.get(key)]),
      options,
      depth,
    );
  }
  if (Array.isArray(value)) {
    return wrapItems(
      '[',
      ']',
      value.map((item) => encode(item, options, depth + 1)),
      options,
      depth,
    );
  }
  if (value instanceof GoInt) return value.value.toString();
  if (value instanceof GoBytes) return encodeString(toBase64(value.data), options.escapeHtml);
  if (value instanceof GoObject) return encodeStruct(value, options, depth);
  if (value instanceof GoComplex) throw new JsonEncodeError('json: unsupported type: complex128');
  throw new Error('bug: a value of a kind no template has');
}

/** Members of a struct stay in the order of its fields. */
function encodeStruct(value: GoObject, options: JsonOptions, depth: number): string {
  const json = value.toJsonValue();
  return json instanceof Map
    ? encodeMembers([...(json as Map<string, unknown>)], options, depth)
    : encode(json, options, depth);
}

function encodeMembers(members: readonly (readonly [string, unknown])[], options: JsonOptions, depth: number): string {
  const colon = options.isPretty === true ? ': ' : ':';
  const parts = members.map(
    ([key, item]) => `${encodeString(key, options.escapeHtml)}${colon}${encode(item, options, depth + 1)}`,
  );
  return wrapItems('{', '}', parts, options, depth);
}

function wrapItems(open: string, close: string, parts: readonly string[], options: JsonOptions, depth: number): string {
  if (options.isPretty !== true || parts.length === 0) return open + parts.join(',') + close;
  const inner = `\n${'  '.repeat(depth + 1)}`;
  return `${open}${inner}${parts.join(`,${inner}`)}\n${'  '.repeat(depth)}${close}`;
}

const plainText = /^[ !#-%'-;=?-[\]-~]*$/;
const special = /["\\\u0000-\u001f\u2028\u2029]/g;
const specialHtml = /["\\<>&\u0000-\u001f\u2028\u2029]/g;

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** One JSON string; bytes that are no UTF-8 become U+FFFD. */
export function encodeString(text: string, escapeHtml: boolean): string {
  if (plainText.test(text)) return `"${text}"`;
  const escaped = printable(text).replace(
    escapeHtml ? specialHtml : special,
    (char) => shortEscapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}
