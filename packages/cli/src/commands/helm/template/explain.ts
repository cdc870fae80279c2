/** `--explain`: for lines of the output, the template that wrote them and who set the values in them. */

import { templateOutput, type LineOrigin, type RenderResult, type TemplateOutputOptions } from '@towpath/charts';
import { originsText, placeText } from '../origins.ts';
import { flagError } from '../pflag.ts';
import type { LineRange } from './flags.ts';

/** One line of the output; no template wrote the lines that helm puts around manifests, and those of CRDs. */
export interface ExplainedLine {
  readonly line: number;
  readonly text: string;
  readonly origin: LineOrigin | null;
}

/** `result` is of a render with `trace: true`. Throws for lines that the output does not have. */
export function explainLines(
  result: RenderResult,
  options: TemplateOutputOptions,
  ranges: readonly LineRange[],
): ExplainedLine[] {
  const lines = templateOutput(result, options).replace(/\n$/, '').split('\n');
  return ranges.flatMap(({ first, last }) => {
    if (last > lines.length) throw flagError(`--explain ${last}: the output has ${lines.length} lines`);
    return lines.slice(first - 1, last).map((text, index) => {
      const line = first + index;
      return { line, text, origin: result.trace?.outputLine(line, options) ?? null };
    });
  });
}

/** A paragraph for each line. */
export function explainText(lines: readonly ExplainedLine[]): string {
  return lines.map((line) => `${[`${line.line}: ${line.text}`, ...about(line)].join('\n')}\n`).join('');
}

function about({ origin, text }: ExplainedLine): string[] {
  if (origin === null) {
    const isFrame = text === '---' || text.startsWith('# Source: ') || text.trim() === '';
    return [isFrame ? '    put there by helm between manifests' : '    copied from a file of the chart'];
  }
  const { template, includes, values } = origin;
  return [
    `written by ${placeText(template)}`,
    ...includes.toReversed().map(({ name, at }) => `in "${name}", included at ${placeText(at)}`),
    ...values.flatMap(({ path, origins }) => originsText(path, origins)),
  ].map((line) => `    ${line}`);
}
