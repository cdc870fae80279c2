/** Parses a template's text into named trees. Errors are Go's sentences. Source: Go's text/template/parse. */

import { quote, unquote } from '../go/strconv.ts';
import { Lexer, tokenText, type Token, type TokenType } from './lexer.ts';
import { isEmptyTree, nodeText, type BranchNode, type ChainNode, type CommandNode, type JumpNode } from './nodes.ts';
import type { ListNode, Operand, PipeNode, Source, Statement, TemplateNode, Tree } from './nodes.ts';
import { parseNumber } from './numbers.ts';

/** A template that does not parse; the message is `template: NAME:LINE: text`. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** Nested parentheses and blocks: each level takes JavaScript stack. */
const parseDepthMax = 1000;

/** The trees of one text: its own first (the name of the source), then its defines and blocks. */
export function parseTemplate(source: Source, isFunction: (name: string) => boolean): Map<string, Tree> {
  const trees = new Map<string, Tree>();
  const parser = new Parser(source, isFunction, trees);
  parser.file();
  return trees;
}

type End = { readonly type: 'end' | 'else'; readonly at: number };

/** What one definition has of its own; the token stream is shared. */
interface Scope {
  variables: string[];
  rangeDepth: number;
  actionLine: number;
}

const operandStarts: ReadonlySet<TokenType> = new Set<TokenType>([
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);

class Parser {
  private readonly source: Source;
  private readonly lexer: Lexer;
  private readonly isFunction: (name: string) => boolean;
  private readonly trees: Map<string, Tree>;
  /** Tokens given back, the next one last. */
  private readonly pending: Token[] = [];
  /** The line of the newest token read: where errors are reported. */
  private line = 1;
  private depth = 0;
  private scope: Scope = newScope();

  constructor(source: Source, isFunction: (name: string) => boolean, trees: Map<string, Tree>) {
    this.source = source;
    this.isFunction = isFunction;
    this.trees = trees;
    this.lexer = new Lexer(source.text);
  }

  file(): void {
    const root = this.list(this.peek().at);
    while (this.peek().type !== 'eof') {
      if (this.peek().type === 'leftDelim') {
        const delim = this.next();
        const word = this.nextNonSpace();
        if (word.type === 'define') {
          this.define();
          continue;
        }
        this.backup(delim, word);
      }
      const node = this.textOrAction();
      if (isEnd(node)) this.fail(`unexpected ${endText(node)}`);
      else root.nodes.push(node);
    }
    this.add({ name: this.source.name, source: this.source, root });
  }

  private list(at: number): ListNode {
    return { type: 'list', source: this.source, at, nodes: [] };
  }

  private add(tree: Tree): void {
    const existing = this.trees.get(tree.name);
    if (existing === undefined || isEmptyTree(existing.root)) this.trees.set(tree.name, tree);
    else if (!isEmptyTree(tree.root)) this.fail(`template: multiple definition of template ${quote(tree.name)}`);
  }

  private next(): Token {
    if (this.pending.length > 0) return this.pending.pop() as Token;
    const token = this.lexer.next();
    this.line = token.line;
    return token;
  }

  /** Gives tokens back, in reading order. */
  private backup(token: Token, second?: Token): void {
    if (second !== undefined) this.pending.push(second);
    this.pending.push(token);
  }

  private peek(): Token {
    const known = this.pending.at(-1);
    if (known !== undefined) return known;
    const token = this.next();
    this.pending.push(token);
    return token;
  }

  private nextNonSpace(): Token {
    let token = this.next();
    while (token.type === 'space') token = this.next();
    return token;
  }

  private peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.backup(token);
    return token;
  }

  private fail(message: string): never {
    throw new ParseError(`template: ${this.source.name}:${this.line}: ${message}`, this.line);
  }

  private unexpected(token: Token, context: string): never {
    if (token.type !== 'error') this.fail(`unexpected ${tokenText(token)} in ${context}`);
    let extra = '';
    const { actionLine } = this.scope;
    if (actionLine !== 0 && actionLine !== token.line) {
      extra = ` in action started at ${this.source.name}:${actionLine}`;
      if (token.text.endsWith(' action')) extra = extra.slice(' in action'.length);
    }
    this.fail(token.text + extra);
  }

  private expect(type: TokenType, context: string): Token {
    const token = this.nextNonSpace();
    if (token.type !== type) this.unexpected(token, context);
    return token;
  }

  private nested<Result>(parse: () => Result): Result {
    this.depth += 1;
    if (this.depth > parseDepthMax) this.fail('max expression depth exceeded');
    const result = parse();
    this.depth -= 1;
    return result;
  }

  private define(): void {
    const context = 'define clause';
    const outer = this.scope;
    this.scope = newScope();
    const name = this.templateName(this.nextNonSpace(), context);
    this.expect('rightDelim', context);
    this.add({ name, source: this.source, root: this.body(context) });
    this.scope = outer;
  }

  private body(context: string): ListNode {
    const { list, end } = this.itemList();
    if (end.type !== 'end') this.fail(`unexpected ${endText(end)} in ${context}`);
    return list;
  }

  private itemList(): { list: ListNode; end: End } {
    return this.nested(() => {
      const list = this.list(this.peekNonSpace().at);
      while (this.peekNonSpace().type !== 'eof') {
        const node = this.textOrAction();
        if (isEnd(node)) return { list, end: node };
        list.nodes.push(node);
      }
      this.fail('unexpected EOF');
    });
  }

  private textOrAction(): Statement | End {
    const token = this.nextNonSpace();
    if (token.type === 'text') return { type: 'text', source: this.source, at: token.at, text: token.text };
    if (token.type !== 'leftDelim') this.unexpected(token, 'input');
    this.scope.actionLine = token.line;
    const node = this.action();
    this.scope.actionLine = 0;
    return node;
  }

  private action(): Statement | End {
    const token = this.nextNonSpace();
    switch (token.type) {
      case 'block':
        return this.block();
      case 'break':
      case 'continue':
        return this.jump(token, token.type);
      case 'else':
        return this.elseControl();
      case 'end':
        return { type: 'end', at: this.expect('rightDelim', 'end').at };
      case 'if':
      case 'range':
      case 'with':
        return this.control(token.type);
      case 'template':
        return this.template();
      default:
        this.backup(token);
        return {
          type: 'action',
          source: this.source,
          at: token.at,
          pipe: this.pipeline('command', 'rightDelim'),
        };
    }
  }

  private jump(token: Token, type: 'break' | 'continue'): JumpNode {
    const next = this.nextNonSpace();
    if (next.type !== 'rightDelim') this.unexpected(next, `{{${type}}}`);
    if (this.scope.rangeDepth === 0) this.fail(`{{${type}}} outside {{range}}`);
    return { type, source: this.source, at: token.at };
  }

  private elseControl(): End {
    const next = this.peekNonSpace();
    if (next.type === 'if' || next.type === 'with') return { type: 'else', at: next.at };
    return { type: 'else', at: this.expect('rightDelim', 'else').at };
  }

  private control(type: 'if' | 'range' | 'with'): BranchNode {
    const { variables } = this.scope;
    const known = variables.length;
    const pipe = this.pipeline(type, 'rightDelim');
    if (type === 'range') this.scope.rangeDepth += 1;
    const { list, end } = this.itemList();
    if (type === 'range') this.scope.rangeDepth -= 1;
    const elseList = end.type === 'else' ? this.elseBranch(type, end) : undefined;
    variables.length = known;
    return { type, source: this.source, at: pipe.at, pipe, list, elseList };
  }

  private elseBranch(type: 'if' | 'range' | 'with', end: End): ListNode {
    if (type !== 'range' && this.peek().type === type) {
      this.next();
      const list = this.list(end.at);
      list.nodes.push(this.nested(() => this.control(type)));
      return list;
    }
    const { list, end: last } = this.itemList();
    if (last.type !== 'end') this.fail(`expected end; found ${endText(last)}`);
    return list;
  }

  private templateName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'rawString') this.unexpected(token, context);
    const name = unquote(token.text);
    if (name === undefined) this.fail('invalid syntax');
    return name;
  }

  private block(): TemplateNode {
    const context = 'block clause';
    const token = this.nextNonSpace();
    const name = this.templateName(token, context);
    const pipe = this.pipeline(context, 'rightDelim');
    const outer = this.scope;
    this.scope = newScope();
    this.add({ name, source: this.source, root: this.body(context) });
    this.scope = outer;
    return { type: 'template', source: this.source, at: token.at, name, pipe };
  }

  private template(): TemplateNode {
    const context = 'template clause';
    const token = this.nextNonSpace();
    const name = this.templateName(token, context);
    const next = this.nextNonSpace();
    let pipe: PipeNode | undefined;
    if (next.type !== 'rightDelim') {
      this.backup(next);
      pipe = this.pipeline(context, 'rightDelim');
    }
    return { type: 'template', source: this.source, at: token.at, name, pipe };
  }

  private pipeline(context: string, end: TokenType): PipeNode {
    const first = this.peekNonSpace();
    const pipe: PipeNode = {
      type: 'pipe',
      source: this.source,
      at: first.at,
      isAssign: false,
      decl: [],
      commands: [],
    };
    this.declarations(pipe, context);
    for (;;) {
      const token = this.nextNonSpace();
      if (token.type === end) break;
      if (!operandStarts.has(token.type)) this.unexpected(token, context);
      this.backup(token);
      pipe.commands.push(this.command());
    }
    this.checkPipeline(pipe, context);
    return pipe;
  }

  private declarations(pipe: PipeNode, context: string): void {
    while (this.peekNonSpace().type === 'variable') {
      const name = this.next();
      const after = this.peek();
      const next = this.peekNonSpace();
      const isComma = next.type === 'char' && next.text === ',';
      if (next.type !== 'assign' && next.type !== 'declare' && !isComma) {
        if (after.type === 'space') this.backup(name, after);
        else this.backup(name);
        return;
      }
      this.nextNonSpace();
      pipe.decl.push({ type: 'variable', source: this.source, at: name.at, path: name.text.split('.') });
      this.scope.variables.push(name.text);
      if (!isComma) {
        pipe.isAssign = next.type === 'assign';
        return;
      }
      if (context !== 'range' || pipe.decl.length >= 2) this.fail(`too many declarations in ${context}`);
      const follower = this.peekNonSpace().type;
      if (follower !== 'variable' && follower !== 'rightDelim' && follower !== 'rightParen') {
        this.fail('range can only initialize variables');
      }
    }
  }

  private checkPipeline(pipe: PipeNode, context: string): void {
    if (pipe.commands.length === 0) this.fail(`missing value for ${context}`);
    pipe.commands.slice(1).forEach((command, index) => {
      const type = command.args[0]?.type;
      if (type === 'bool' || type === 'dot' || type === 'nil' || type === 'number' || type === 'string') {
        this.fail(`non executable command in pipeline stage ${index + 2}`);
      }
    });
  }

  private command(): CommandNode {
    const command: CommandNode = { type: 'command', source: this.source, at: this.peekNonSpace().at, args: [] };
    for (;;) {
      this.peekNonSpace();
      const operand = this.operand();
      if (operand !== undefined) command.args.push(operand);
      const token = this.next();
      if (token.type === 'space') continue;
      if (token.type === 'rightDelim' || token.type === 'rightParen') this.backup(token);
      else if (token.type !== 'pipe') this.unexpected(token, 'operand');
      break;
    }
    if (command.args.length === 0) this.fail('empty command');
    return command;
  }

  private operand(): Operand | undefined {
    const node = this.term();
    if (node === undefined || this.peek().type !== 'field') return node;
    const chain: ChainNode = { type: 'chain', source: this.source, at: this.peek().at, node, path: [] };
    while (this.peek().type === 'field') chain.path.push(this.next().text.slice(1));
    switch (node.type) {
      case 'field':
      case 'variable':
        return { ...node, at: chain.at, path: [...node.path, ...chain.path] };
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        this.fail(`unexpected . after term ${quote(nodeText(node))}`);
    }
    return chain;
  }

  private term(): Operand | undefined {
    const token = this.nextNonSpace();
    const { source } = this;
    const { at } = token;
    switch (token.type) {
      case 'identifier':
        if (!this.isFunction(token.text)) this.fail(`function ${quote(token.text)} not defined`);
        return { type: 'identifier', source, at, name: token.text };
      case 'dot':
        return { type: 'dot', source, at };
      case 'nil':
        return { type: 'nil', source, at };
      case 'variable':
        if (!this.scope.variables.includes(token.text)) this.fail(`undefined variable ${quote(token.text)}`);
        return { type: 'variable', source, at, path: [token.text] };
      case 'field':
        return { type: 'field', source, at, path: [token.text.slice(1)] };
      case 'bool':
        return { type: 'bool', source, at, value: token.text === 'true' };
      case 'charConstant':
      case 'complex':
      case 'number': {
        const kinds = parseNumber(token.text, token.type);
        if ('error' in kinds) this.fail(kinds.error);
        return { type: 'number', source, at, text: token.text, ...kinds };
      }
      case 'leftParen':
        return this.nested(() => this.pipeline('parenthesized pipeline', 'rightParen'));
      case 'string':
      case 'rawString': {
        const value = unquote(token.text);
        if (value === undefined) this.fail('invalid syntax');
        return { type: 'string', source, at, quoted: token.text, value };
      }
      default:
        this.backup(token);
        return undefined;
    }
  }
}

function newScope(): Scope {
  return { variables: ['$'], rangeDepth: 0, actionLine: 0 };
}

function isEnd(node: Statement | End): node is End {
  return node.type === 'end' || node.type === 'else';
}

function endText(end: End): string {
  return `{{${end.type}}}`;
}
