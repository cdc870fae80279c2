/** YAML, JSON and base64. Source: helm pkg/engine/funcs.go and sprig. */

import { toBase64 } from '#platform';
import { FunctionError, LimitError } from '../errors.ts';
import { JsonDecodeError, decodeJson, jsonKind } from '../go/json-decode.ts';
import { encodeJson, JsonEncodeError, type JsonOptions } from '../go/json.ts';
import { fromBytes, toBytes } from '../go/utf8.ts';
import { decodeYaml } from '../yaml/decode.ts';
import { emitYamlPretty } from '../yaml/emit-pretty.ts';
import { emitYaml } from '../yaml/emit.ts';
import { nilOf } from '../template/types.ts';
import { decodeBase32, decodeBase64, encodeBase32 } from './bases.ts';
import { row, type FunctionRow } from './row.ts';

/** What an encoder gives, or '' where Helm swallows its error. */
function swallow(encode: () => string): string {
  try {
    return encode();
  } catch (error) {
    if (error instanceof LimitError || error instanceof RangeError) throw error;
    return '';
  }
}

function mustEncode(value: unknown, options: JsonOptions): string {
  try {
    return encodeJson(value, options);
  } catch (error) {
    throw error instanceof JsonEncodeError ? new FunctionError(error.message) : error;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof LimitError || error instanceof RangeError) throw error;
  return error instanceof Error ? error.message : String(error);
}

const yamlPrefix = 'error converting YAML to JSON: ';

/** Decodes YAML for a map or a list; anything else is refused with json's sentence. */
function readYaml(text: string, goType: string, isWanted: (value: unknown) => boolean): unknown {
  let value: unknown;
  try {
    value = decodeYaml(text);
  } catch (error) {
    throw new FunctionError(yamlPrefix + messageOf(error));
  }
  if (value === null || isWanted(value)) return value;
  throw new FunctionError(
    `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type ${goType}`,
  );
}

