/** Go's regular expressions: RE2's syntax, and linear time. */

import { RE2JS } from 're2js';
import { FunctionError } from '../errors.ts';

export type Regexp = RE2JS;

/** Longer patterns are refused: compiling takes time and memory in their length. */
const patternLengthMax = 20_000;

/** Compiles a pattern. Throws a FunctionError with regexp's sentence. */
export function compileRegexp(pattern: string): Regexp {
  if (pattern.length > patternLengthMax) throw new FunctionError('error parsing regexp: expression too large');
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new FunctionError(compileMessage(pattern, error));
  }
}

function compileMessage(pattern: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith('error parsing regexp') ? message : `error parsing regexp: ${message}: \`${pattern}\``;
}

/** Whether any part of a text matches. */
export function matchesRegexp(expression: Regexp, text: string): boolean {
  return expression.matcher(text).find();
}
