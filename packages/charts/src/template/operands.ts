/** Compiles operands: what a command's arguments and a pipeline's first words evaluate to. */

import { GoComplex, goInt } from '../go/values.ts';
import { fail } from './exec-error.ts';
import type { Evaluate, Frame } from './frame.ts';
import { nodeText, type NumberNode, type Operand } from './nodes.ts';
import { anyType, canBeNil, nilOf, rawType, validate } from './types.ts';

/** Evaluates a constant and marks the place, as Go's `s.at` does. */
function constant(node: Operand, value: unknown): Evaluate {
  return (frame) => {
    frame.node = node;
    return value;
  };
}

/** Always fails at the operand. */
export function failing(node: Operand, message: string): Evaluate {
  return (frame) => {
    frame.node = node;
    fail(frame, message);
  };
}

/** A number where no type is wanted: its spelling decides. */
export function idealConstant(node: NumberNode): Evaluate {
  const { text, complex, float, int, uint } = node;
  if (complex !== undefined) return constant(node, new GoComplex(complex.re, complex.im));
  const isHexInt = /^0[xX]./.test(text) && !/[pP]/.test(text);
  if (float !== undefined && !isHexInt && !text.startsWith("'") && /[.eEpP]/.test(text)) return constant(node, float);
  if (int !== undefined) return constant(node, goInt(int));
  if (uint !== undefined) return failing(node, `${text} overflows int`);
  return constant(node, undefined);
}

/** A literal given for a parameter type. Source: text/template evalArg and what it calls. */
export function literalArgument(node: Operand, type: string): Evaluate {
  if (node.type === 'nil') {
    return canBeNil(type)
      ? (frame) => {
          frame.node = node;
          return nilOf(type);
        }
      : failing(node, `cannot assign nil to ${type}`);
  }
  if (type === anyType || type === rawType) return literal(node);
  switch (type) {
    case 'bool':
      return node.type === 'bool' ? constant(node, node.value) : expected(node, 'bool');
    case 'string':
      return node.type === 'string' ? constant(node, node.value) : expected(node, 'string');
    case 'int':
    case 'int64':
      return node.type === 'number' && node.int !== undefined
        ? constant(node, Number(node.int))
        : expected(node, 'integer');
    case 'uint32':
    case 'uint64':
      return node.type === 'number' && node.uint !== undefined
        ? constant(node, Number(BigInt.asUintN(type === 'uint32' ? 32 : 64, node.uint)))
        : expected(node, 'unsigned integer');
    case 'float64':
      return node.type === 'number' && node.float !== undefined ? constant(node, node.float) : expected(node, 'float');
    default:
      return failing(node, `can't handle ${nodeText(node)} for arg of type ${type}`);
  }
}

function expected(node: Operand, what: string): Evaluate {
  return failing(node, `expected ${what}; found ${nodeText(node)}`);
}

/** A literal as a value of its own. */
export function literal(node: Operand): Evaluate {
  switch (node.type) {
    case 'bool':
    case 'string':
      return constant(node, node.value);
    case 'number':
      return idealConstant(node);
    default:
      return failing(node, `can't handle assignment of ${nodeText(node)} to empty interface argument`);
  }
}

/** Checks an evaluated operand against the parameter's type. */
export function typed(evaluate: Evaluate, type: string): Evaluate {
  if (type === rawType) return evaluate;
  if (type === 'string') {
    return (frame: Frame, dot) => {
      const value = evaluate(frame, dot);
      return typeof value === 'string' ? value : validate(frame, value, type);
    };
  }
  return (frame: Frame, dot) => validate(frame, evaluate(frame, dot), type);
}
