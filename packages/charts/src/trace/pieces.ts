/** Which part of a text was written by what, and how that survives `indent`, `quote` and the like. */

import type { Node } from '../template/nodes.ts';
import { lastAtMost } from './sorted.ts';
import { ValuePath } from './value-path.ts';

/** How a template was reached. */
export interface Link {
  /** As in `IncludeStep`. */
  readonly name: string;
  readonly node: Node | undefined;
  readonly parent: Link | undefined;
  /** The text that `tpl` runs, with what it was made of. */
  readonly text: TracedText | undefined;
}

/** A part of a text, up to `end`. */
export interface Piece {
  readonly end: number;
  /** What wrote it; undefined for a printed value, which is written by whatever prints it. */
  readonly node: Node | undefined;
  /** Where in the text of a text node it begins. */
  readonly at: number;
  readonly link: Link | undefined;
  readonly values: readonly ValuePath[];
  /** The element of the range or with around it. */
  readonly around: readonly ValuePath[];
}

interface Line {
  /** Without the white space at both ends. */
  readonly start: number;
  readonly end: number;
}

/** A text with what wrote it. */
export class TracedText {
  readonly text: string;
  /** The values that were looked at for a text that came out blank. */
  asked: readonly ValuePath[] = [];
  private readonly make: () => readonly Piece[];
  private made: readonly Piece[] | undefined;
  private ends: readonly number[] | undefined;
  private allValues: ReadonlySet<ValuePath> | undefined;
  private byContent: Map<string, Line[]> | undefined;

  constructor(text: string, make: () => readonly Piece[]) {
    this.text = text;
    this.make = make;
  }

  get pieces(): readonly Piece[] {
    this.made ??= this.make();
    return this.made;
  }

  /** The first line of that content that begins at or after `from`, else the first of all. */
  find(content: string, from: number): Line | undefined {
    const lines = this.lines().get(content);
    return lines?.find(({ start }) => start >= from) ?? lines?.[0];
  }

  private lines(): Map<string, Line[]> {
    if (this.byContent !== undefined) return this.byContent;
    const byContent = new Map<string, Line[]>();
    for (const line of linesOf(this.text)) {
      const content = this.text.slice(line.start, line.end);
      const same = byContent.get(content);
      if (same === undefined) byContent.set(content, [line]);
      else same.push(line);
    }
    this.byContent = byContent;
    return byContent;
  }

  /** The index of the piece that wrote a character. */
  pieceAt(offset: number): number {
    this.ends ??= this.pieces.map(({ end }) => end);
    const { ends } = this;
    return ends[0] === undefined || offset < ends[0] ? 0 : lastAtMost(ends, offset) + 1;
  }

  /** Every value that was read for it. */
  values(): ReadonlySet<ValuePath> {
    this.allValues ??= new Set(this.pieces.flatMap(({ values, link }) => [...values, ...tplValues(link)]));
    return this.allValues;
  }
}

/** All values of the `tpl` texts on the way to a piece. */
function tplValues(link: Link | undefined): ValuePath[] {
  const values: ValuePath[] = [];
  for (let at = link; at !== undefined; at = at.parent) if (at.text !== undefined) values.push(...at.text.values());
  return values;
}

/** The lines that are not blank. */
function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const match of text.matchAll(/[^\n]+/g)) {
    const content = match[0].trim();
    if (content === '') continue;
    const start = match.index + match[0].indexOf(content);
    lines.push({ start, end: start + content.length });
  }
  return lines;
}

