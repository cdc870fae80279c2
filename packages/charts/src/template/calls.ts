/** Compiles function calls: arity, argument types, the call, and the error around it. Source: text/template evalCall. */

import { guardItems, guardSize, slowFunctions } from '../functions/guard.ts';
import type { FunctionContext, FunctionRow } from '../functions/row.ts';
import { isTrue } from '../go/values.ts';
import type { Compiler } from './compiler.ts';
import { fail, isFatal } from './exec-error.ts';
import type { Evaluate, Frame } from './frame.ts';
import { nodeText, type IdentifierNode, type Node, type Operand } from './nodes.ts';
import { rawType, validate } from './types.ts';

/** A command in a pipeline: `final` is what was piped in, or the `missing` mark. */
export type Stage = (frame: Frame, dot: unknown, final: unknown) => unknown;

/** A function call to compile. */
export interface Call {
  readonly node: IdentifierNode;
  /** Reported when the function itself fails. */
  readonly command: Node;
  readonly operands: readonly Operand[];
  readonly hasFinal: boolean;
}

type Invoke = (this: FunctionContext, ...args: unknown[]) => unknown;

export function compileCall(compiler: Compiler, call: Call): Stage {
  const { node, hasFinal } = call;
  const row = compiler.functions.get(node.name);
  if (row === undefined) return failingCall(node, `"${node.name}" is not a defined function`);
  const problem = arityProblem(row, call.operands.length, hasFinal);
  if (problem !== undefined) return failingCall(node, problem);
  const operands = call.operands.map((operand, index) => compiler.argument(operand, parameterType(row, index)));
  if (row.name === 'and' || row.name === 'or') return shortCircuit(node, operands, row.name === 'or');
  const finalType = hasFinal ? parameterType(row, operands.length) : undefined;
  if (row.name === 'include' && operands.length === 2 && !hasFinal) return includeCall(call, operands);
  if (row.name === 'call') operands.unshift(calleeName(call));
  return invoking(call, row, operands, finalType);
}

/** include without the steps between: they would be most of the stack that nested includes take. */
function includeCall(call: Call, operands: readonly Evaluate[]): Stage {
  const { node, command } = call;
  const [name, data] = operands;
  return (frame, dot) => {
    frame.node = node;
    const called = name?.(frame, dot);
    const argument = data?.(frame, dot);
    try {
      return frame.run.include(frame, String(called), argument);
    } catch (error) {
      failCall(frame, command, 'include', error);
    }
  };
}

/** `call` is told what it calls as it is written. */
function calleeName(call: Call): Evaluate {
  const [callee] = call.operands;
  const text = callee === undefined ? undefined : nodeText(callee);
  return () => text;
}

function failingCall(node: IdentifierNode, message: string): Stage {
  return (frame) => {
    frame.node = node;
    fail(frame, message);
  };
}

function isVariadic(row: FunctionRow): boolean {
  return row.args.at(-1)?.startsWith('...') === true;
}

function arityProblem(row: FunctionRow, written: number, hasFinal: boolean): string | undefined {
  const given = written + (hasFinal ? 1 : 0);
  const want = row.args.length;
  if (isVariadic(row)) {
    return given < want - 1
      ? `wrong number of args for ${row.name}: want at least ${want - 1} got ${written}`
      : undefined;
  }
  return given === want ? undefined : `wrong number of args for ${row.name}: want ${want} got ${given}`;
}

function parameterType(row: FunctionRow, index: number): string {
  const last = row.args.length - 1;
  const type = row.args[Math.min(index, last)] ?? 'interface {}';
  return type.startsWith('...') ? type.slice(3) : type;
}

/** and, or: the first operand that decides, else the last; the piped one comes last and is not looked at. */
function shortCircuit(node: IdentifierNode, operands: readonly Evaluate[], isOr: boolean): Stage {
  return (frame, dot, final) => {
    frame.node = node;
    let value: unknown;
    for (const operand of operands) {
      value = operand(frame, dot);
      if (isTrue(value) === isOr) return value;
    }
    return typeof final === 'symbol' ? value : final;
  };
}

function invoking(call: Call, row: FunctionRow, operands: readonly Evaluate[], finalType: string | undefined): Stage {
  const run = invokeOf(row);
  const { node, command } = call;
  const [first, second] = operands;
  if (finalType === undefined && operands.length === 1 && first !== undefined) {
    return (frame, dot) => {
      frame.node = node;
      const argument = first(frame, dot);
      try {
        return guarded(frame, run.call(frame, argument));
      } catch (error) {
        failCall(frame, command, row.name, error);
      }
    };
  }
  if (finalType === undefined && operands.length === 2 && first !== undefined && second !== undefined) {
    return (frame, dot) => {
      frame.node = node;
      const left = first(frame, dot);
      const right = second(frame, dot);
      try {
        return guarded(frame, run.call(frame, left, right));
      } catch (error) {
        failCall(frame, command, row.name, error);
      }
    };
  }
  return (frame, dot, final) => {
    frame.node = node;
    const values = operands.map((operand) => operand(frame, dot));
    if (finalType !== undefined) values.push(finalType === rawType ? final : validate(frame, final, finalType));
    try {
      return guarded(frame, run.apply(frame, values));
    } catch (error) {
      failCall(frame, command, row.name, error);
    }
  };
}

function invokeOf(row: FunctionRow): Invoke {
  const run = row.run as Invoke;
  if (!slowFunctions.has(row.name)) return run;
  return function slow(this: FunctionContext, ...args: unknown[]) {
    (this as Frame).run.checkTime();
    return run.apply(this, args);
  };
}

/** Smaller results are not looked at. */
const largeText = 65_536;
const largeList = 4096;

/** A function's result as it is, unless it is too large or the time is over: what doubles in a loop must end. */
function guarded(frame: Frame, result: unknown): unknown {
  const isText = typeof result === 'string';
  if (!isText && !Array.isArray(result)) return result;
  if (result.length <= (isText ? largeText : largeList)) return result;
  frame.run.checkTime();
  if (isText) guardSize(frame.services, result.length);
  else guardItems(frame.services, result.length);
  return result;
}

function failCall(frame: Frame, command: Node, name: string, error: unknown): never {
  if (isFatal(error)) throw error;
  frame.node = command;
  fail(frame, `error calling ${name}: ${error instanceof Error ? error.message : String(error)}`, error);
}
