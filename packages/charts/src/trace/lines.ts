/** From a line of rendered text to what wrote it. */

import { linkValues, type Piece, type TracedText } from './pieces.ts';
import { startsOf } from './places.ts';
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
    return { piece, offset, values: this.valuesOf(index, end, piece) };
  }

  private startOf(index: number): number {
    return index === 0 ? 0 : (this.traced.pieces[index - 1]?.end ?? 0);
  }

  private valuesOf(first: number, end: number, piece: Piece): ValuePath[] {
    const { text, pieces } = this.traced;
    const values = new Set<ValuePath>();
    for (let index = first; index < pieces.length && this.startOf(index) < end; index += 1) {
      const part = pieces[index];
      if (part === undefined) break;
      const from = this.startOf(index);
      const isShown = index === first || text.slice(from, Math.min(part.end, end)).trim() !== '';
      if (isShown) for (const value of [...part.values, ...linkValues(part.link)]) values.add(value);
    }
    const found = values.size === 0 ? piece.around : [...values];
    return found.filter((value) => isShown(value, found));
  }
}

/** False for the root, and for a table of which only a part was read. */
export function isShown(value: ValuePath, all: readonly ValuePath[]): boolean {
  return value.depth > 0 && !all.some((other) => value.isAbove(other));
}
