/** The commands that work on charts alone, in one file that starts quickly; see launch.ts. */

import type { CommandEntry } from './command-table.ts';
import { templateCommand } from './commands/helm/template.ts';
import { runProgram } from './program.ts';
import type { QuickCommand } from './quick-commands.ts';

const loaders: Record<QuickCommand, CommandEntry['load']> = {
  template: () => Promise.resolve(templateCommand),
};

export interface QuickOptions {
  readonly args: readonly string[];
  /** The file that was started. */
  readonly program: string;
  /** Runs the command in the whole program instead. */
  readonly startWhole: () => void;
}

/** Runs the command and ends the process. */
export function runQuick({ args, program, startWhole }: QuickOptions): void {
  void runProgram({
    args,
    table: Object.entries(loaders).map(([name, load]) => ({ name, load })),
    program,
    env: process.env,
    cwd: process.cwd(),
    connect: () => {
      startWhole();
      // Whoever waits here is not needed any more: the whole program does all of it again.
      return new Promise(() => {});
    },
  });
}
