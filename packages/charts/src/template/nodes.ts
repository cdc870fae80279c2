/** The parse tree of a template, and how its nodes are written back for error messages. */

import { byteLength } from '../go/utf8.ts';
import { sprintf } from '../go/sprintf.ts';

/** A parsed text: one file, or the argument of one `tpl`. */
export interface Source {
  /** Named in error locations. */
  readonly name: string;
  readonly text: string;
}

interface Base {
  readonly source: Source;
  /** UTF-16 offset in the source; of a field chain it is that of the second element, as Go has it. */
  readonly at: number;
}

export interface TextNode extends Base {
  readonly type: 'text';
  readonly text: string;
}
export interface ActionNode extends Base {
  readonly type: 'action';
  readonly pipe: PipeNode;
}
export interface BranchNode extends Base {
  readonly type: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly elseList: ListNode | undefined;
}
export interface TemplateNode extends Base {
  readonly type: 'template';
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}
export interface JumpNode extends Base {
  readonly type: 'break' | 'continue';
}
export interface ListNode extends Base {
  readonly type: 'list';
  readonly nodes: Statement[];
}
export type Statement = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode;

export interface PipeNode extends Base {
  readonly type: 'pipe';
  isAssign: boolean;
  readonly decl: VariableNode[];
  readonly commands: CommandNode[];
}
export interface CommandNode extends Base {
  readonly type: 'command';
  readonly args: Operand[];
}
export interface IdentifierNode extends Base {
  readonly type: 'identifier';
  readonly name: string;
}
export interface VariableNode extends Base {
  readonly type: 'variable';
  /** The name with its `$`, then the fields. */
  readonly path: readonly string[];
}
export interface FieldNode extends Base {
  readonly type: 'field';
  readonly path: readonly string[];
}
export interface ChainNode extends Base {
  readonly type: 'chain';
  readonly node: Operand;
  readonly path: string[];
}
export interface DotNode extends Base {
  readonly type: 'dot';
}
export interface NilNode extends Base {
  readonly type: 'nil';
}
export interface BoolNode extends Base {
  readonly type: 'bool';
  readonly value: boolean;
}
export interface StringNode extends Base {
  readonly type: 'string';
  readonly quoted: string;
  readonly value: string;
}
export interface NumberNode extends Base {
  readonly type: 'number';
  readonly text: string;
  /** Present when the number can be that kind. */
  readonly int: bigint | undefined;
  readonly uint: bigint | undefined;
  readonly float: number | undefined;
  readonly complex: { readonly re: number; readonly im: number } | undefined;
}
export type Operand =
  | PipeNode
  | IdentifierNode
  | VariableNode
  | FieldNode
  | ChainNode
  | DotNode
  | NilNode
  | BoolNode
  | StringNode
  | NumberNode;

export type Node = Statement | ListNode | PipeNode | CommandNode | Operand;

/** A named template: a file, a define, a block. */
export interface Tree {
  readonly name: string;
  readonly source: Source;
  readonly root: ListNode;
}

/** True for a tree of nothing but space and comments: it never replaces another of its name. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && node.text.trim() === '');
}

/** Where a node is: line from 1, column in bytes from 0. */
export function locate(node: Node): { line: number; column: number } {
  const before = node.source.text.slice(0, node.at);
  const newline = before.lastIndexOf('\n');
  return { line: before.split('\n').length, column: byteLength(before.slice(newline + 1)) };
}

/** A node as Go writes it in `at <…>`. */
export function nodeText(node: Node): string {
  switch (node.type) {
    case 'text':
      return sprintf('%s', [node.text]);
    case 'action':
      return `{{${nodeText(node.pipe)}}}`;
    case 'if':
    case 'with':
    case 'range':
      return `{{${node.type} ${nodeText(node.pipe)}}}${nodeText(node.list)}${
        node.elseList === undefined ? '' : `{{else}}${nodeText(node.elseList)}`
      }{{end}}`;
    case 'template':
      return `{{template ${sprintf('%q', [node.name])}${node.pipe === undefined ? '' : ` ${nodeText(node.pipe)}`}}}`;
    case 'break':
    case 'continue':
      return `{{${node.type}}}`;
    case 'list':
      return node.nodes.map(nodeText).join('');
    case 'pipe':
      return pipeText(node);
    case 'command':
      return node.args.map(operandText).join(' ');
    default:
      return operandNodeText(node);
  }
}

function pipeText(pipe: PipeNode): string {
  const names = pipe.decl.map(nodeText).join(', ');
  const head = pipe.decl.length === 0 ? '' : `${names} ${pipe.isAssign ? '=' : ':='} `;
  return head + pipe.commands.map(nodeText).join(' | ');
}

/** Parentheses are written around pipelines only where they are operands. */
function operandText(node: Operand): string {
  return node.type === 'pipe' ? `(${pipeText(node)})` : nodeText(node);
}

function operandNodeText(node: Exclude<Operand, PipeNode>): string {
  switch (node.type) {
    case 'identifier':
      return node.name;
    case 'variable':
      return node.path.join('.');
    case 'field':
      return node.path.map((name) => `.${name}`).join('');
    case 'chain':
      return operandText(node.node) + node.path.map((name) => `.${name}`).join('');
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(node.value);
    case 'string':
      return node.quoted;
    case 'number':
      return node.text;
  }
}
