/** Why a render failed, for machines: places, expressions, values and who set them. */

import { TowpathError } from '@towpath/kit';
import { chartError, type ChartErrorCode } from '../errors.ts';
import { warnEnd, warnStart } from '../functions/flow.ts';
import { encodeJson } from '../go/json.ts';
import { ExecError } from '../template/exec-error.ts';
import { rootName } from '../template/templates.ts';
import { SchemaRefusal, type RefusedValue } from '../values/schema.ts';
import { printable } from '../go/utf8.ts';
import { isShown, TracedLines } from './lines.ts';
import { stepsOf } from './places.ts';
import { lineOrigin, valueRead } from './render-trace.ts';
import type { Taint } from './provenance.ts';
import type { Tracer } from './tracer.ts';
import type { LineOrigin, RenderedExcerpt, RenderFailure, SchemaFailure } from './types.ts';
import type { OriginsOf } from './value-origins.ts';
import { pathText, ValuePath } from './value-path.ts';

/** How far a render came. */
export interface RenderState {
  tracer?: Tracer;
  originsOf?: OriginsOf;
}

/** What a second, traced render of the same came to. */
export interface Repeated {
  readonly error: unknown;
  readonly state: RenderState;
}

/** The same error with its details. Templates are rendered again for them, where `state` was not traced. */
export function withDetails(error: unknown, state: RenderState, repeat: () => Repeated | undefined): unknown {
  if (!(error instanceof TowpathError)) return error;
  const details = detailsOf(error, state, repeat);
  if (details === undefined) return error;
  const { message, next, cause, code } = error;
  // It came from this package: its code is one of ours.
  return chartError(code as ChartErrorCode, message, { ...(next !== undefined && { next }), details, cause });
}

function detailsOf(
  error: TowpathError,
  state: RenderState,
  repeat: () => Repeated | undefined,
): RenderFailure | undefined {
  const known = error.details as RenderFailure | undefined;
  switch (error.code) {
    case 'VALUES_SCHEMA':
      return schemaDetails(error.cause, state);
    case 'RENDER_FAILED': {
      const failed = execErrorOf(error);
      if (failed === undefined) return known;
      const traced = tracedState(error, state, repeat);
      return { ...execDetails(failed), ...(traced === undefined ? {} : runningDetails(traced)) };
    }
    case 'MANIFEST_INVALID': {
      if (known?.rendered === undefined) return known;
      const traced = tracedState(error, state, repeat);
      return traced === undefined ? known : { ...known, ...renderedDetails(known.rendered, traced) };
    }
    default:
      return known;
  }
}

/** The state of a traced render that failed in the same way. */
function tracedState(
  error: TowpathError,
  state: RenderState,
  repeat: () => Repeated | undefined,
): TracedState | undefined {
  const first = traced(state);
  if (first !== undefined) return first;
  const repeated = repeat();
  if (!(repeated?.error instanceof TowpathError) || repeated.error.code !== error.code) return undefined;
  return traced(repeated.state);
}

interface TracedState {
  readonly tracer: Tracer;
  readonly originsOf: OriginsOf;
}

function traced({ tracer, originsOf }: RenderState): TracedState | undefined {
  return tracer === undefined || originsOf === undefined ? undefined : { tracer, originsOf };
}

function execErrorOf(error: unknown): ExecError | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof ExecError) return current;
  }
  return undefined;
}

/** Expressions can hold whole bodies of templates. */
const expressionCharactersMax = 200;

function execDetails(failed: ExecError): RenderFailure {
  const [inner] = failed.places;
  // The text of a tpl is a value and has no file.
  const place = failed.places.find(({ file }) => file !== rootName);
  const problem = failed.detail.replaceAll(warnStart, '').replaceAll(warnEnd, '');
  return {
    ...(place !== undefined && { at: { file: place.file, line: place.line, column: place.column + 1 } }),
    ...(inner !== undefined && { expression: inner.context.slice(0, expressionCharactersMax) }),
    problem,
  };
}

/** What ran when it failed: the last value that was read comes first. */
function runningDetails({ tracer, originsOf }: TracedState): RenderFailure {
  const { activation, read } = tracer;
  const candidates = [read, ...activation.conditions.toReversed()].map(lookedAt);
  const found = candidates.find((some) => some.length > 0) ?? [];
  const paths = [...new Set(found.toReversed())].filter((path, _index, all) => isShown(path, all));
  const values = paths
    .flatMap((path) => [path, ...setAbove(path, originsOf)])
    .map((path) => valueRead(path, originsOf));
  return { values, includes: stepsOf(activation.link) };
}

/** The values behind a taint, those behind texts included. */
function lookedAt(taint: Taint): ValuePath[] {
  return taint.flatMap((part) => (part instanceof ValuePath ? [part] : [...part.values(), ...part.asked]));
}

/** For a value that nobody set: what is there of its path. */
function setAbove(path: ValuePath, originsOf: OriginsOf): ValuePath[] {
  if (originsOf(path.keys()).length > 0) return [];
  let above = path.parent;
  while (above !== undefined && originsOf(above.keys()).length === 0) above = above.parent;
  return above === undefined || above.depth === 0 ? [] : [above];
}

function renderedDetails(rendered: RenderedExcerpt, { tracer, originsOf }: TracedState): RenderFailure {
  const origin = originOfLine(rendered, tracer, originsOf);
  if (origin === undefined) return {};
  const { template, values, includes } = origin;
  return { at: template, values, includes, rendered: { ...rendered, origin } };
}

/** Of the line, or of the nearest one before it that a template wrote. */
function originOfLine(rendered: RenderedExcerpt, tracer: Tracer, originsOf: OriginsOf): LineOrigin | undefined {
  const written = tracer.files.get(rendered.file);
  const found = written === undefined ? undefined : new TracedLines(written).line(rendered.line);
  return found === undefined ? undefined : lineOrigin(found, originsOf);
}

function schemaDetails(cause: unknown, { originsOf }: RenderState): RenderFailure | undefined {
  if (!(cause instanceof SchemaRefusal) || cause.refused.length === 0) return undefined;
  const schema = cause.refused.map((refused) => schemaFailure(refused, originsOf));
  const at = schema.flatMap(({ origins }) => origins[0]?.at ?? [])[0];
  return { ...(at !== undefined && { at }), schema };
}

/** A value is shown up to this length. */
const valueCharactersMax = 80;

function schemaFailure({ chart, keys, problem, value }: RefusedValue, originsOf: OriginsOf | undefined): SchemaFailure {
  const origins = originsOf?.(keys) ?? [];
  const isHidden = value === undefined || originsOf?.isSecret(keys) === true;
  return { path: pathText(keys), chart, problem, ...(isHidden ? {} : { value: shownValue(value) }), origins };
}

function shownValue(value: unknown): string {
  const text = printable(encodeJson(value, { escapeHtml: false }));
  return text.length > valueCharactersMax ? `${text.slice(0, valueCharactersMax)}…` : text;
}
