/** Reads a CEL expression into its tree. Source: cel-spec, langdef.md; error sentences are those of cel-go. */

import { tokensOf, type Token } from './lexer.ts';
import { expandMacro, NodeFactory } from './macros.ts';
import type { Expr, Issue } from './syntax.ts';
import { Uint } from './values.ts';

/** Deeper expressions are refused: nobody writes them by hand, and the reader is recursive. */
const maxDepth = 250;
/** In characters; what a definition may hold is more, but nobody reads it. Source: cel-go, parser/options.go. */
const maxExpressionLength = 100_000;

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const literals = `'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER`;
const operands = `'[', '{', '(', '.', '-', '!', ${literals}`;
const binary: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['<', '<=', '>=', '>', '==', '!=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** The tree, or what is wrong with the text. */
export type Parsed = { readonly expr: Expr; readonly nextId: number } | { readonly issues: readonly Issue[] };

export function parseCel(source: string): Parsed {
  if (source.length > maxExpressionLength) {
    const message = `expression code point size exceeds limit: size: ${source.length}, limit ${maxExpressionLength}`;
    return { issues: [{ at: 0, message }] };
  }
  const { tokens, issues } = tokensOf(source);
  const parser = new Parser(tokens, issues);
  const expr = parser.parse();
  return expr === undefined || issues.length > 0 ? { issues } : { expr, nextId: parser.nodes.nextId };
}

/** Thrown after an issue nothing can be read behind. */
class Stop extends Error {}

class Parser {
  readonly nodes = new NodeFactory();
  readonly #tokens: readonly Token[];
  readonly #issues: Issue[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], issues: Issue[]) {
    this.#tokens = tokens;
    this.#issues = issues;
  }

  parse(): Expr | undefined {
    try {
      const expr = this.#expression();
      const rest = this.#peek();
      if (rest.kind !== 'end') {
        const isLast = this.#tokens[this.#next + 1]?.kind === 'end';
        this.#issue(
          rest.at,
          `Syntax error: ${isLast ? 'extraneous' : 'mismatched'} input '${rest.text}' expecting <EOF>`,
        );
      }
      return expr;
    } catch (error) {
      if (error instanceof Stop) return undefined;
      throw error;
    }
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '<EOF>', at: 0 };
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token.kind === 'symbol' && token.text === text;
  }

  #accept(text: string): Token | undefined {
    if (!this.#is(text)) return undefined;
    return this.#tokens[this.#next++];
  }

  #issue(at: number, message: string): void {
    this.#issues.push({ at, message });
  }

  #mismatch(expecting: string): never {
    const { at, text } = this.#peek();
    this.#issue(at, `Syntax error: mismatched input '${text}' expecting ${expecting}`);
    throw new Stop();
  }

  #expect(text: string, alternatives = `'${text}'`): Token {
    const found = this.#accept(text);
    if (found !== undefined) return found;
    const { kind, at } = this.#peek();
    if (text !== ')' || kind !== 'end') this.#mismatch(alternatives);
    this.#issue(at, `Syntax error: missing ')' at '<EOF>'`);
    throw new Stop();
  }

  #expression(): Expr {
    if (++this.#depth > maxDepth) {
      this.#issue(this.#peek().at, `expression recursion limit exceeded: ${maxDepth}`);
      throw new Stop();
    }
    const condition = this.#binary(0);
    const question = this.#accept('?');
    let result = condition;
    if (question !== undefined) {
      const yes = this.#binary(0);
      this.#expect(':');
      const no = this.#expression();
      result = this.nodes.call(question.at, '_?_:_', [condition, yes, no]);
    }
    this.#depth--;
    return result;
  }

  #binary(level: number): Expr {
    const operators = binary[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    const logic: { term: Expr; at: number }[] = [];
    for (let sign = this.#operator(operators); sign !== undefined; sign = this.#operator(operators)) {
      const right = this.#binary(level + 1);
      if (level < 2) logic.push({ term: right, at: sign.at });
      else left = this.nodes.call(sign.at, sign.text === 'in' ? '@in' : `_${sign.text}_`, [left, right]);
    }
    return logic.length === 0 ? left : this.#balanced(`_${operators[0] ?? ''}_`, left, logic);
  }

  #operator(operators: readonly string[]): Token | undefined {
    const token = this.#peek();
    if (token.kind !== 'symbol' || !operators.includes(token.text)) return undefined;
    this.#next++;
    return token;
  }

  /** Long chains of && and || become balanced trees: the depth is that of a logarithm. */
  #balanced(name: string, first: Expr, rest: readonly { term: Expr; at: number }[]): Expr {
    const terms = [first, ...rest.map(({ term }) => term)];
    const build = (low: number, high: number): Expr => {
      const middle = Math.floor((low + high + 1) / 2);
      const left = middle === low ? terms[middle] : build(low, middle - 1);
      const right = middle === high ? terms[middle + 1] : build(middle + 1, high);
      return this.nodes.call(rest[middle]?.at ?? 0, name, [left ?? first, right ?? first]);
    };
    return build(0, rest.length - 1);
  }

  #unary(): Expr {
    const not = this.#accept('!');
    if (not !== undefined) return this.#repeated(not, '!', '!_');
    const minus = this.#peek();
    if (!this.#is('-')) return this.#member();
    const number = this.#tokens[this.#next + 1];
    const isNumber =
      number?.kind === 'literal' && (typeof number.value === 'bigint' || typeof number.value === 'number');
    this.#next++;
    if (!isNumber) return this.#repeated(minus, '-', '-_');
    this.#next++;
    const value = number.value;
    const literal = this.nodes.literal(minus.at, typeof value === 'bigint' ? -value : -Number(value));
    return this.#rest(literal);
  }

  /** An even number of signs is none. */
  #repeated(first: Token, sign: string, name: string): Expr {
    let count = 1;
    while (this.#accept(sign) !== undefined) count++;
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.nodes.call(first.at, name, [operand]);
  }

  #member(): Expr {
    return this.#rest(this.#primary());
  }

  #rest(start: Expr): Expr {
    let expr = start;
    for (;;) {
      const dot = this.#accept('.');
      if (dot !== undefined) {
        expr = this.#select(expr, dot);
        continue;
      }
      const open = this.#accept('[');
      if (open === undefined) return expr;
      const isOptional = this.#accept('?') !== undefined;
      const index = this.#expression();
      this.#expect(']');
      expr = this.nodes.call(open.at, isOptional ? '_[?_]' : '_[_]', [expr, index]);
    }
  }

  #select(operand: Expr, dot: Token): Expr {
    const isOptional = this.#accept('?') !== undefined;
    const name = this.#peek();
    if (name.kind !== 'identifier' && name.kind !== 'escaped') {
      const message =
        name.kind === 'end' || isOptional
          ? `Syntax error: no viable alternative at input '.${isOptional ? '?' : ''}'`
          : `Syntax error: no viable alternative at input '.${name.text}'`;
      this.#issue(name.at, name.value === null || typeof name.value === 'boolean' ? reservedText(name.text) : message);
      throw new Stop();
    }
    this.#next++;
    const field = name.kind === 'escaped' ? name.text.slice(1, -1) : name.text;
    if (isOptional) {
      return this.nodes.call(dot.at, '_?._', [operand, this.nodes.literal(name.at, field)]);
    }
    const open = name.kind === 'identifier' ? this.#accept('(') : undefined;
    if (open === undefined) return this.nodes.select(dot.at, operand, field);
    return this.#called({ name: field, target: operand, at: open.at, args: this.#arguments() });
  }

  #called(call: { name: string; target: Expr | undefined; at: number; args: readonly Expr[] }): Expr {
    const expanded = expandMacro(call, this.nodes, (at, message) => this.#issue(at, message));
    return expanded ?? this.nodes.call(call.at, call.name, call.args, call.target);
  }

  #arguments(): Expr[] {
    if (this.#accept(')') !== undefined) return [];
    const args = [this.#expression()];
    while (this.#accept(',') !== undefined) args.push(this.#expression());
    this.#expect(')', `{')', ','}`);
    return args;
  }

  #primary(): Expr {
    const token = this.#peek();
    if (token.kind === 'literal') {
      this.#next++;
      return this.nodes.literal(token.at, this.#literalValue(token));
    }
    if (token.kind === 'identifier') return this.#named('');
    if (this.#accept('(') !== undefined) {
      const expr = this.#expression();
      this.#expect(')');
      return expr;
    }
    const bracket = this.#accept('[');
    if (bracket !== undefined) return this.#list(bracket);
    const brace = this.#accept('{');
    if (brace !== undefined) return this.#map(brace);
    if (this.#accept('.') !== undefined && this.#peek().kind === 'identifier') return this.#named('.');
    return this.#mismatch(`{${operands}}`);
  }

  #literalValue(token: Token): NonNullable<Token['value']> | null {
    if (token.value === 2n ** 63n) this.#issue(token.at, 'invalid int literal');
    return token.value instanceof Uint ? token.value : (token.value ?? null);
  }

  #named(dot: string): Expr {
    const { text, at } = this.#peek();
    this.#next++;
    if (reserved.has(text)) this.#issue(at, `reserved identifier: ${text}`);
    const open = this.#accept('(');
    if (open !== undefined)
      return this.#called({ name: `${dot}${text}`, target: undefined, at: open.at, args: this.#arguments() });
    if (this.#is('{')) return this.#struct(`${dot}${text}`);
    return this.nodes.ident(at, `${dot}${text}`);
  }

  #list(open: Token): Expr {
    const items: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#is(']')) {
      if (this.#accept('?') !== undefined) optional.add(items.length);
      else if (items.length === 0) this.#operandOr(`{'[', '{', '(', ']', '.', ',', '-', '!', '?', ${literals}}`);
      items.push(this.#expression());
      if (this.#accept(',') === undefined) break;
    }
    this.#expect(']', `{']', ','}`);
    return this.nodes.list(open.at, items, optional);
  }

  /** The list of what may stand here is longer than that of an operand. */
  #operandOr(expecting: string): void {
    if (this.#peek().kind === 'end') this.#mismatch(expecting);
  }

  #map(open: Token): Expr {
    const entries: { key: Expr; value: Expr; optional: boolean }[] = [];
    while (!this.#is('}')) {
      const optional = this.#accept('?') !== undefined;
      if (!optional && entries.length === 0)
        this.#operandOr(`{'[', '{', '}', '(', '.', ',', '-', '!', '?', ${literals}}`);
      const key = this.#expression();
      this.#expect(':');
      entries.push({ key, value: this.#expression(), optional });
      if (this.#accept(',') === undefined) break;
    }
    this.#expect('}', `{'}', ','}`);
    return this.nodes.map(open.at, entries);
  }

  #struct(name: string): Expr {
    const open = this.#expect('{');
    const values: Expr[] = [];
    while (!this.#is('}')) {
      this.#accept('?');
      this.#next++;
      this.#expect(':');
      values.push(this.#expression());
      if (this.#accept(',') === undefined) break;
    }
    this.#expect('}', `{'}', ','}`);
    return this.nodes.struct(open.at, name, values);
  }
}

function reservedText(name: string): string {
  return `Syntax error: mismatched input '${name}' expecting IDENTIFIER`;
}
