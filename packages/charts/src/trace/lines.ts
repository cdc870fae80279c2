/** From a line of rendered text to what wrote it. */

import type { Piece, TracedText } from './pieces.ts';
import { startsOf } from './places.ts';
import { lastAtMost } from './sorted.ts';
import type { ValuePath } from './value-path.ts';

/** What wrote a line: the piece of its first character that is not blank, and every value that is in it. */
export interface TracedLine {
  readonly piece: Piece;
  /** Where in the piece's text the line begins. */
  readonly offset: number;
  readonly values: readonly ValuePath[];
}

/** The lines of one rendered file. */
export class TracedLines {
  private readonly traced: TracedText;
  private readonly starts: readonly number[];

  constructor(traced: TracedText) {
    this.traced = traced;
    this.starts = startsOf(traced.text);
  }

  /** Line from 1. */
  line(line: number): TracedLine | undefined {
    const { text, pieces } = this.traced;
    const start = this.starts[line - 1];
    if (start === undefined || pieces.length === 0) return undefined;
    const end = Math.min(text.length, (this.starts[line] ?? text.length + 1) - 1);
    const content = text.slice(start, end);
    const first = start + content.length - content.trimStart().length;
    const index = this.traced.pieceAt(Math.min(first, text.length - 1));
    const piece = pieces[index];
    if (piece === undefined) return undefined;
    const offset = piece.at + Math.max(first, this.startOf(index)) - this.startOf(index);
    return { piece, offset, values: this.valuesOf(index, { start, end }, piece) };
  }

  private startOf(index: number): number {
    return index === 0 ? 0 : (this.traced.pieces[index - 1]?.end ?? 0);
  }

  /** Of the line that an offset is in. */
  valuesAt(offset: number): readonly ValuePath[] {
    return this.line(lastAtMost(this.starts, offset) + 1)?.values ?? [];
  }

  private valuesOf(first: number, { start, end }: { start: number; end: number }, piece: Piece): ValuePath[] {
    const { text, pieces } = this.traced;
    const values = new Set<ValuePath>();
    for (let index = first; index < pieces.length && this.startOf(index) < end; index += 1) {
      const part = pieces[index];
      if (part === undefined) break;
      const from = this.startOf(index);
      const isShown = index === first || text.slice(from, Math.min(part.end, end)).trim() !== '';
      if (!isShown) continue;
      const offset = part.at + Math.max(from, start) - from;
      for (const value of [...part.values, ...tplValues(part, offset)]) values.add(value);
    }
    const found = values.size === 0 ? piece.around : [...values];
    return found.filter((value) => isShown(value, found));
  }
}

/** The values of the `tpl` texts on the way to a piece, of the line that ran. */
function tplValues(piece: Piece, offset: number): ValuePath[] {
  const values: ValuePath[] = [];
  let { node } = piece;
  let within = node?.type === 'text' ? offset : 0;
  for (let link = piece.link; link !== undefined; link = link.parent) {
    if (link.text !== undefined && node !== undefined) {
      values.push(...linesOf(link.text).valuesAt(node.at + within));
    }
    ({ node } = link);
    within = 0;
  }
  return values;
}

const linesOfTexts = new WeakMap<TracedText, TracedLines>();

function linesOf(text: TracedText): TracedLines {
  const known = linesOfTexts.get(text);
  if (known !== undefined) return known;
  const lines = new TracedLines(text);
  linesOfTexts.set(text, lines);
  return lines;
}

/** False for the root, and for a table of which only a part was read. */
export function isShown(value: ValuePath, all: readonly ValuePath[]): boolean {
  return value.depth > 0 && !all.some((other) => value.isAbove(other));
}
