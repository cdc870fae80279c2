/** Runs traced programs and keeps what wrote each part of their text. */

import type { Frame, Output } from '../template/frame.ts';
import type { Node } from '../template/nodes.ts';
import { TemplateRun, type TemplateRunOptions } from '../template/run.ts';
import { splitText, TracedText, withoutNoValue, type Link, type Piece } from './pieces.ts';
import { pathsOf } from './printed-values.ts';
import type { Taint } from './provenance.ts';
import type { Tracer } from './tracer.ts';
import { ValuePath } from './value-path.ts';

/** The run of a traced render. */
export class TracingRun extends TemplateRun {
  readonly tracer: Tracer;

  constructor(options: TemplateRunOptions, tracer: Tracer) {
    super(options);
    this.tracer = tracer;
  }

  override execute(name: string, data: unknown): string {
    const text = super.execute(name, data);
    this.tracer.files.set(name, withoutNoValue(this.tracer.written));
    return text;
  }

  override newOutput(): Output {
    return new TracedOutput(this);
  }

  override template(frame: Frame, name: string, dot: unknown): void {
    const { tracer } = this;
    const link = this.link(name, tracer.activation.statement);
    tracer.within(link, tracer.read, () => super.template(frame, name, dot));
  }

  override include(frame: Frame, name: string, data: unknown): string {
    const { tracer } = this;
    const record = tracer.calls.at(-1);
    const link = this.link(name, tracer.callNode(frame));
    const text = tracer.within(link, this.dotTaint(data), () => super.include(frame, name, data));
    if (record !== undefined) record.result = [tracer.written];
    return text;
  }

  override tpl(frame: Frame, text: string, data: unknown): string {
    const { tracer } = this;
    const record = tracer.calls.at(-1);
    const source = tracer.operandTaint(0);
    const link = this.link('tpl', tracer.callNode(frame), tracedSource(text, source));
    const result = tracer.within(link, this.dotTaint(data), () => super.tpl(frame, text, data));
    if (record !== undefined) {
      const written = withoutNoValue(tracer.written);
      if (written.text.trim() === '') written.asked = [...pathsOf(source), ...tracer.written.asked];
      record.result = [written];
    }
    return result;
  }

  protected override describeRead(): string {
    const path = this.tracer.read.findLast((part) => part instanceof ValuePath);
    return path === undefined ? '' : ` (${path.text()})`;
  }

  private link(name: string, node: Node | undefined, text?: TracedText): Link {
    return { name, node, parent: this.tracer.activation.link, text };
  }

  /** Of the second operand: what is handed over as `.`. */
  private dotTaint(data: unknown): Taint {
    const path = this.tracer.provenance.of(data)?.path;
    return path === undefined ? this.tracer.operandTaint(1) : [path];
  }
}

/** The text of a tpl, its lines with the values they show. */
function tracedSource(text: string, taint: Taint): TracedText | undefined {
  if (taint.length === 0) return undefined;
  const own = { node: undefined, at: 0, link: undefined, values: [], around: [] };
  return new TracedText(text, () => splitText(text, taint, own));
}

/** Of one render: what a loop writes beyond counts as written by what came before, so that the memory does not fill. */
const piecesMax = 2_000_000;

/** A text and its pieces. */
class TracedOutput implements Output {
  private readonly run: TracingRun;
  private readonly pieces: Piece[] = [];
  private written = '';

  constructor(run: TracingRun) {
    this.run = run;
  }

  write(text: string, node: Node, _frame: Frame): void {
    if (text === '') return;
    const { activation, read } = this.run.tracer;
    const own = { node, at: 0, link: activation.link, values: [], around: activation.scope.around };
    const start = this.written.length;
    this.written += text;
    this.run.count(text.length, this.written.length);
    if (node.type === 'text') this.add({ ...own, end: this.written.length });
    else for (const piece of splitText(text, read, own)) this.add({ ...piece, end: start + piece.end });
  }

  private add(piece: Piece): void {
    const { tracer } = this.run;
    const last = this.pieces.at(-1);
    if (last !== undefined && tracer.pieces >= piecesMax) {
      this.pieces[this.pieces.length - 1] = { ...last, end: piece.end };
      return;
    }
    tracer.pieces += 1;
    this.pieces.push(piece);
  }

  text(): string {
    const { pieces } = this;
    this.run.tracer.written = new TracedText(this.written, () => pieces);
    return this.written;
  }
}
