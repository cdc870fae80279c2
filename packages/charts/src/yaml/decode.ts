/** Decodes YAML to template values the way sigs.k8s.io/yaml does: through go-yaml v2 to JSON and back. */

import { fromBase64 } from '#platform';
import { formatValue, noFlags } from '../go/fmt.ts';
import { formatShortest } from '../go/strconv.ts';
import { fromBytes, printable } from '../go/utf8.ts';
import { GoInt, goInt, TaggedMap } from '../go/values.ts';
import { parseFirstDocument, type YamlNode } from './parser.ts';
import { YamlError } from './reader.ts';
import { resolve } from './resolve.ts';
import { decodeSimple, type SimpleOptions } from './simple.ts';

/** A YAML value that JSON cannot hold; the message is that of sigs.k8s.io/yaml. */
export class YamlToJsonError extends Error {
  override readonly name = 'YamlToJsonError';
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

export interface DecodeOptions {
  /** Whole numbers stay `GoInt`, so that typed targets can write them as they were. */
  readonly keepIntegers?: boolean;
  /** `.nan` and `.inf` are kept; JSON refuses them. */
  readonly allowNonFinite?: boolean;
  /** A key that appears twice in one mapping is an error. */
  readonly strictKeys?: boolean;
  /** The keys (small letters) to follow from the root: the contents of other collections may be left out, their form is checked. */
  readonly within?: readonly string[];
}

/** The first document of a text; null for an empty one. Throws {@link YamlError}, {@link YamlToJsonError}. */
export function decodeYaml(text: string, options: DecodeOptions = {}): unknown {
  const simple = options.strictKeys === true ? undefined : decodeSimple(text, simpleOptions(options));
  return simple === undefined ? decodeFully(text, options) : simple;
}

function simpleOptions(options: DecodeOptions): SimpleOptions {
  const { keepIntegers, within } = options;
  return { integer: keepIntegers === true ? integer : Number, flow: (text) => decodeFully(text, options), within };
}

/** As {@link decodeYaml}, by the parser of all YAML. */
export function decodeFully(text: string, options: DecodeOptions): unknown {
  const root = parseFirstDocument(text);
  if (root === undefined) return null;
  const decoder = new Decoder(options);
  const value = decoder.value(root);
  decoder.finish();
  return value;
}

/** Above this many decoded values, those reached through aliases may be 99 % of all, then less. Source: go-yaml v2 decode.go. */
const aliasLow = 400_000;
const aliasHigh = 4_000_000;

function allowedAliasRatio(count: number): number {
  if (count <= aliasLow) return 0.99;
  if (count >= aliasHigh) return 0.1;
  return 0.99 - 0.89 * ((count - aliasLow) / (aliasHigh - aliasLow));
}

class Decoder {
  private readonly options: DecodeOptions;
  private readonly open = new Set<YamlNode>();
  private count = 0;
  private aliasCount = 0;
  private aliasDepth = 0;
  private readonly duplicates: string[] = [];
  /** The first problem that only the conversion to JSON has: go-yaml's own errors come before it. */
  private problem: YamlToJsonError | undefined;

  constructor(options: DecodeOptions) {
    this.options = options;
  }

  finish(): void {
    if (this.duplicates.length > 0) throw new YamlError(`unmarshal errors:\n  ${this.duplicates.join('\n  ')}`);
    if (this.problem !== undefined) throw this.problem;
  }

  private enter(): void {
    this.count += 1;
    if (this.aliasDepth > 0) this.aliasCount += 1;
    if (this.aliasCount > 100 && this.count > 1000 && this.aliasCount / this.count > allowedAliasRatio(this.count)) {
      throw new YamlError('document contains excessive aliasing');
    }
  }

  value(node: YamlNode): unknown {
    this.enter();
    switch (node.kind) {
      case 'scalar':
        return this.scalar(node);
      case 'alias':
        return this.alias(node, (target) => this.value(target));
      case 'sequence':
        return node.children.map((child) => this.value(child));
      case 'mapping': {
        const map = new Map<string, unknown>();
        this.mapping(node, map);
        return map;
      }
    }
  }

  private alias<Result>(node: YamlNode, decode: (target: YamlNode) => Result): Result {
    const { target } = node;
    if (target === undefined || this.open.has(target))
      throw new YamlError(`anchor '${node.value}' value contains itself`);
    this.open.add(target);
    this.aliasDepth += 1;
    const result = decode(target);
    this.aliasDepth -= 1;
    this.open.delete(target);
    return result;
  }

