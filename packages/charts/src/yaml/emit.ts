/** Writes YAML as Helm's toYaml does: sigs.k8s.io/yaml over go-yaml v2, without the way through JSON text. */

import { toBase64 } from '#platform';
import { checkExtent } from '../go/extent.ts';
import { encodeString, JsonEncodeError } from '../go/json.ts';
import { LimitError } from '../errors.ts';
import { formatShortest, maxUint64, minInt64 } from '../go/strconv.ts';
import { byteLength, printable } from '../go/utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject, isNilContainer } from '../go/values.ts';
import { naturalKeys } from './natural-order.ts';
import { Reader } from './reader.ts';
import { analyzeScalar, isPlainText, type ScalarStyle } from './scalar-style.ts';
import { scanQuotedScalar } from './scan-scalars.ts';
import { YamlWriter } from './writer.ts';

/** A value that holds itself would never end. */
const yamlDepthMax = 1000;
/** A longer key cannot be read back: go-yaml refuses it. */
const keyLengthMax = 1024;
/** A longer key is written with a question mark. */
const simpleKeyBytesMax = 128;

/** The YAML text with its final newline. Throws where Go's encoder fails. */
export function emitYaml(
  value: unknown,
  keysOf: (map: ReadonlyMap<string, unknown>) => string[] = naturalKeys,
): string {
  checkExtent(value);
  const writer = new YamlWriter();
  writer.keysOf = keysOf;
  emitNode(writer, value, { isMappingValue: false, isSimpleKey: false }, 0);
  writer.end();
  return writer.text;
}

interface Context {
  readonly isMappingValue: boolean;
  readonly isSimpleKey: boolean;
}

const itemContext: Context = { isMappingValue: false, isSimpleKey: false };
const valueContext: Context = { isMappingValue: true, isSimpleKey: false };

function emitNode(writer: YamlWriter, value: unknown, context: Context, depth: number): void {
  switch (typeof value) {
    case 'string':
      return emitText(writer, readBack(value), context.isSimpleKey);
    case 'boolean':
      return writer.plain(value ? 'true' : 'false');
    case 'number':
      return writer.plain(numberText(value));
    case 'object':
      if (value !== null) return emitObject(writer, value, context, depth);
  }
  writer.plain('null');
}

function emitObject(writer: YamlWriter, value: object, context: Context, depth: number): void {
  if (depth > yamlDepthMax)
    throw new LimitError(`a value nested more than ${yamlDepthMax} levels deep cannot be written as YAML`);
  if (isNilContainer(value)) return writer.plain('null');
  if (value instanceof Map) return emitMapping(writer, value as ReadonlyMap<string, unknown>, depth);
  if (Array.isArray(value)) return emitSequence(writer, value, context, depth);
  if (value instanceof GoInt) return writer.plain(value.value.toString());
  if (value instanceof GoBytes) return emitText(writer, toBase64(value.data), context.isSimpleKey);
  if (value instanceof GoObject) return emitNode(writer, value.toJsonValue(), context, depth + 1);
  if (value instanceof GoComplex) throw new JsonEncodeError('json: unsupported type: complex128');
}

function emitMapping(writer: YamlWriter, map: ReadonlyMap<string, unknown>, depth: number): void {
  if (map.size === 0) return writer.indicator('{}');
  writer.pushIndent(false);
  for (const key of writer.keysOf(map)) {
    const text = readBack(key);
    if (text.length > keyLengthMax) throw new JsonEncodeError('yaml: a key is too long');
    writer.indent();
    const isSimple = !/[\n\r\x85\u2028\u2029]/.test(text) && byteLength(text) <= simpleKeyBytesMax;
    if (isSimple) {
      emitText(writer, text, true);
      writer.colon();
    } else {
      writer.mark('?');
      emitText(writer, text, false);
      writer.indent();
      writer.mark(':');
    }
    emitNode(writer, map.get(key), valueContext, depth + 1);
  }
  writer.popIndent();
}

function emitSequence(writer: YamlWriter, list: readonly unknown[], context: Context, depth: number): void {
  if (list.length === 0) return writer.indicator('[]');
  writer.pushIndent(context.isMappingValue && !writer.isAfterIndent);
  for (const item of list) {
    writer.indent();
    writer.mark('-');
    emitNode(writer, item, itemContext, depth + 1);
  }
  writer.popIndent();
}

function emitText(writer: YamlWriter, text: string, isSimpleKey: boolean): void {
  if (isPlainText(text)) return writer.plain(text);
  const { style, value } = analyzeScalar(text, isSimpleKey);
  writeStyled(writer, value, style, !isSimpleKey);
}

function writeStyled(writer: YamlWriter, text: string, style: ScalarStyle, mayFold: boolean): void {
  switch (style) {
    case 'plain':
      return writer.foldedPlain(text, mayFold);
    case 'single':
      return writer.singleQuoted(text, mayFold);
    case 'double':
      return writer.doubleQuoted(text, mayFold);
    case 'literal':
      return writer.literal(text);
  }
}

// What the YAML reader refuses in the JSON text between, and the break that it folds.
const refused = /[\x7f-\x84\x86-\x9f\ufffe\uffff]/;

/** The text as it comes back from JSON through the YAML reader. */
function readBack(text: string): string {
  const valid = printable(text);
  if (refused.test(valid)) throw new JsonEncodeError('yaml: control characters are not allowed');
  if (!valid.includes('\x85')) return valid;
  return scanQuotedScalar(new Reader(encodeString(valid, true)), 0x22);
}

/** A float as JSON writes it and YAML reads it again: whole numbers become integers. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new JsonEncodeError('json: unsupported value');
  if (!Number.isInteger(value) || Math.abs(value) >= 1e21) return formatShortest(value);
  if (Number.isSafeInteger(value)) return String(value === 0 ? 0 : value);
  // The shortest digits, filled up with zeros, are what JSON has.
  const digits = BigInt(String(value));
  return digits >= minInt64 && digits <= maxUint64 ? digits.toString() : formatShortest(value);
}
