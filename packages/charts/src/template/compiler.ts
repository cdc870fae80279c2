/** Compiles parse trees to closures once; running them touches no text. Source: Go's text/template/exec.go. */

import type { FunctionRow } from '../functions/row.ts';
import { compileCall, type Call, type Stage } from './calls.ts';
import { fail } from './exec-error.ts';
import { walkFields, type CallOperands } from './fields.ts';
import type { Evaluate, Execute, Frame, Program } from './frame.ts';
import {
  nodeText,
  type ChainNode,
  type BranchNode,
  type CommandNode,
  type DotNode,
  type FieldNode,
  type IdentifierNode,
  type ListNode,
} from './nodes.ts';
import type { Operand, PipeNode, Statement, Tree, VariableNode } from './nodes.ts';
import { idealConstant, literal, literalArgument, typed } from './operands.ts';
import { compileList, compileStatement, rangeTurn, type Turn } from './statements.ts';
import { validate } from './types.ts';
import { isInterfaceVariable, missing, readVariable, setVariable, type Variable } from './variables.ts';

/** Compiles one tree with a compiler that is used for nothing else. Unknown functions were refused by the parser. */
export function compileWith(compiler: Compiler, tree: Tree): Program {
  const body = compiler.body(tree.root);
  return { name: tree.name, tree, slots: compiler.slots, body };
}

/**
 * Knows the variables in scope; each keeps its slot for the whole template. What a traced render watches (statements,
 * bodies, reads, calls) goes through methods of its own, so that its compiler can wrap them: others pay nothing.
 */
export class Compiler {
  slots = 1;
  readonly functions: ReadonlyMap<string, FunctionRow>;
  private readonly variables: { readonly name: string; readonly variable: Variable }[] = [
    { name: '$', variable: { slot: 0, flagSlot: undefined } },
  ];

  constructor(functions: ReadonlyMap<string, FunctionRow>) {
    this.functions = functions;
  }

  body(list: ListNode): Execute {
    return compileList(this, list);
  }

  statement(node: Statement): Execute {
    return compileStatement(this, node);
  }

  /** A body of `if` or `with`, or the `else` of any branch. */
  branch(_node: BranchNode, list: ListNode): Execute {
    return this.body(list);
  }

  /** One turn of a range. */
  turn(_node: BranchNode, targets: readonly (Variable | undefined)[], body: Execute): Turn {
    return rangeTurn(targets, body);
  }

  /** What a range goes through. */
  ranged(_node: BranchNode, value: Evaluate): Evaluate {
    return value;
  }

  call(call: Call): Stage {
    return compileCall(this, call);
  }

  /** The variables declared by `compile` end with it. */
  scoped<Result>(compile: () => Result): Result {
    const mark = this.variables.length;
    const result = compile();
    this.variables.length = mark;
    return result;
  }

  declare(name: string, isRange: boolean): Variable {
    const variable: Variable = { slot: this.slots, flagSlot: isRange ? this.slots + 1 : undefined };
    this.slots += isRange ? 2 : 1;
    this.variables.push({ name, variable });
    return variable;
  }

  resolve(name: string): Variable | undefined {
    return this.variables.findLast((entry) => entry.name === name)?.variable;
  }

  /** A pipeline's value: nil is "no value" here. Its variables are set, and stay in scope. */
  pipe(pipe: PipeNode): Evaluate {
    const value = this.pipeValue(pipe);
    if (pipe.decl.length === 0) return value;
    return this.assigning(pipe, value, this.targets(pipe, false));
  }

  /** Where a pipeline's declarations go: new slots, or those of the variables assigned. */
  targets(pipe: PipeNode, isRange: boolean): (Variable | undefined)[] {
    return pipe.decl.map((node) => {
      const name = node.path[0] ?? '';
      return pipe.isAssign ? this.resolve(name) : this.declare(name, isRange);
    });
  }

