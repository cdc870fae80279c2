/** Writes YAML as Helm's toYamlPretty does: yaml.v3 with an indent of 2, straight from the values. */

import { toBase64 } from '#platform';
import { LimitError } from '../errors.ts';
import { checkExtent } from '../go/extent.ts';
import { JsonEncodeError } from '../go/json.ts';
import { formatShortest } from '../go/strconv.ts';
import { byteLength, hasInvalidUtf8, toBytes } from '../go/utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject } from '../go/values.ts';
import { naturalKeys } from './natural-order.ts';
import { analyzeScalar, isPlainText } from './scalar-style.ts';
import { YamlWriter } from './writer.ts';

const yamlDepthMax = 1000;
const simpleKeyBytesMax = 128;

/** The YAML text with its final newline. */
export function emitYamlPretty(value: unknown): string {
  checkExtent(value);
  const writer = new YamlWriter(Infinity);
  emitNode(writer, value, false, 0);
  writer.end();
  return writer.text;
}

function emitNode(writer: YamlWriter, value: unknown, isSimpleKey: boolean, depth: number): void {
  switch (typeof value) {
    case 'string':
      return emitText(writer, value, isSimpleKey);
    case 'boolean':
      return writer.plain(value ? 'true' : 'false');
    case 'number':
      return writer.plain(floatText(value));
    case 'object':
      if (value !== null) return emitObject(writer, value, depth);
  }
  writer.plain('null');
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  return formatShortest(value);
}

function emitObject(writer: YamlWriter, value: object, depth: number): void {
  if (depth > yamlDepthMax)
    throw new LimitError(`a value nested more than ${yamlDepthMax} levels deep cannot be written as YAML`);
  if (value instanceof Map) return emitMapping(writer, value as ReadonlyMap<string, unknown>, depth);
  if (Array.isArray(value)) return emitSequence(writer, value, depth);
  if (value instanceof GoInt) return writer.plain(value.value.toString());
  if (value instanceof GoBytes)
    return emitSequence(
      writer,
      Array.from(value.data, (byte) => new GoInt('uint8', BigInt(byte))),
      depth,
    );
  if (value instanceof GoObject) return emitNode(writer, value.toYamlValue(), false, depth + 1);
  if (value instanceof GoComplex) throw new JsonEncodeError('cannot marshal type: complex128');
}

function emitMapping(writer: YamlWriter, map: ReadonlyMap<string, unknown>, depth: number): void {
  if (map.size === 0) return writer.indicator('{}');
  writer.pushIndent(false);
  for (const key of naturalKeys(map, true)) {
    writer.indent();
    if (!/[\n\r\x85\u2028\u2029]/.test(key) && byteLength(key) <= simpleKeyBytesMax) {
      emitText(writer, key, true);
      writer.colon();
    } else {
      writer.mark('?');
      emitText(writer, key, false);
      writer.indent();
      writer.mark(':');
    }
    emitNode(writer, map.get(key), false, depth + 1);
  }
  writer.popIndent();
}

function emitSequence(writer: YamlWriter, list: readonly unknown[], depth: number): void {
  if (list.length === 0) return writer.indicator('[]');
  writer.pushIndent(false);
  for (const item of list) {
    writer.indent();
    writer.mark('-');
    emitNode(writer, item, false, depth + 1);
  }
  writer.popIndent();
}

const oldBooleans: ReadonlySet<string> = new Set('y Y yes Yes YES on On ON n N no No NO off Off OFF'.split(' '));

function emitText(writer: YamlWriter, text: string, isSimpleKey: boolean): void {
  if (hasInvalidUtf8(text)) return emitBinary(writer, text);
  if (isPlainText(text) && !oldBooleans.has(text)) return writer.plain(text);
  const { style, value } = analyzeScalar(text, isSimpleKey, 'v3');
  if (style === 'plain') writer.plain(value);
  else if (style === 'single') writer.singleQuoted(value, false);
  else if (style === 'double') writer.doubleQuoted(value, false);
  else writer.literal(value);
}

function emitBinary(writer: YamlWriter, text: string): void {
  const base64 = toBase64(toBytes(text));
  const lines = base64.match(/.{1,70}/g) ?? [''];
  if (lines.length === 1) return writer.plain(`!!binary ${base64}`);
  writer.mark('!!binary');
  writer.literal(`${lines.join('\n')}\n`);
}
