/** A failure as data, and as the lines that stand below its sentence. */

import type { IncludeStep, Place, RenderedExcerpt, RenderFailure, SchemaFailure, ValueRead } from '@towpath/charts';
import { codeOf, messageOf, TowpathError } from '@towpath/kit';
import { originsText, placeText } from './origins.ts';

/** As `--output json` prints it; what is not known is absent. */
export interface ErrorFacts {
  /** Stable, such as `RENDER_FAILED`. */
  readonly code: string;
  /** Helm's sentence. */
  readonly message: string;
  /** What to do next. */
  readonly next?: string;
  /** Where in the chart, from 1; the column in characters. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The line there. */
  readonly source?: string;
  readonly expression?: string;
  readonly problem?: string;
  /** The path of the value that was read last there. */
  readonly valuesPath?: string;
  readonly values?: readonly ValueRead[];
  /** Outermost first. */
  readonly includes?: readonly IncludeStep[];
  readonly rendered?: RenderedExcerpt;
  readonly schema?: readonly SchemaFailure[];
}

/** `source` gives the text of a file of the chart. */
export function factsOf(error: unknown, source: (file: string) => string | undefined): ErrorFacts {
  const { details, next } = error instanceof TowpathError ? error : { details: undefined, next: undefined };
  const { at, expression, problem, values, includes, rendered, schema } = (details ?? {}) as RenderFailure;
  const place = at ?? rendered?.origin?.template ?? namedPlace(messageOf(error), source);
  const line = place === undefined ? undefined : lineOf(source(place.file), place.line);
  const valuesPath = values?.[0]?.path ?? schema?.[0]?.path;
  return {
    code: codeOf(error) ?? 'INTERNAL',
    message: messageOf(error),
    ...(next !== undefined && { next }),
    ...(place !== undefined && { file: place.file, line: place.line, column: place.column }),
    ...(line !== undefined && { source: line }),
    ...(expression !== undefined && { expression }),
    ...(problem !== undefined && { problem }),
    ...(valuesPath !== undefined && { valuesPath }),
    ...(values !== undefined && { values }),
    ...(includes !== undefined && { includes }),
    ...(rendered !== undefined && { rendered }),
    ...(schema !== undefined && { schema }),
  };
}

/** The place that the sentence itself names, of a file of the chart. */
function namedPlace(message: string, source: (file: string) => string | undefined): Place | undefined {
  for (const [, file = '', line, column] of message.matchAll(/([\w./-]+):(\d+)(?::(\d+))?/g)) {
    // A sentence counts columns from 0.
    if (source(file) !== undefined) return { file, line: Number(line), column: Number(column ?? 0) + 1 };
  }
  return undefined;
}

function lineOf(text: string | undefined, line: number): string | undefined {
  return text?.split('\n')[line - 1]?.replace(/\r$/, '');
}

/** The block below the sentence; '' when nothing more is known. */
export function factsText(facts: ErrorFacts): string {
  const lines = [
    ...placeLines(facts),
    ...includeLines(facts.includes ?? facts.rendered?.origin?.includes ?? []),
    ...(facts.rendered === undefined ? [] : renderedLines(facts.rendered)),
    ...valueLines(facts.values ?? facts.rendered?.origin?.values ?? []),
    ...(facts.schema ?? []).flatMap(schemaLines),
    ...(facts.next === undefined ? [] : [`next: ${facts.next}`]),
  ];
  return lines.map((line) => `  ${line}\n`).join('');
}

function placeLines({ file, line, column, source }: ErrorFacts): string[] {
  if (file === undefined || line === undefined || column === undefined) return [];
  const at = `at ${placeText({ file, line, column })}`;
  if (source === undefined) return [at];
  const number = String(line);
  const before = source.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return [at, `  ${number} | ${source}`, `  ${' '.repeat(number.length)} | ${before}^`];
}

/** Innermost first, as one reads upwards from the place. */
function includeLines(includes: readonly IncludeStep[]): string[] {
  return includes.toReversed().map(({ name, at }) => `in "${name}", included at ${placeText(at)}`);
}

function renderedLines({ file, line, lines }: RenderedExcerpt): string[] {
  const width = String(lines.at(-1)?.line ?? line).length;
  return [
    `rendered, ${file} line ${line}:`,
    ...lines.map((one) => `${one.line === line ? '>' : ' '} ${String(one.line).padStart(width)} | ${one.text}`),
  ];
}

function valueLines(values: readonly ValueRead[]): string[] {
  return values.flatMap(({ path, origins }) => originsText(path, origins));
}

function schemaLines({ path, chart, problem, value, origins }: SchemaFailure): string[] {
  const shown = value === undefined ? '' : `, it is ${value}`;
  return [`${path === '' ? 'the values' : path} of chart ${chart}: ${problem}${shown}`, ...originsText(path, origins)];
}
