/** Builds the nodes of the first document of a YAML text. Errors are go-yaml's. Source: libyaml's parser. */

import { YamlError, type Mark } from './reader.ts';
import { Scanner } from './scanner.ts';
import type { Token, TokenType } from './tokens.ts';

export interface YamlNode {
  readonly kind: 'scalar' | 'mapping' | 'sequence' | 'alias';
  /** From 0. */
  readonly line: number;
  readonly column: number;
  /** '' without one; `tag:yaml.org,2002:` is written out. */
  readonly tag: string;
  /** The text of a scalar, the name of an alias. */
  readonly value: string;
  /** A plain scalar, or one tagged `!`. */
  readonly isImplicit: boolean;
  /** Items, or keys and values in turn. */
  readonly children: YamlNode[];
  /** What an alias stands for. */
  readonly target: YamlNode | undefined;
}

/** The root node of the first document; undefined for an empty text. Throws {@link YamlError}. */
export function parseFirstDocument(text: string): YamlNode | undefined {
  return new Parser(text === '' ? '\n' : text).document();
}

interface Properties {
  readonly start: Mark;
  readonly anchor: string | undefined;
  readonly tag: string;
}

class Parser {
  private readonly scanner: Scanner;
  private readonly anchors = new Map<string, YamlNode>();
  private readonly tagPrefixes = new Map<string, string>();

  constructor(text: string) {
    this.scanner = new Scanner(text);
  }

  document(): YamlNode | undefined {
    const first = this.scanner.peek();
    if (first.type === 'stream-end') return undefined;
    const isExplicit = ['version-directive', 'tag-directive', 'document-start'].includes(first.type);
    this.directives();
    let root: YamlNode;
    if (isExplicit) {
      const start = this.scanner.peek();
      if (start.type !== 'document-start') this.fail('did not find expected <document start>', start.start);
      this.scanner.skip();
      root = this.documentContent();
    } else {
      root = this.node(true, false);
    }
    // The token after the document is read, as the reader of events does it.
    this.scanner.peek();
    return root;
  }

  private documentContent(): YamlNode {
    const token = this.scanner.peek();
    const ends: TokenType[] = ['version-directive', 'tag-directive', 'document-start', 'document-end', 'stream-end'];
    return ends.includes(token.type) ? empty(token.start) : this.node(true, false);
  }

  private directives(): void {
    let hasVersion = false;
    for (let token = this.scanner.peek(); ; token = this.scanner.peek()) {
      if (token.type === 'version-directive') {
        if (hasVersion) this.fail('found duplicate %YAML directive', token.start);
        if (token.suffix !== '1.1') this.fail('found incompatible YAML document', token.start);
        hasVersion = true;
      } else if (token.type === 'tag-directive') {
        if (this.tagPrefixes.has(token.value)) this.fail('found duplicate %TAG directive', token.start);
        this.tagPrefixes.set(token.value, token.suffix);
      } else {
        break;
      }
      this.scanner.skip();
    }
    if (!this.tagPrefixes.has('!')) this.tagPrefixes.set('!', '!');
    if (!this.tagPrefixes.has('!!')) this.tagPrefixes.set('!!', 'tag:yaml.org,2002:');
  }

  private fail(problem: string, mark: Mark, context?: Mark): never {
    const line = mark.line !== 0 ? mark.line : (context?.line ?? 0);
    throw new YamlError(problem, line === 0 ? undefined : line, mark.line + 1);
  }

  private next(): Token {
    const token = this.scanner.peek();
    this.scanner.skip();
    return token;
  }

  private is(...types: TokenType[]): boolean {
    return types.includes(this.scanner.peek().type);
  }

  private node(isBlock: boolean, mayBeIndentless: boolean): YamlNode {
    const token = this.scanner.peek();
    if (token.type === 'alias') {
      this.scanner.skip();
      return this.alias(token);
    }
    const properties = this.properties(token);
    const current = this.scanner.peek();
    if (mayBeIndentless && current.type === 'block-entry') return this.collection('sequence', properties, 'indentless');
    switch (current.type) {
      case 'scalar':
        this.scanner.skip();
        return this.scalar(current, properties);
      case 'flow-sequence-start':
        return this.collection('sequence', properties, 'flow');
      case 'flow-mapping-start':
        return this.collection('mapping', properties, 'flow');
      case 'block-sequence-start':
        if (isBlock) return this.collection('sequence', properties, 'block');
        break;
      case 'block-mapping-start':
        if (isBlock) return this.collection('mapping', properties, 'block');
        break;
    }
    if (properties.anchor !== undefined || properties.tag !== '') {
      return this.anchored(
        { ...empty(properties.start), tag: properties.tag, isImplicit: properties.tag === '' },
        properties,
      );
    }
    this.fail('did not find expected node content', current.start, properties.start);
  }

  private alias(token: Token): YamlNode {
    const target = this.anchors.get(token.value);
    if (target === undefined) throw new YamlError(`unknown anchor '${token.value}' referenced`);
    return { ...empty(token.start), kind: 'alias', value: token.value, target };
  }

