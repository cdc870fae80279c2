/** Runs templates under limits: `template`, `include` and `tpl` meet here. Source: helm pkg/engine/engine.go. */

import { FunctionError, LimitError } from '../errors.ts';
import type { Services } from '../functions/row.ts';
import { printText } from '../go/fmt.ts';
import { quote } from '../go/strconv.ts';
import { ExecError } from './exec-error.ts';
import { Frame, type Output, type Program, type Run } from './frame.ts';
import { locate, type Node } from './nodes.ts';
import { ParseError } from './parser.ts';
import { rootName, type TemplateNames } from './templates.ts';

/** The clock is read once in this many steps. */
const stepsPerCheck = 64;

/** Floats from here on are printed with an exponent. Source: Go's strconv, %v. */
const exponentFrom = 1e6;

/** Source: helm pkg/engine/engine.go, recursionMaxNums. */
const sameNameMax = 1000;

export interface TemplateRunOptions {
  readonly names: TemplateNames;
  readonly services: Services;
  readonly strict: boolean;
  readonly monotonicMs: () => number;
}

/** One render's templates; lives as long as the render. */
export class TemplateRun implements Run {
  readonly services: Services;
  readonly strict: boolean;
  private readonly names: TemplateNames;
  private readonly monotonicMs: () => number;
  private readonly deadlineMs: number;
  private readonly included = new Map<string, number>();
  private readonly exponents = new Set<string>();
  private steps = 0;
  private written = 0;

  constructor(options: TemplateRunOptions) {
    this.names = options.names;
    this.services = options.services;
    this.strict = options.strict;
    this.monotonicMs = options.monotonicMs;
    this.deadlineMs = options.monotonicMs() + options.services.limits.timeMs;
  }

  /** Runs a template and gives its text. Throws `ExecError`, `LimitError`. */
  execute(name: string, data: unknown): string {
    return this.runProgram(this.names, this.programOf(this.names, name), data, undefined);
  }

  private programOf(names: TemplateNames, name: string): Program {
    const program = names.lookup(name);
    if (program !== undefined) return program;
    throw new FunctionError(`template: no template ${quote(name)} associated with template "${rootName}"`);
  }

  private runProgram(names: TemplateNames, program: Program, data: unknown, parent: Frame | undefined): string {
    const output = this.newOutput();
    // The argument of Execute is a plain value: a nil interface is no value at all.
    const dot = data === null ? undefined : data;
    const frame = new Frame({ run: this, registry: names, program, output, dot, parent });
    this.enter(frame);
    program.body(frame, dot);
    return output.text();
  }

  private enter(frame: Frame): void {
    this.step();
    const { includeDepth } = this.services.limits;
    if (frame.depth > includeDepth) {
      throw new LimitError(`templates are nested more than ${includeDepth} levels deep at "${frame.program.name}"`);
    }
  }

  newOutput(): Output {
    return new TextOutput(this);
  }

  step(): void {
    this.steps += 1;
    if (this.steps % stepsPerCheck === 0) this.checkTime();
  }

  checkTime(): void {
    if (this.monotonicMs() <= this.deadlineMs) return;
    throw new LimitError(`the render takes longer than ${this.services.limits.timeMs} ms`);
  }

  /** Counts what a template writes; `length` is the text's so far. */
  count(characters: number, length = 0): void {
    this.written += characters;
    const { textChars } = this.services.limits;
    if (length > textChars) throw new LimitError(`a template writes more than ${textChars} characters`);
    if (this.written > this.services.limits.outputChars) {
      throw new LimitError(`the templates write more than ${this.services.limits.outputChars} characters`);
    }
  }

  /** Warns once for each place where a whole number is written with an exponent, which most readers of YAML take for a float. */
  printFloat(frame: Frame, value: number): void {
    if (Math.abs(value) < exponentFrom || !Number.isInteger(value)) return;
    const place = placeOf(frame);
    if (this.exponents.has(place)) return;
    this.exponents.add(place);
    this.services.warn(
      'FLOAT_EXPONENT',
      `${place}: the number ${value}${this.describeRead()} is written as ${printText(value)}; pipe it through int64`,
    );
  }

  /** What the number was read from, where that is known. */
  protected describeRead(): string {
    return '';
  }

  template(frame: Frame, name: string, dot: unknown): void {
    const program = frame.registry.lookup(name);
    if (program === undefined) throw new FunctionError(`template ${quote(name)} not defined`);
    const { registry, output } = frame;
    const inner = new Frame({ run: this, registry, program, output, dot, parent: frame });
    this.enter(inner);
    program.body(inner, dot);
  }

  include(frame: Frame, name: string, data: unknown): string {
    const count = this.included.get(name) ?? 0;
    if (count > sameNameMax) {
      throw new FunctionError(`rendering template has a nested reference name: ${name}: unable to execute template`);
    }
    const names = frame.registry as TemplateNames;
    const program = this.programOf(names, name);
    this.included.set(name, count + 1);
    const output = this.newOutput();
    const dot = data === null ? undefined : data;
    const inner = new Frame({ run: this, registry: names, program, output, dot, parent: frame });
    this.enter(inner);
    try {
      // Called here and not in a function of its own: every level of includes takes as little stack as it can.
      program.body(inner, dot);
    } finally {
      this.included.set(name, count);
    }
    return output.text();
  }

  tpl(frame: Frame, text: string, data: unknown): string {
    const names = (frame.registry as TemplateNames).layer();
    try {
      const parsed = names.parse(text);
      names.add(parsed);
      const own = parsed.get(rootName);
      if (own === undefined) return '';
      const output = this.runProgram(names, names.compileEntry(own), data, frame);
      return output.replaceAll('<no value>', '');
    } catch (error) {
      if (error instanceof ParseError) {
        throw new FunctionError(`cannot parse template ${quote(text)}: ${error.message}`, { cause: error });
      }
      if (!(error instanceof ExecError)) throw error;
      throw new FunctionError(`error during tpl function execution for ${quote(text)}: ${error.message}`, {
        cause: error,
      });
    }
  }
}

/** The file and line of what runs; the text of a tpl has none of its own. */
function placeOf(frame: Frame): string {
  for (let at: Frame | undefined = frame; at !== undefined; at = at.parent) {
    if (at.node !== undefined && at.node.source.name !== rootName) {
      return `${at.node.source.name}:${locate(at.node).line}`;
    }
  }
  return rootName;
}

/** The plain output: text only, counted. */
class TextOutput implements Output {
  private readonly run: TemplateRun;
  private written = '';

  constructor(run: TemplateRun) {
    this.run = run;
  }

  write(text: string, _node: Node, _frame: Frame): void {
    this.written += text;
    this.run.count(text.length, this.written.length);
  }

  text(): string {
    return this.written;
  }
}
