/** Compiles text, actions and control structures. Source: text/template walk. */

import { printText } from '../go/fmt.ts';
import { quote } from '../go/strconv.ts';
import { compareStrings } from '../go/utf8.ts';
import { elemTypeOf, GoBytes, goInt, GoInt, GoObject, isTrue, tagOf, type GoMap } from '../go/values.ts';
import type { Compiler } from './compiler.ts';
import { fail } from './exec-error.ts';
import type { Evaluate, Execute, Frame, Signal } from './frame.ts';
import type { ActionNode, BranchNode, ListNode, Statement, TemplateNode, TextNode } from './nodes.ts';
import { setVariable, type Variable } from './variables.ts';

/** A list of statements; a signal of a jump ends it. */
export function compileList(compiler: Compiler, list: ListNode): Execute {
  const statements = list.nodes.map((node) => compiler.statement(node));
  const [only, ...others] = statements;
  if (only === undefined) return () => 0;
  if (others.length === 0) return only;
  return (frame, dot) => {
    for (const statement of statements) {
      const signal = statement(frame, dot);
      if (signal !== 0) return signal;
    }
    return 0;
  };
}

/** One statement. */
export function compileStatement(compiler: Compiler, node: Statement): Execute {
  switch (node.type) {
    case 'text':
      return textStatement(node);
    case 'action':
      return actionStatement(compiler, node);
    case 'if':
      return ifStatement(compiler, node);
    case 'with':
      return withStatement(compiler, node);
    case 'range':
      return rangeStatement(compiler, node);
    case 'template':
      return templateStatement(compiler, node);
    case 'break':
      return () => 1;
    case 'continue':
      return () => 2;
  }
}

function textStatement(node: TextNode): Execute {
  const { text } = node;
  return (frame) => {
    frame.output.write(text, node, frame);
    return 0;
  };
}

function actionStatement(compiler: Compiler, node: ActionNode): Execute {
  const value = compiler.pipe(node.pipe);
  if (node.pipe.decl.length > 0) {
    return (frame, dot) => {
      value(frame, dot);
      return 0;
    };
  }
  return (frame, dot) => {
    const result = value(frame, dot);
    frame.node = node;
    frame.output.write(typeof result === 'string' ? result : printed(frame, result), node, frame);
    return 0;
  };
}

/** What an action writes for a value; pointers are looked through. */
function printed(frame: Frame, value: unknown): string {
  if (value === undefined) return '<no value>';
  if (typeof value === 'number') frame.run.printFloat(frame, value);
  if (!(value instanceof GoObject)) return printText(value);
  const text = value.printedText() ?? printText(value);
  return value.kind === 'ptr' && text.startsWith('&{') ? text.slice(1) : text;
}

function ifStatement(compiler: Compiler, node: BranchNode): Execute {
  return compiler.scoped(() => {
    const condition = compiler.pipe(node.pipe);
    const list = compiler.scoped(() => compiler.branch(node, node.list));
    const { elseList } = node;
    const otherwise = elseList === undefined ? undefined : compiler.scoped(() => compiler.branch(node, elseList));
    return (frame, dot) => {
      if (isTrue(condition(frame, dot))) return list(frame, dot);
      return otherwise === undefined ? 0 : otherwise(frame, dot);
    };
  });
}

function withStatement(compiler: Compiler, node: BranchNode): Execute {
  return compiler.scoped(() => {
    const value = compiler.pipe(node.pipe);
    const list = compiler.scoped(() => compiler.branch(node, node.list));
    const { elseList } = node;
    const otherwise = elseList === undefined ? undefined : compiler.scoped(() => compiler.branch(node, elseList));
    return (frame, dot) => {
      const result = value(frame, dot);
      if (!isTrue(result)) return otherwise === undefined ? 0 : otherwise(frame, dot);
      const outer = frame.isDotInterface;
      frame.isDotInterface = false;
      const signal = list(frame, result);
      frame.isDotInterface = outer;
      return signal;
    };
  });
}

