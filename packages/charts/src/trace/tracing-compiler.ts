/** Compiles templates that tell the tracer what they do. */

import type { Call, Stage } from '../template/calls.ts';
import { Compiler } from '../template/compiler.ts';
import { walkFields } from '../template/fields.ts';
import type { Evaluate, Execute } from '../template/frame.ts';
import type {
  BranchNode,
  ChainNode,
  DotNode,
  FieldNode,
  ListNode,
  Operand,
  PipeNode,
  Statement,
  VariableNode,
} from '../template/nodes.ts';
import type { Turn } from '../template/statements.ts';
import type { Variable } from '../template/variables.ts';
import { GoInt } from '../go/values.ts';
import type { Taint } from './provenance.ts';
import { tracerOf, type Tracer } from './tracer.ts';
import { ValuePath, type PathKey } from './value-path.ts';

/** A variable that a loop adds to again and again does not keep more origins than this. */
const taintMax = 1000;

/** Its programs are for a `TracingRun` only. */
export class TracingCompiler extends Compiler {
  /** The operands that are compiled now are those of a function. */
  private isInCall = false;

  protected override create(): Compiler {
    return new TracingCompiler(this.functions);
  }

  override statement(node: Statement): Execute {
    const execute = super.statement(node);
    return (frame, dot) => {
      const tracer = tracerOf(frame);
      tracer.begin(node);
      const { length } = tracer.ranges;
      const signal = execute(frame, dot);
      tracer.ranges.length = length;
      return signal;
    };
  }

  override branch(node: BranchNode, list: ListNode): Execute {
    const body = super.branch(node, list);
    if (node.type === 'if') {
      return (frame, dot) => {
        const { activation, read } = tracerOf(frame);
        activation.conditions.push(read);
        const signal = body(frame, dot);
        activation.conditions.pop();
        return signal;
      };
    }
    if (node.type !== 'with' || list !== node.list) return body;
    return (frame, dot) => {
      const { activation, read } = tracerOf(frame);
      const outer = activation.scope;
      activation.scope = { dot: read, around: read.filter((part) => part instanceof ValuePath) };
      const signal = body(frame, dot);
      activation.scope = outer;
      return signal;
    };
  }

  override ranged(node: BranchNode, value: Evaluate): Evaluate {
    const evaluate = super.ranged(node, value);
    return (frame, dot) => {
      const list = evaluate(frame, dot);
      const tracer = tracerOf(frame);
      tracer.ranges.push({ list, taint: tracer.read });
      return list;
    };
  }

  override turn(node: BranchNode, targets: readonly (Variable | undefined)[], body: Execute): Turn {
    const turn = super.turn(node, targets, body);
    const [first, second] = targets;
    return (frame, index, element, isInterface) => {
      const tracer = tracerOf(frame);
      const { activation } = tracer;
      const outer = activation.scope;
      const taint = elementTaint(tracer, index, element);
      activation.scope = { dot: taint, around: taint.filter((part) => part instanceof ValuePath) };
      if (first !== undefined) activation.variables.set(first.slot, index instanceof GoInt && second ? [] : taint);
      if (second !== undefined) activation.variables.set(second.slot, taint);
      const signal = turn(frame, index, element, isInterface);
      activation.scope = outer;
      return signal;
    };
  }

  override assigning(pipe: PipeNode, value: Evaluate, targets: readonly (Variable | undefined)[]): Evaluate {
    const evaluate = super.assigning(pipe, value, targets);
    return (frame, dot) => {
      const tracer = tracerOf(frame);
      const base = tracer.read.length;
      const result = evaluate(frame, dot);
      const taint = [...new Set(tracer.read.slice(base))].slice(0, taintMax);
      for (const target of targets) if (target !== undefined) tracer.activation.variables.set(target.slot, taint);
      return result;
    };
  }

  override pipeValue(pipe: PipeNode): Evaluate {
    const evaluate = super.pipeValue(pipe);
    return (frame, dot) => {
      const tracer = tracerOf(frame);
      const outer = tracer.pipeBase;
      tracer.pipeBase = tracer.read.length;
      const value = evaluate(frame, dot);
      tracer.pipeBase = outer;
      return value;
    };
  }

  override call(call: Call): Stage {
    const outer = this.isInCall;
    this.isInCall = true;
    const stage = super.call(call);
    this.isInCall = outer;
    return (frame, dot, final) => {
      const tracer = tracerOf(frame);
      const record = tracer.enterCall(call.node, call.hasFinal);
      const result = stage(frame, dot, final);
      tracer.leaveCall(record);
      return result;
    };
  }

  override argument(node: Operand, type: string): Evaluate {
    const isOperand = this.isInCall;
    this.isInCall = false;
    const evaluate = super.argument(node, type);
    this.isInCall = isOperand;
    if (!isOperand) return evaluate;
    return (frame, dot) => {
      const value = evaluate(frame, dot);
      const tracer = tracerOf(frame);
      tracer.calls.at(-1)?.ends.push(tracer.read.length);
      return value;
    };
  }

  protected override dot(node: DotNode): Evaluate {
    const evaluate = super.dot(node);
    return (frame, dot) => {
      const tracer = tracerOf(frame);
      tracer.readHeld(dot, tracer.activation.scope.dot);
      return evaluate(frame, dot);
    };
  }

  protected override field(node: FieldNode): Evaluate {
    const evaluate = super.field(node);
    return (frame, dot) => {
      tracerOf(frame).walk(dot, node.path);
      return evaluate(frame, dot);
    };
  }

  protected override variable(node: VariableNode): Evaluate {
    const evaluate = super.variable(node);
    const slot = this.resolve(node.path[0] ?? '')?.slot ?? 0;
    const path = node.path.slice(1);
    return (frame, dot) => {
      const tracer = tracerOf(frame);
      const held = frame.variables[slot];
      if (path.length > 0) tracer.walk(held, path);
      else tracer.readHeld(held, tracer.activation.variables.get(slot) ?? []);
      return evaluate(frame, dot);
    };
  }

  protected override chain(node: ChainNode): Evaluate {
    const start = this.chainStart(node);
    return (frame, dot) => {
      const receiver = start(frame, dot);
      tracerOf(frame).walk(receiver, node.path);
      return walkFields(frame, receiver, { path: node.path, node, isInterface: receiver === null });
    };
  }
}

/** What the element of the innermost range was made of. */
function elementTaint(tracer: Tracer, index: unknown, element: unknown): Taint {
  const state = tracer.ranges.at(-1);
  if (state === undefined) return [];
  const key: PathKey | undefined =
    index instanceof GoInt ? Number(index.value) : typeof index === 'string' ? index : undefined;
  if (key === undefined || tracer.provenance.of(state.list) === undefined) return state.taint;
  const taint = tracer.provenance.child(state.list, key, element);
  for (const part of taint) if (part instanceof ValuePath) part.isRead = true;
  return taint;
}