/** What an action wrote, split into what the texts it was made of wrote. */
export function splitText(text: string, taint: Iterable<ValuePath | TracedText>, own: Omit<Piece, 'end'>): Piece[] {
  const texts = new Set<TracedText>();
  const values = new Set(own.values);
  for (const part of taint) {
    if (part instanceof ValuePath) values.add(part);
    else if (part.text.trim() !== '') texts.add(part);
  }
  const builder = new PieceBuilder(own);
  if (texts.size === 0) {
    builder.own(text.length, [...values]);
    return builder.pieces;
  }
  const lines = linesOf(text);
  const found = matchLines(text, lines, texts);
  const used = new Set(found.map((match) => match?.from));
  // What no line shows unchanged may be in any of the others.
  for (const from of texts) if (!used.has(from)) for (const value of from.values()) values.add(value);
  const rest = [...values];
  lines.forEach((line, index) => {
    const match = found[index];
    // White space, and quotes that were put around a line, show nothing.
    builder.own(line.start, []);
    if (match === undefined) builder.own(line.end, rest);
    else builder.copy(match.from, match.line);
  });
  builder.own(text.length, []);
  return builder.pieces;
}

interface Match {
  readonly from: TracedText;
  readonly line: Line;
}

/** For each line the line of a text that it shows, in order where it can be. */
function matchLines(text: string, lines: readonly Line[], texts: ReadonlySet<TracedText>): (Match | undefined)[] {
  const reached = new Map<TracedText, number>();
  // The text of the line before is tried first: lines of one text stand together.
  let order = [...texts];
  return lines.map(({ start, end }) => {
    const content = text.slice(start, end);
    for (const from of order) {
      const line = from.find(content, reached.get(from) ?? 0) ?? quotedLine(from, content);
      if (line === undefined) continue;
      reached.set(from, line.end);
      if (from !== order[0]) order = [from, ...order.filter((other) => other !== from)];
      return { from, line };
    }
    return undefined;
  });
}

const quotes = /^(["']+)(.*)\1$/s;

/** A line that `quote` or `squote` put quotes around. */
function quotedLine(from: TracedText, content: string): Line | undefined {
  const inner = quotes.exec(content)?.[2];
  return inner === undefined || inner.trim() === '' ? undefined : from.find(inner.trim(), 0);
}

class PieceBuilder {
  readonly pieces: Piece[] = [];
  private readonly base: Omit<Piece, 'end'>;
  private end = 0;

  constructor(base: Omit<Piece, 'end'>) {
    this.base = base;
  }

  /** Up to `end` the action itself. */
  own(end: number, values: readonly ValuePath[]): void {
    if (end > this.end) this.push({ ...this.base, values, end });
  }

  /** The pieces of a line; the last one is stretched over quotes that were put around it. */
  copy(from: TracedText, line: Line): void {
    const { pieces } = from;
    const first = from.pieceAt(line.start);
    let start = pieces[first - 1]?.end ?? 0;
    for (let index = first; index < pieces.length; index += 1) {
      const piece = pieces[index];
      if (piece === undefined) break;
      if (piece.end > line.start && start < line.end) {
        const length = Math.min(piece.end, line.end) - Math.max(start, line.start);
        const skipped = Math.max(0, line.start - start);
        const end = this.end + length;
        const values = piece.values;
        if (piece.node === undefined) this.push({ ...this.base, values, end });
        else this.push({ ...piece, at: piece.at + skipped, end });
      }
      start = piece.end;
      if (start >= line.end) break;
    }
  }

  private push(piece: Piece): void {
    this.pieces.push(piece);
    this.end = piece.end;
  }
}

/** A text as `replaceAll('<no value>', '')` leaves it. */
export function withoutNoValue(traced: TracedText): TracedText {
  const { text } = traced;
  const mark = '<no value>';
  if (!text.includes(mark)) return traced;
  return new TracedText(text.replaceAll(mark, ''), () => {
    const cuts = [...text.matchAll(new RegExp(mark, 'g'))].map(({ index }) => index);
    const pieces: Piece[] = [];
    let start = 0;
    for (const piece of traced.pieces) {
      const lost = (offset: number): number =>
        cuts.reduce((sum, cut) => sum + Math.max(0, Math.min(offset - cut, mark.length)), 0);
      const end = piece.end - lost(piece.end);
      if (end > start) pieces.push({ ...piece, end });
      start = end;
    }
    return pieces;
  });
}