function templateStatement(compiler: Compiler, node: TemplateNode): Execute {
  const argument: Evaluate = node.pipe === undefined ? () => undefined : compiler.pipe(node.pipe);
  return (frame, dot) => {
    frame.node = node;
    if (frame.registry.lookup(node.name) === undefined) fail(frame, `template ${quote(node.name)} not defined`);
    const data = argument(frame, dot);
    frame.run.template(frame, node.name, data);
    return 0;
  };
}

/** Sets the variables for one turn and runs the body. */
export type Turn = (frame: Frame, index: unknown, element: unknown, isInterface: boolean) => Signal;

function rangeStatement(compiler: Compiler, node: BranchNode): Execute {
  return compiler.scoped(() => {
    const { pipe, elseList } = node;
    const plain = compiler.pipeValue(pipe);
    const targets = compiler.targets(pipe, true);
    const value = compiler.ranged(node, pipe.decl.length === 0 ? plain : compiler.assigning(pipe, plain, targets));
    const body = compiler.scoped(() => compiler.body(node.list));
    const otherwise = elseList === undefined ? undefined : compiler.scoped(() => compiler.branch(node, elseList));
    const turn = compiler.turn(node, targets, body);
    return (frame, dot) => {
      const outer = frame.isDotInterface;
      const ran = iterate(frame, value(frame, dot), turn, targets.length);
      frame.isDotInterface = outer;
      return ran || otherwise === undefined ? 0 : otherwise(frame, dot);
    };
  });
}

/** A turn without a watcher. */
export function rangeTurn(targets: readonly (Variable | undefined)[], body: Execute): Turn {
  const [first, second] = targets;
  return (frame, index, element, isInterface) => {
    frame.run.step();
    if (first !== undefined && second !== undefined) {
      setVariable(frame, first, index, false);
      setVariable(frame, second, element, isInterface);
    } else if (first !== undefined) {
      setVariable(frame, first, element, isInterface);
    }
    frame.isDotInterface = isInterface;
    return body(frame, element);
  };
}

/** Runs the body for every element. False when there was none. */
function iterate(frame: Frame, value: unknown, turn: Turn, variables: number): boolean {
  if (value === undefined || value === null) return false;
  if (Array.isArray(value)) return iterateList(frame, value, turn);
  if (value instanceof Map) return iterateMap(frame, value, turn);
  if (value instanceof GoInt) return iterateInt(frame, value, turn, variables);
  if (value instanceof GoBytes) {
    return iterateList(
      frame,
      Array.from(value.data, (byte) => new GoInt('uint8', BigInt(byte))),
      turn,
      false,
    );
  }
  return fail(frame, `range can't iterate over ${printText(value)}`);
}

function iterateList(frame: Frame, list: readonly unknown[], turn: Turn, mayBeInterface = true): boolean {
  const isInterface = mayBeInterface && elemTypeOf(list) === 'interface {}';
  // The length is read once: what the body appends makes a new list.
  const { length } = list;
  for (let index = 0; index < length; index += 1) {
    if (turn(frame, goInt(index), list[index] ?? null, isInterface) === 1) break;
  }
  return length > 0;
}

function iterateMap(frame: Frame, map: GoMap, turn: Turn): boolean {
  const isInterface = elemTypeOf(map) === 'interface {}';
  const entries = [...map].toSorted(([left], [right]) => compareStrings(left, right));
  const keyOf = tagOf(map)?.keyOf;
  for (const [key, element] of entries) {
    if (turn(frame, keyOf === undefined ? key : keyOf(key), element ?? null, isInterface) === 1) break;
  }
  return entries.length > 0;
}

function iterateInt(frame: Frame, value: GoInt, turn: Turn, variables: number): boolean {
  if (variables > 1) fail(frame, `can't use ${value.value} to iterate over more than one variable`);
  for (let count = 0n; count < value.value; count += 1n) {
    if (turn(frame, undefined, new GoInt(value.kind, count), false) === 1) break;
  }
  return value.value > 0n;
}
