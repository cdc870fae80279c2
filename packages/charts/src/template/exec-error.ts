/** Errors of running templates: Go's sentence for people who know it, places as data for everything else. */

import { LimitError } from '../errors.ts';
import { quote } from '../go/strconv.ts';
import type { Frame } from './frame.ts';
import { locate, nodeText } from './nodes.ts';

/** One place of an execution error. */
export interface ErrorPlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** In bytes, from 0. */
  readonly column: number;
  /** The template that ran: a file, a define, or `gotpl` inside tpl. */
  readonly template: string;
  /** The expression, as Go writes it. */
  readonly context: string;
}

/** A template that failed while running. */
export class ExecError extends Error {
  override readonly name = 'ExecError';
  /** Innermost first. */
  readonly places: readonly ErrorPlace[];
  /** The sentence without its places. */
  readonly detail: string;

  constructor(message: string, options: { places: readonly ErrorPlace[]; detail: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.places = options.places;
    this.detail = options.detail;
  }
}

/** Stops the template at the frame's node, with Go's sentence around `message`. */
export function fail(frame: Frame, message: string, cause?: unknown): never {
  const { node, program } = frame;
  const inner = innerOf(cause);
  const detail = inner?.detail ?? (cause instanceof Error ? cause.message : message);
  const before = inner?.places ?? [];
  if (node === undefined) {
    throw new ExecError(`template: ${program.name}: ${message}`, { places: before, detail, cause });
  }
  const { line, column } = locate(node);
  const context = nodeText(node);
  const place: ErrorPlace = { file: node.source.name, line, column, template: program.name, context };
  const where = `${node.source.name}:${line}:${column}: executing ${quote(program.name)} at <${context}>`;
  throw new ExecError(`template: ${where}: ${message}`, { places: [...before, place], detail, cause });
}

function innerOf(cause: unknown): ExecError | undefined {
  let current = cause;
  while (current instanceof Error) {
    if (current instanceof ExecError) return current;
    current = current.cause;
  }
  return undefined;
}

/** True for JavaScript's own stack overflow. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

/** True for what must pass through every template unchanged. */
export function isFatal(error: unknown): boolean {
  return error instanceof LimitError || isStackOverflow(error);
}
