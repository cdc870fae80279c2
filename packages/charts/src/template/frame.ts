/** What running templates share: the run with its limits, the frame of one template, the registry of names. */

import type { FunctionContext, Services } from '../functions/row.ts';
import type { Node, Tree } from './nodes.ts';

/** 0 goes on, 1 leaves the range, 2 starts its next turn. */
export type Signal = 0 | 1 | 2;
export type Execute = (frame: Frame, dot: unknown) => Signal;
export type Evaluate = (frame: Frame, dot: unknown) => unknown;

/** A compiled template: writes to the frame's output. */
export interface Program {
  readonly name: string;
  readonly tree: Tree;
  readonly slots: number;
  readonly body: Execute;
}

/** Names known to a running template; a `tpl` adds its own on top. */
export interface Registry {
  lookup(name: string): Program | undefined;
}

/** Receives what templates write. */
export interface Output {
  write(text: string, node: Node, frame: Frame): void;
  text(): string;
}

/** What one render has in common. */
export interface Run {
  readonly services: Services;
  /** Missing map keys are errors. */
  readonly strict: boolean;
  newOutput(): Output;
  /** Called in every loop and call. Throws `LimitError` when the time is over. */
  step(): void;
  /** The same without counting, before what takes long by itself. */
  checkTime(): void;
  /** Runs another template into the caller's output. */
  template(frame: Frame, name: string, dot: unknown): void;
  include(frame: Frame, name: string, data: unknown): string;
  tpl(frame: Frame, text: string, data: unknown): string;
  /** A float64 becomes text. */
  printFloat(frame: Frame, value: number): void;
}

export interface FrameOptions {
  readonly run: Run;
  readonly registry: Registry;
  readonly program: Program;
  readonly output: Output;
  /** The argument: `$`. */
  readonly dot: unknown;
  readonly parent: Frame | undefined;
}

/** A variable that was never assigned. */
export const unset: unique symbol = Symbol('unset');

/** One running template; also `this` of the functions it calls. */
export class Frame implements FunctionContext {
  readonly run: Run;
  readonly registry: Registry;
  readonly program: Program;
  readonly output: Output;
  readonly variables: unknown[];
  readonly depth: number;
  /** The caller, for the include stack. */
  readonly parent: Frame | undefined;
  readonly services: Services;
  /** The node reported by errors: the last one looked at. */
  node: Node | undefined = undefined;
  /** True where dot is an element of a container of interfaces: errors then name its static type. */
  isDotInterface = false;

  constructor(options: FrameOptions) {
    this.run = options.run;
    this.services = options.run.services;
    this.registry = options.registry;
    this.program = options.program;
    this.output = options.output;
    this.parent = options.parent;
    this.depth = options.parent === undefined ? 0 : options.parent.depth + 1;
    this.variables = [options.dot];
    for (let slot = 1; slot < options.program.slots; slot += 1) this.variables.push(unset);
  }

  include(name: string, data: unknown): string {
    return this.run.include(this, name, data);
  }

  tpl(text: string, data: unknown): string {
    return this.run.tpl(this, text, data);
  }

  printing(values: readonly unknown[]): void {
    for (const value of values) if (typeof value === 'number') this.run.printFloat(this, value);
  }
}