  private scalar(node: YamlNode): unknown {
    if (node.tag === '' && !node.isImplicit) return node.value;
    const { tag, value } = resolve(node.tag === '!' ? '' : node.tag, node.value);
    if (tag === 'binary') return printable(this.binary(String(value)));
    if (typeof value === 'bigint') return this.options.keepIntegers === true ? integer(value) : Number(value);
    if (typeof value === 'number' && !Number.isFinite(value) && this.options.allowNonFinite !== true) {
      this.problem ??= new YamlToJsonError(`json: unsupported value: ${formatShortest(value)}`, node.line + 1);
    }
    return value;
  }

  private binary(text: string): string {
    const plain = text.replaceAll(/[\r\n]/g, '');
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(plain)) {
      throw new YamlError('!!binary value contains invalid base64 data');
    }
    return fromBytes(fromBase64(plain));
  }

  private mapping(node: YamlNode, map: Map<string, unknown>): void {
    const { children } = node;
    for (let index = 0; index < children.length; index += 2) {
      const key = children[index];
      const value = children[index + 1];
      if (key === undefined || value === undefined) continue;
      if (isMerge(key)) {
        this.merge(value, map);
        continue;
      }
      const name = this.key(key);
      const decoded = this.value(value);
      if (name === undefined) {
        this.problem ??= badKey(key, decoded);
      } else if (this.options.strictKeys === true && map.has(name)) {
        this.duplicates.push(
          `line ${value.line + 1}: key ${formatValue(name, 'v', { ...noFlags(), sharpV: true }, 0)} already set in map`,
        );
      } else {
        map.set(name, decoded);
      }
    }
  }

  /** A key as text; undefined for nil, which JSON cannot have. */
  private key(node: YamlNode): string | undefined {
    if (node.kind === 'alias') return this.alias(node, (target) => this.key(target));
    this.enter();
    if (node.kind !== 'scalar') {
      const value = this.value(node);
      throw new YamlError(`invalid map key: ${formatValue(goSyntax(value), 'v', { ...noFlags(), sharpV: true }, 0)}`);
    }
    if (node.tag === '' && !node.isImplicit) return node.value;
    const { value } = resolve(node.tag === '!' ? '' : node.tag, node.value);
    if (value === null) return undefined;
    if (typeof value !== 'number') return String(value);
    if (Number.isNaN(value)) return '.nan';
    if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
    return formatFloat32(value);
  }

  private merge(node: YamlNode, map: Map<string, unknown>): void {
    const isMapping = (item: YamlNode): boolean =>
      (item.kind === 'alias' ? item.target?.kind : item.kind) === 'mapping';
    const items = node.kind === 'sequence' ? node.children.toReversed() : [node];
    for (const item of items) {
      if (!isMapping(item)) throw new YamlError('map merge requires map or sequence of maps as the value');
      this.enter();
      if (item.kind === 'alias') {
        this.alias(item, (target) => {
          this.enter();
          this.mapping(target, map);
        });
      } else {
        this.mapping(item, map);
      }
    }
  }
}

function integer(value: bigint): GoInt {
  return BigInt.asIntN(64, value) === value ? goInt(value) : new GoInt('uint64', value);
}

function isMerge(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === '<<' && (node.isImplicit || node.tag === 'tag:yaml.org,2002:merge');
}

/** strconv.FormatFloat(value, 'g', -1, 32): the shortest digits that give the same 32-bit float. */
export function formatFloat32(value: number): string {
  const rounded = Math.fround(value);
  for (let precision = 1; precision <= 9; precision += 1) {
    const short = Number(rounded.toPrecision(precision));
    if (Math.fround(short) === rounded) return formatShortest(short);
  }
  return formatShortest(rounded);
}

/** go-yaml's own types, for the few messages that print a value in Go's syntax. */
function goSyntax(value: unknown): unknown {
  if (value instanceof Map) {
    return new TaggedMap(
      { type: 'map[interface {}]interface {}' },
      [...value].map(([key, item]) => [String(key), goSyntax(item)]),
    );
  }
  if (Array.isArray(value)) return value.map(goSyntax);
  return typeof value === 'number' && Number.isInteger(value) ? goInt(value) : value;
}

function badKey(node: YamlNode, value: unknown): YamlToJsonError {
  const shown = formatValue(goSyntax(value), 'v', { ...noFlags(), sharpV: true }, 0);
  return new YamlToJsonError(`unsupported map key of type: %!s(<nil>), key: <nil>, value: ${shown}`, node.line + 1);
}
