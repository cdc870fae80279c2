/** `npm run oracle -- FILE.jsonl… [--verbose] [--trace]`: how many rows agree, file by file. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { runOracle } from './oracle.ts';

/** Prints one line per file; with `--verbose` every disagreement; `--trace` asks the tracing engine. Gives the exit code. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const isVerbose = args.includes('--verbose');
  const files = args.filter((arg) => !arg.startsWith('--'));
  if (files.length === 0) {
    print('usage: npm run oracle -- FILE.jsonl… [--verbose] [--trace]');
    return 2;
  }
  let disagreements = 0;
  for (const file of files) {
    const outcomes = await runOracle(readFileSync(file, 'utf8'), { trace: args.includes('--trace') });
    const wrong = outcomes.filter((outcome) => !outcome.agrees);
    disagreements += wrong.length;
    print(`${basename(file)}: ${outcomes.length - wrong.length}/${outcomes.length} agree`);
    if (!isVerbose) continue;
    for (const { title, expected, actual } of wrong) {
      print(
        `  ${JSON.stringify(title)}\n    expected ${JSON.stringify(expected)}\n    actual   ${JSON.stringify(actual)}`,
      );
    }
  }
  return disagreements === 0 ? 0 : 1;
}