  assigning(pipe: PipeNode, value: Evaluate, targets: readonly (Variable | undefined)[]): Evaluate {
    return (frame, dot) => {
      const result = value(frame, dot);
      targets.forEach((target, index) => {
        if (target === undefined) fail(frame, `undefined variable: ${pipe.decl[index]?.path[0] ?? ''}`);
        setVariable(frame, target, result, false);
      });
      return result;
    };
  }

  /** A pipeline's value without its declarations. */
  pipeValue(pipe: PipeNode): Evaluate {
    const [first, ...others] = pipe.commands.map((command, index) => this.command(command, index > 0));
    if (first === undefined) return () => undefined;
    if (others.length === 0) {
      return (frame, dot) => {
        frame.node = pipe;
        const value = first(frame, dot, missing);
        return value === null ? undefined : value;
      };
    }
    return (frame, dot) => {
      frame.node = pipe;
      let value = first(frame, dot, missing);
      if (value === null) value = undefined;
      for (const stage of others) {
        value = stage(frame, dot, value);
        if (value === null) value = undefined;
      }
      return value;
    };
  }

  private command(command: CommandNode, hasFinal: boolean): Stage {
    const [first] = command.args;
    if (first === undefined) return () => undefined;
    switch (first.type) {
      case 'field':
        return this.fieldCommand(first, command, hasFinal);
      case 'chain':
        return this.chainCommand(first, command, hasFinal);
      case 'variable':
        return this.variableCommand(first, command, hasFinal);
      case 'identifier':
        return this.call({ node: first, command, operands: command.args.slice(1), hasFinal });
      case 'pipe':
        return this.plainCommand(command, hasFinal, this.pipe(first), false);
      case 'dot':
        return this.plainCommand(command, hasFinal, this.dot(first), true);
      case 'nil':
        return this.plainCommand(command, hasFinal, (frame) => fail(frame, 'nil is not a command'), true);
      default:
        return this.plainCommand(command, hasFinal, literal(first), true);
    }
  }

  /** A command that is no function: it takes no operands. */
  private plainCommand(command: CommandNode, hasFinal: boolean, evaluate: Evaluate, marksNode: boolean): Stage {
    const [first] = command.args;
    const takesOperands = command.args.length > 1 || hasFinal;
    if (takesOperands) {
      return (frame) => {
        if (marksNode && first !== undefined) frame.node = first;
        notAFunction(frame, command);
      };
    }
    return (frame, dot) => {
      if (marksNode && first !== undefined) frame.node = first;
      return evaluate(frame, dot);
    };
  }

  private fieldCommand(node: FieldNode, command: CommandNode, hasFinal: boolean): Stage {
    if (command.args.length === 1 && !hasFinal) return this.field(node);
    const operands = this.callOperands(command);
    return (frame, dot, final) => {
      frame.node = node;
      return walkFields(frame, dot, {
        path: node.path,
        node,
        isInterface: frame.isDotInterface,
        operands: operands(frame, dot, final),
      });
    };
  }

  private chainCommand(node: ChainNode, command: CommandNode, hasFinal: boolean): Stage {
    if (command.args.length === 1 && !hasFinal) return this.chain(node);
    const start = this.chainStart(node);
    const operands = this.callOperands(command);
    return (frame, dot, final) => {
      const receiver = start(frame, dot);
      return walkFields(frame, receiver, {
        path: node.path,
        node,
        isInterface: receiver === null,
        operands: operands(frame, dot, final),
      });
    };
  }

  private variableCommand(node: VariableNode, command: CommandNode, hasFinal: boolean): Stage {
    if (command.args.length === 1 && !hasFinal) return this.variable(node);
    if (node.path.length === 1) return this.plainCommand(command, hasFinal, this.variable(node), true);
    const variable = this.resolve(node.path[0] ?? '');
    const path = node.path.slice(1);
    const operands = this.callOperands(command);
    return (frame, dot, final) => {
      frame.node = node;
      const value = readVariable(frame, variable, node);
      return walkFields(frame, value, {
        path,
        node,
        isInterface: isInterfaceVariable(frame, variable),
        operands: operands(frame, dot, final),
      });
    };
  }

