/** What a chart command prints when it fails: helm's sentence first, then what Towpath knows about the place. */

import { messageOf } from '@towpath/kit';
import type { CliContext } from '../../context.ts';

/** `helm` prints what helm prints and nothing else; `towpath` adds details. */
export type Dialect = 'helm' | 'towpath';

export interface ReportOptions {
  readonly dialect: Dialect;
  /** The error as one JSON object on standard error. */
  readonly json?: boolean;
  /** Added to the sentence in helm's dialect. */
  readonly hint?: (error: unknown) => string;
  /** The text of a template or values file by its name, for the line that is shown. */
  readonly source?: (file: string) => string | undefined;
}

/** Runs `work`; what it throws is printed and ends the program with code 1. An interruption is passed on. */
export async function reporting(context: CliContext, options: ReportOptions, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (context.signal.aborted) throw error;
    context.exitCode(1);
    if (options.dialect === 'helm') {
      context.stderr(`Error: ${messageOf(error)}${options.hint?.(error) ?? ''}\n`);
      return;
    }
    const { factsOf, factsText } = await import('./error-facts.ts');
    const facts = factsOf(error, options.source ?? (() => undefined));
    if (options.json === true) context.stderr(`${JSON.stringify({ error: facts }, undefined, 2)}\n`);
    else context.stderr(`Error: ${messageOf(error)}\n${factsText(facts)}`);
  }
}
