/** Template variables: slots of the frame, resolved when the template is compiled. */

import { fail } from './exec-error.ts';
import { unset, type Frame } from './frame.ts';
import type { VariableNode } from './nodes.ts';

/** Where a variable lives. A range variable has a second slot: whether its static type is `interface {}`. */
export interface Variable {
  readonly slot: number;
  readonly flagSlot: number | undefined;
}

/** No value was piped into a command. */
export const missing: unique symbol = Symbol('missing');

export function setVariable(frame: Frame, variable: Variable, value: unknown, isInterface: boolean): void {
  frame.variables[variable.slot] = value;
  if (variable.flagSlot !== undefined) frame.variables[variable.flagSlot] = isInterface;
}

export function readVariable(frame: Frame, variable: Variable | undefined, node: VariableNode): unknown {
  const value = variable === undefined ? unset : frame.variables[variable.slot];
  if (value === unset) fail(frame, `undefined variable: ${node.path[0] ?? ''}`);
  return value;
}

export function isInterfaceVariable(frame: Frame, variable: Variable | undefined): boolean {
  return variable?.flagSlot !== undefined && frame.variables[variable.flagSlot] === true;
}
