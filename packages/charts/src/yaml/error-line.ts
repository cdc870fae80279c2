/** Where a YAML text is wrong. */

import { YamlToJsonError } from './decode.ts';
import { YamlError } from './reader.ts';

/** The line (from 1) of what was thrown for `text`, or of its cause; the first one where nobody knows. */
export function yamlErrorLine(error: unknown, text: string): number {
  // What is missing is missed at the end, which may be below the last line.
  return Math.min(lineOf(error) ?? 1, text.trimEnd().split('\n').length);
}

function lineOf(error: unknown): number | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof YamlError) return current.actualLine;
    if (current instanceof YamlToJsonError) return current.line;
  }
  return undefined;
}