  private properties(first: Token): Properties {
    let anchor: string | undefined;
    let tagToken: Token | undefined;
    for (let token = first; token.type === 'anchor' || token.type === 'tag'; token = this.scanner.peek()) {
      if (token.type === 'anchor') {
        if (anchor !== undefined) break;
        anchor = token.value;
      } else {
        if (tagToken !== undefined) break;
        tagToken = token;
      }
      this.scanner.skip();
    }
    return { start: first.start, anchor, tag: tagToken === undefined ? '' : this.resolveTag(tagToken, first.start) };
  }

  private resolveTag(token: Token, context: Mark): string {
    if (token.value === '') return token.suffix;
    const prefix = this.tagPrefixes.get(token.value);
    if (prefix === undefined) this.fail('found undefined tag handle', token.start, context);
    return prefix + token.suffix;
  }

  private anchored(node: YamlNode, properties: Properties): YamlNode {
    if (properties.anchor !== undefined) this.anchors.set(properties.anchor, node);
    return node;
  }

  private scalar(token: Token, properties: Properties): YamlNode {
    const { tag, start } = properties;
    const isImplicit = (tag === '' && token.isPlain) || tag === '!';
    return this.anchored({ ...empty(start), tag, value: token.value, isImplicit }, properties);
  }

  private collection(
    kind: 'sequence' | 'mapping',
    properties: Properties,
    style: 'block' | 'indentless' | 'flow',
  ): YamlNode {
    const node: YamlNode = { ...empty(properties.start), kind, tag: properties.tag, children: [] };
    this.anchored(node, properties);
    const { children } = node;
    if (style === 'indentless') this.indentlessItems(children);
    else if (style === 'block') this.blockItems(children, kind);
    else if (kind === 'sequence') this.flowItems(children);
    else this.flowPairs(children);
    return node;
  }

  private blockItems(children: YamlNode[], kind: 'sequence' | 'mapping'): void {
    const start = this.next().start;
    for (;;) {
      const token = this.scanner.peek();
      if (token.type === 'block-end') break;
      if (kind === 'sequence') {
        if (token.type !== 'block-entry') this.fail("did not find expected '-' indicator", token.start, start);
        this.scanner.skip();
        children.push(this.is('block-entry', 'block-end') ? empty(token.start) : this.node(true, false));
      } else {
        if (token.type !== 'key') this.fail('did not find expected key', token.start, start);
        this.scanner.skip();
        children.push(
          this.is('key', 'value', 'block-end') ? empty(token.start) : this.node(true, true),
          this.blockValue(),
        );
      }
    }
    this.scanner.skip();
  }

  private blockValue(): YamlNode {
    const token = this.scanner.peek();
    if (token.type !== 'value') return empty(token.start);
    this.scanner.skip();
    return this.is('key', 'value', 'block-end') ? empty(token.start) : this.node(true, true);
  }

  private indentlessItems(children: YamlNode[]): void {
    for (let token = this.scanner.peek(); token.type === 'block-entry'; token = this.scanner.peek()) {
      this.scanner.skip();
      const isEmpty = this.is('block-entry', 'key', 'value', 'block-end');
      children.push(isEmpty ? empty(token.start) : this.node(true, false));
    }
  }

  private flowItems(children: YamlNode[]): void {
    const start = this.next().start;
    for (let isFirst = true; !this.is('flow-sequence-end'); isFirst = false) {
      if (!isFirst) this.flowSeparator("did not find expected ',' or ']'", start);
      if (this.is('key')) children.push(this.flowSinglePair());
      else if (!this.is('flow-sequence-end')) children.push(this.node(false, false));
    }
    this.scanner.skip();
  }

  private flowSeparator(problem: string, start: Mark): void {
    const token = this.scanner.peek();
    if (token.type !== 'flow-entry') this.fail(problem, token.start, start);
    this.scanner.skip();
  }

  /** `[a: b]`: a mapping of one pair. */
  private flowSinglePair(): YamlNode {
    const start = this.next().start;
    const key = this.is('value', 'flow-entry', 'flow-sequence-end') ? this.emptyAndSkip() : this.node(false, false);
    return { ...empty(start), kind: 'mapping', children: [key, this.flowValue('flow-sequence-end')] };
  }

  /** libyaml drops the token after an empty key. */
  private emptyAndSkip(): YamlNode {
    return empty(this.next().start);
  }

  private flowValue(end: TokenType): YamlNode {
    const token = this.scanner.peek();
    if (token.type === 'value') {
      this.scanner.skip();
      if (!this.is('flow-entry', end)) return this.node(false, false);
    }
    return empty(this.scanner.peek().start);
  }

  private flowPairs(children: YamlNode[]): void {
    const start = this.next().start;
    for (let isFirst = true; !this.is('flow-mapping-end'); isFirst = false) {
      if (!isFirst) this.flowSeparator("did not find expected ',' or '}'", start);
      if (this.is('key')) {
        this.scanner.skip();
        const isEmpty = this.is('value', 'flow-entry', 'flow-mapping-end');
        const key = isEmpty ? empty(this.scanner.peek().start) : this.node(false, false);
        children.push(key, this.flowValue('flow-mapping-end'));
      } else if (!this.is('flow-mapping-end')) {
        children.push(this.node(false, false), empty(this.scanner.peek().start));
      }
    }
    this.scanner.skip();
  }
}

function empty(mark: Mark): YamlNode {
  const { line, column } = mark;
  return { kind: 'scalar', line, column, tag: '', value: '', isImplicit: true, children: [], target: undefined };
}
