/** What a traced render knows while it runs: who is running, what was read for the current action. */

import type { Node, Statement, Tree } from '../template/nodes.ts';
import type { Frame } from '../template/frame.ts';
import { TracedText, type Link } from './pieces.ts';
import { pathsOf } from './printed-values.ts';
import { isContainer, isView, Provenance, type Taint } from './provenance.ts';
import { ValuePath } from './value-path.ts';

/** What `.` was made of in a with or range, or in a template that was called. */
export interface Scope {
  readonly dot: Taint;
  readonly around: readonly ValuePath[];
}

/** One template that is running. */
export interface Activation {
  readonly link: Link | undefined;
  scope: Scope;
  /** Read by the conditions around the current statement, innermost last. */
  readonly conditions: Taint[];
  statement: Statement | undefined;
  /** What variables were made of, by slot. */
  readonly variables: Map<number, Taint>;
}

/** One function call whose operands are being evaluated. */
export interface CallRecord {
  readonly node: Node;
  /** How much had been read before it and before what is piped into it. */
  readonly base: number;
  /** How much had been read after each operand. */
  readonly ends: number[];
  /** How much had been read before its own operands. */
  readonly start: number;
  /** Stands for all that was read, when the call knows better. */
  result: Taint | undefined;
}

/** What a range goes through. */
interface RangeState {
  readonly list: unknown;
  readonly taint: Taint;
}

/** So many are remembered of one template. */
const askedMax = 20;

/** The state of one traced render; each method is called by what the compiler and the functions do. */
export class Tracer {
  readonly provenance = new Provenance();
  readonly ran = new Set<Statement>();
  /** What each template file defines, by path. */
  readonly trees = new Map<string, readonly Tree[]>();
  /** Rendered templates by path. */
  readonly files = new Map<string, TracedText>();
  activation: Activation = newActivation(undefined, { dot: [], around: [] });
  /** Read for the current statement. */
  read: (ValuePath | TracedText)[] = [];
  readonly calls: CallRecord[] = [];
  readonly ranges: RangeState[] = [];
  /** Pieces of all texts so far. */
  pieces = 0;
  /** How much had been read when the current pipeline began. */
  pipeBase = 0;
  /** Values that were looked at since the running template began. */
  asked: ValuePath[] = [];
  /** The text whose template ended last. */
  written = new TracedText('', () => []);

  begin(statement: Statement): void {
    this.ran.add(statement);
    this.activation.statement = statement;
    this.read = [];
    this.pipeBase = 0;
  }

  /** Runs a template for `link`; when it fails, what was running stays known. */
  within<Result>(link: Link, dot: Taint, run: () => Result): Result {
    const { activation, read, pipeBase, asked } = this;
    this.asked = [];
    this.written = new TracedText('', () => []);
    this.activation = newActivation(link, { dot, around: dot.filter((part) => part instanceof ValuePath) });
    const result = run();
    if (this.written.text.trim() === '') this.written.asked = this.asked;
    this.asked = [...asked, ...this.asked].slice(0, askedMax);
    this.activation = activation;
    this.read = read;
    this.pipeBase = pipeBase;
    return result;
  }

  push(taint: Taint): void {
    for (const part of taint) {
      this.read.push(part);
      if (!(part instanceof ValuePath)) continue;
      part.isRead = true;
      if (this.asked.length < askedMax) this.asked.push(part);
    }
  }

  /** Follows keys from a value. */
  walk(receiver: unknown, names: readonly (string | number)[]): void {
    let current = receiver;
    let taint: Taint = [];
    for (const [index, name] of names.entries()) {
      if (isView(current) && typeof name === 'string' && viewMethods.has(name)) {
        if (name !== 'AsMap') this.consume(current);
        return;
      }
      if (!isContainer(current)) {
        // Below a value that is not there, or that has no keys: the path is what was asked for.
        if (taint.length === 1 && taint[0] instanceof ValuePath) {
          this.push([names.slice(index).reduce<ValuePath>((path, key) => path.child(key), taint[0])]);
        }
        return;
      }
      const item: unknown = Array.isArray(current) ? current[Number(name)] : current.get(String(name));
      taint = this.provenance.child(current, name, item);
      current = item;
    }
    this.push(taint);
  }

  /** A value that a variable or `.` holds. */
  readHeld(value: unknown, held: Taint): void {
    const path = this.provenance.of(value)?.path;
    this.push(path === undefined ? held : [path]);
  }

  /** All of a container is used. */
  consume(value: unknown): void {
    if (!isContainer(value)) return;
    const all = this.provenance.all(value);
    for (const path of pathsOf(all)) path.isReadWhole = true;
    this.push(all);
  }

  enterCall(node: Node, isPiped: boolean): CallRecord {
    const start = this.read.length;
    const record: CallRecord = { node, base: isPiped ? this.pipeBase : start, ends: [], start, result: undefined };
    this.calls.push(record);
    return record;
  }

  leaveCall(record: CallRecord): void {
    this.calls.pop();
    if (record.result === undefined) return;
    this.read.length = record.base;
    this.push(record.result);
  }

  /** What an operand was made of; the piped one comes after those that are written. */
  operandTaint(index: number): Taint {
    const record = this.calls.at(-1);
    if (record === undefined) return [];
    const end = record.ends[index];
    if (end === undefined) return index === record.ends.length ? this.read.slice(record.base, record.start) : [];
    return this.read.slice(record.ends[index - 1] ?? record.start, end);
  }

  /** Where the running include or tpl was called. */
  callNode(frame: Frame): Node | undefined {
    return this.calls.at(-1)?.node ?? frame.node;
  }
}

const viewMethods: ReadonlySet<string> = new Set(['AsMap', 'Table', 'PathValue', 'YAML']);

function newActivation(link: Link | undefined, scope: Scope): Activation {
  return { link, scope, conditions: [], statement: undefined, variables: new Map() };
}

/** The tracer of a frame that runs in a traced render. */
export function tracerOf(frame: Frame): Tracer {
  // Traced programs are run by traced runs only: see `tracing-run.ts`.
  return (frame.run as unknown as { readonly tracer: Tracer }).tracer;
}