function readJson(text: string, goType: string, isWanted: (value: unknown) => boolean): unknown {
  const value = decodeJson(text);
  if (value === null || isWanted(value)) return value;
  throw new JsonDecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type ${goType}`);
}

const mapType = 'map[string]interface {}';
const listType = '[]interface {}';
const isMap = (value: unknown): boolean => value instanceof Map;

/** The map that `read` gives, or one with the error's text under `Error`. */
function mapOrError(read: () => unknown): unknown {
  try {
    return read() ?? new Map<string, unknown>();
  } catch (error) {
    return new Map([['Error', messageOf(error)]]);
  }
}

function listOrError(read: () => unknown): unknown {
  try {
    return read() ?? [];
  } catch (error) {
    return [messageOf(error)];
  }
}

const any = 'interface {}';
const html: JsonOptions = { escapeHtml: true };
const pretty: JsonOptions = { escapeHtml: true, isPretty: true };
const raw: JsonOptions = { escapeHtml: false };

export const encoding: readonly FunctionRow[] = [
  row({
    name: 'toYaml',
    args: [any],
    returns: 'string',
    doc: 'The value as YAML, keys sorted, without a final newline; "" when it has no YAML.',
    example: ['{{ toYaml (dict "b" (list 1 "1") "a" true) }}', 'a: true\nb:\n- 1\n- "1"'],
    run: (value) => swallow(() => emitYaml(value).replace(/\n$/, '')),
  }),
  row({
    name: 'toYamlPretty',
    args: [any],
    returns: 'string',
    doc: 'The value as YAML with indented lists.',
    example: ['{{ toYamlPretty (dict "b" (list 1)) }}', 'b:\n  - 1'],
    run: (value) => swallow(() => emitYamlPretty(value).replace(/\n$/, '')),
  }),
  row({
    name: 'fromYaml',
    args: ['string'],
    returns: mapType,
    doc: 'A YAML mapping as a dictionary; what is wrong stands under Error.',
    example: ['{{ (fromYaml "a: 1").a }}', '1'],
    run: (text) => mapOrError(() => readYaml(text, mapType, isMap)),
  }),
  row({
    name: 'fromYamlArray',
    args: ['string'],
    returns: listType,
    doc: 'A YAML sequence as a list; what is wrong is its only item.',
    example: ['{{ fromYamlArray "[1, a]" }}', '[1 a]'],
    run: (text) => listOrError(() => readYaml(text, listType, Array.isArray)),
  }),
  row({
    name: 'toJson',
    args: [any],
    returns: 'string',
    doc: 'The value as JSON; "" when it has none.',
    example: ['{{ toJson (dict "b" 1 "a" "<") }}', '{"a":"\\u003c","b":1}'],
    run: (value) => swallow(() => encodeJson(value, html)),
  }),
  row({
    name: 'mustToJson',
    args: [any],
    returns: '(string, error)',
    doc: 'The value as JSON; fails when it has none.',
    example: ['{{ mustToJson (list 1) }}', '[1]'],
    run: (value) => mustEncode(value, html),
  }),
  row({
    name: 'toPrettyJson',
    args: [any],
    returns: 'string',
    doc: 'The value as indented JSON; "" when it has none.',
    example: ['{{ toPrettyJson (dict "a" 1) }}', '{\n  "a": 1\n}'],
    run: (value) => swallow(() => encodeJson(value, pretty)),
  }),
  row({
    name: 'mustToPrettyJson',
    args: [any],
    returns: '(string, error)',
    doc: 'The value as indented JSON; fails when it has none.',
    example: ['{{ mustToPrettyJson (list 1) }}', '[\n  1\n]'],
    run: (value) => mustEncode(value, pretty),
  }),
  ...(['toRawJson', 'mustToRawJson'] as const).map((name) =>
    row({
      name,
      args: [any],
      returns: name === 'toRawJson' ? 'string' : '(string, error)',
      doc: 'The value as JSON with <, > and & as they are; fails when it has none.',
      example: [`{{ ${name} "<" }}`, '"<"'],
      run: (value) => mustEncode(value, raw),
    }),
  ),
  row({
    name: 'fromJson',
    args: ['string'],
    returns: mapType,
    doc: 'A JSON object as a dictionary; what is wrong stands under Error.',
    example: ['{{ (fromJson "{\\"a\\":1}").a }}', '1'],
    // JSON's null is a nil map.
    run: (text) => mapOrError(() => readJson(text, mapType, isMap) ?? nilOf(mapType)),
  }),
  row({
    name: 'fromJsonArray',
    args: ['string'],
    returns: listType,
    doc: 'A JSON array as a list; what is wrong is its only item.',
    example: ['{{ fromJsonArray "[1]" }}', '[1]'],
    run: (text) => listOrError(() => readJson(text, listType, Array.isArray) ?? nilOf(listType)),
  }),
  row({
    name: 'mustFromJson',
    args: ['string'],
    returns: '(interface {}, error)',
    doc: 'Any JSON value; fails when the text is no JSON.',
    example: ['{{ mustFromJson "[1]" }}', '[1]'],
    run: (text) => {
      try {
        return decodeJson(text);
      } catch (error) {
        throw new FunctionError(messageOf(error));
      }
    },
  }),
  row({
    name: 'b64enc',
    args: ['string'],
    returns: 'string',
    doc: 'The text in base64.',
    example: ['{{ b64enc "a" }}', 'YQ=='],
    run: (text) => toBase64(toBytes(text)),
  }),
  row({
    name: 'b64dec',
    args: ['string'],
    returns: 'string',
    doc: 'The text of base64, or what is wrong with it.',
    example: ['{{ b64dec "YQ==" }}', 'a'],
    run: (text) => {
      const decoded = decodeBase64(text);
      return typeof decoded === 'string' ? decoded : fromBytes(decoded);
    },
  }),
  row({
    name: 'b32enc',
    args: ['string'],
    returns: 'string',
    doc: 'The text in base32.',
    example: ['{{ b32enc "a" }}', 'ME======'],
    run: (text) => encodeBase32(toBytes(text)),
  }),
  row({
    name: 'b32dec',
    args: ['string'],
    returns: 'string',
    doc: 'The text of base32, or what is wrong with it.',
    example: ['{{ b32dec "ME======" }}', 'a'],
    run: (text) => {
      const decoded = decodeBase32(text);
      return typeof decoded === 'string' ? decoded : fromBytes(decoded);
    },
  }),
];