  /** Operands whose types are known only when the method is found. */
  private callOperands(command: CommandNode): (frame: Frame, dot: unknown, final: unknown) => CallOperands {
    const nodes = command.args.slice(1);
    const compiled = nodes.map(() => new Map<string, Evaluate>());
    const scope = this.snapshot();
    return (frame, dot, final) => ({
      count: nodes.length,
      hasFinal: final !== missing,
      evaluate: (index, type) => {
        const node = nodes[index];
        if (node === undefined) return validate(frame, final, type);
        const byType = compiled[index] ?? new Map<string, Evaluate>();
        const evaluate = byType.get(type) ?? scope.argument(node, type);
        byType.set(type, evaluate);
        return evaluate(frame, dot);
      },
    });
  }

  /** This compiler with the variables that are in scope now, for what is compiled when it first runs. */
  private snapshot(): Compiler {
    const copy = this.create();
    copy.variables.splice(0, copy.variables.length, ...this.variables);
    copy.slots = this.slots;
    return copy;
  }

  protected create(): Compiler {
    return new Compiler(this.functions);
  }

  /** An operand of a function, for a parameter's type. */
  argument(node: Operand, type: string): Evaluate {
    switch (node.type) {
      case 'dot':
        return typed(this.dot(node), type);
      case 'field':
        return typed(this.field(node), type);
      case 'variable':
        return typed(this.variable(node), type);
      case 'pipe': {
        const value = this.pipe(node);
        return typed(value, type);
      }
      case 'identifier':
        return typed(this.identifier(node), type);
      case 'chain':
        return typed(this.chain(node), type);
      default:
        return literalArgument(node, type);
    }
  }

  protected dot(node: DotNode): Evaluate {
    return (frame, dot) => {
      frame.node = node;
      return dot;
    };
  }

  protected field(node: FieldNode): Evaluate {
    const { path } = node;
    return (frame, dot) => {
      frame.node = node;
      return walkFields(frame, dot, { path, node, isInterface: frame.isDotInterface });
    };
  }

  private identifier(node: IdentifierNode): Evaluate {
    const call = this.call({ node, command: node, operands: [], hasFinal: false });
    return (frame, dot) => call(frame, dot, missing);
  }

  protected variable(node: VariableNode): Evaluate {
    const variable = this.resolve(node.path[0] ?? '');
    if (node.path.length === 1) {
      return (frame) => {
        frame.node = node;
        return readVariable(frame, variable, node);
      };
    }
    const path = node.path.slice(1);
    return (frame) => {
      frame.node = node;
      const value = readVariable(frame, variable, node);
      return walkFields(frame, value, { path, node, isInterface: isInterfaceVariable(frame, variable) });
    };
  }

  protected chain(node: ChainNode): Evaluate {
    const start = this.chainStart(node);
    return (frame, dot) => {
      const receiver = start(frame, dot);
      return walkFields(frame, receiver, { path: node.path, node, isInterface: receiver === null });
    };
  }

  protected chainStart(node: ChainNode): Evaluate {
    if (node.node.type === 'nil') {
      return (frame) => {
        frame.node = node;
        fail(frame, 'indirection through explicit nil in nil');
      };
    }
    const start = node.node.type === 'number' ? idealConstant(node.node) : this.argument(node.node, 'reflect.Value');
    return (frame, dot) => {
      frame.node = node;
      return start(frame, dot);
    };
  }
}

function notAFunction(frame: Frame, command: CommandNode): never {
  const [first] = command.args;
  return fail(frame, `can't give argument to non-function ${first === undefined ? '' : nodeText(first)}`);
}
