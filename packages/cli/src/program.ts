/** Runs one command of a table: finds it, gives it its context, and turns failures into one sentence and an exit code. */

import { Command, CommanderError } from '@commander-js/extra-typings';
import { isAbort, messageOf, TowpathError } from '@towpath/kit';
import { ApiError } from '@towpath/runtime';
import type { CommandEntry } from './command-table.ts';
import type { CliContext } from './context.ts';
import { createContext, type ProcessParts } from './create-context.ts';
import { version } from './version.ts';

export interface ProgramOptions extends Pick<ProcessParts, 'env' | 'cwd' | 'program' | 'connect'> {
  readonly args: readonly string[];
  readonly table: readonly CommandEntry[];
}

/** Ends the process when the command has ended. */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  const context = createContext({
    ...options,
    signal: stop.signal,
    setExitCode: (code) => {
      process.exitCode = code;
    },
  });
  try {
    await run(context, options);
  } catch (error) {
    process.exitCode = report(context, error);
  }
  if (!stop.signal.aborted) await Promise.all([written(process.stdout), written(process.stderr)]);
  // Keep-alive connections of clients would hold the process open.
  process.exit();
}

/** A pipe takes 64 KiB at once: what is left when the process ends is lost. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

async function run(context: CliContext, { args, table }: ProgramOptions): Promise<void> {
  const program = new Command('towpath')
    .description('from commit to canary: GitOps progressive delivery in one program')
    .version(version)
    .showHelpAfterError('(add --help for usage)')
    .exitOverride()
    // `--version` after a command is the command's own.
    .enablePositionalOptions();
  const wanted = args.find((arg) => !arg.startsWith('-'));
  const chosen = table.filter((entry) => entry.name === wanted);
  // Only the command that runs is loaded: the others would cost its start time.
  for (const entry of chosen.length > 0 ? chosen : table) {
    const command = (await entry.load())(context);
    forward(command);
    program.addCommand(command as Command);
  }
  await program.parseAsync([...args], { from: 'user' });
}

/** Usage errors are thrown instead of ending the process. */
function forward(command: { exitOverride(): unknown; commands: readonly unknown[] }): void {
  command.exitOverride();
  for (const child of command.commands) forward(child as Parameters<typeof forward>[0]);
}

/** Prints one clear sentence and what to do next; returns the exit code. */
function report(context: CliContext, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isAbort(error) && context.signal.aborted) return 0;
  if (error instanceof ApiError) {
    context.stderr(`Error from server (${error.reason}): ${error.message}\n`);
    return 1;
  }
  const next = error instanceof TowpathError && error.next !== undefined ? `; ${error.next}` : '';
  const code = error instanceof TowpathError ? error.code : undefined;
  context.stderr(`Error: ${messageOf(error)}${next}\n`);
  if (code === undefined && context.env['TOWPATH_LOG'] === 'debug')
    context.log.error('unexpected', { stack: (error as Error).stack });
  return code === 'USAGE' ? 2 : 1;
}
