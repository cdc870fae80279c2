/** Fields, map keys and methods: `.a.b`, `$x.a`, `(…).a`. Source: text/template evalField. */

import { anyType } from './types.ts';
import { zeroOf } from './zero.ts';
import { fail, isFatal } from './exec-error.ts';
import type { Frame } from './frame.ts';
import type { Node } from './nodes.ts';
import { GoObject, tagOf, typeName, type GoMap, type GoMethod } from '../go/values.ts';

/** A value with what Go knows statically: true when its type there is `interface {}`. */
interface Step {
  value: unknown;
  isInterface: boolean;
}

/** The operands of a call, evaluated only when the last name is a method. */
export interface CallOperands {
  /** How many are written after the name. */
  readonly count: number;
  readonly hasFinal: boolean;
  /** Evaluates operand `index` for a parameter type; the piped value comes last. */
  evaluate(index: number, type: string): unknown;
}

const noOperands: CallOperands = { count: 0, hasFinal: false, evaluate: () => undefined };

/** Walks `path` from `receiver`. The operands go to the last name, which must then be a method. */
export function walkFields(
  frame: Frame,
  receiver: unknown,
  options: { path: readonly string[]; node: Node; isInterface: boolean; operands?: CallOperands },
): unknown {
  const { path, node } = options;
  const step: Step = { value: receiver, isInterface: options.isInterface };
  const last = path.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const name = path[index] ?? '';
    const operands = index === last ? (options.operands ?? noOperands) : noOperands;
    const { value } = step;
    // The common case first: a key of a plain map.
    if (value instanceof Map && tagOf(value) === undefined && operands === noOperands) {
      const found: unknown = value.get(name);
      if (found === undefined && frame.run.strict) fail(frame, `map has no entry for key "${name}"`);
      step.value = found === undefined ? null : found;
      step.isInterface = true;
    } else {
      evalField(frame, step, name, node, operands);
    }
  }
  return step.value;
}

function evalField(frame: Frame, step: Step, name: string, node: Node, operands: CallOperands): void {
  const { value } = step;
  if (value === undefined) {
    if (frame.run.strict) fail(frame, `nil data; no entry for key "${name}"`);
    step.isInterface = true;
    step.value = undefined;
    return;
  }
  if (value === null) fail(frame, `nil pointer evaluating ${anyType}.${name}`);
  const method = methodOf(value, name);
  if (method !== undefined) {
    step.value = callMethod(frame, method, name, node, operands);
    step.isInterface = false;
    return;
  }
  const hasOperands = operands.count > 0 || operands.hasFinal;
  if (value instanceof Map) {
    if (hasOperands) fail(frame, `${name} is not a method but has arguments`);
    mapField(frame, step, value, name);
    return;
  }
  if (value instanceof GoObject) {
    const field = value.field(name);
    if (field !== undefined) {
      if (hasOperands) fail(frame, `${name} has arguments but cannot be invoked as function`);
      step.value = field;
      step.isInterface = false;
      return;
    }
  }
  fail(frame, `can't evaluate field ${name} in type ${step.isInterface ? anyType : typeName(value)}`);
}

function mapField(frame: Frame, step: Step, map: GoMap, name: string): void {
  const elem = tagOf(map)?.elem ?? anyType;
  const found = map.get(name);
  if (found === undefined && frame.run.strict) fail(frame, `map has no entry for key "${name}"`);
  step.isInterface = elem === anyType;
  step.value = found === undefined ? zeroOf(elem) : found;
}

function methodOf(value: unknown, name: string): GoMethod | undefined {
  if (value instanceof GoObject) return value.method(name);
  if (value instanceof Map || Array.isArray(value)) {
    const methods = tagOf(value)?.methods;
    return methods !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined;
  }
  return undefined;
}

function callMethod(frame: Frame, method: GoMethod, name: string, node: Node, operands: CallOperands): unknown {
  const { args } = method;
  const given = operands.count + (operands.hasFinal ? 1 : 0);
  const rest = args.at(-1)?.startsWith('...') === true ? args.at(-1)?.slice(3) : undefined;
  if (rest === undefined && given !== args.length) {
    fail(frame, `wrong number of args for ${name}: want ${args.length} got ${given}`);
  }
  if (rest !== undefined && given < args.length - 1) {
    fail(frame, `wrong number of args for ${name}: want at least ${args.length - 1} got ${operands.count}`);
  }
  const values = Array.from({ length: given }, (_, index) => {
    const type = rest !== undefined && index >= args.length - 1 ? rest : (args[index] ?? anyType);
    return operands.evaluate(index, type);
  });
  try {
    return method.run(...(values as never[]));
  } catch (error) {
    if (isFatal(error)) throw error;
    frame.node = node;
    fail(frame, `error calling ${name}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
