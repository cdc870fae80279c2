/** What a traced render tells afterwards. */

import type { TemplateOutputOptions } from '../render/output.ts';
import { coverageOf } from './coverage.ts';
import { TracedLines, type TracedLine } from './lines.ts';
import { placeOf, stepsOf } from './places.ts';
import type { Tracer } from './tracer.ts';
import type { LineOrigin, RenderTrace, ValueRead } from './types.ts';
import type { OriginsOf } from './value-origins.ts';
import { parsePath, type ValuePath } from './value-path.ts';

/** A line of a rendered file. */
export interface FileLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** What the trace is told from. */
export interface TraceParts {
  readonly tracer: Tracer;
  readonly originsOf: OriginsOf;
  /** Which line of which file each line of `templateOutput` is. */
  readonly outputLines: (options: TemplateOutputOptions) => readonly (FileLine | undefined)[];
}

/** The trace of a render that is over. */
export function renderTrace(parts: TraceParts): RenderTrace {
  const { tracer } = parts;
  const files = new Map<string, TracedLines>();
  const lineOf = (file: string, line: number): LineOrigin | undefined => {
    const traced = tracer.files.get(file);
    if (traced === undefined) return undefined;
    const lines = files.get(file) ?? new TracedLines(traced);
    files.set(file, lines);
    const found = lines.line(line);
    return found === undefined ? undefined : lineOrigin(found, parts.originsOf);
  };
  const outputs = new Map<string, readonly (FileLine | undefined)[]>();
  return {
    line: lineOf,
    outputLine: (line, options = {}) => {
      if (options.postRender !== undefined) return undefined;
      const key = JSON.stringify(options);
      const lines = outputs.get(key) ?? parts.outputLines(options);
      outputs.set(key, lines);
      const place = lines[line - 1];
      return place === undefined ? undefined : lineOf(place.file, place.line);
    },
    get coverage() {
      const covered = [...tracer.trees].map(([path, trees]) => coverageOf(path, trees, tracer.ran));
      return covered.filter((coverage) => coverage !== undefined);
    },
    get unreadValues() {
      return unread(tracer.provenance.root).map((path) => path.text());
    },
    origins: (path) => parts.originsOf(parsePath(path) ?? [path]),
  };
}

/** A line's origin as data. */
export function lineOrigin({ piece, offset, values }: TracedLine, originsOf: OriginsOf): LineOrigin {
  return {
    template: placeOf(piece.node, piece.link, offset),
    includes: stepsOf(piece.link),
    values: values.map((path) => valueRead(path, originsOf)),
  };
}

/** A path with who set it. */
export function valueRead(path: ValuePath, originsOf: OriginsOf): ValueRead {
  return { path: path.text(), origins: originsOf(path.keys()) };
}

/** The values that were set and that nobody read, in the order of the values. */
function unread(path: ValuePath): ValuePath[] {
  if (path.isReadWhole) return [];
  const own = path.isSet && !path.isRead ? [path] : [];
  return [...own, ...[...path.below()].flatMap(unread)];
}
