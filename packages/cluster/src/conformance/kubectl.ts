/** A kubectl, or another command-line client, pointed at a server; answers are checked with sentences. */

import { runProgram, startProgram, type ProgramAnswer, type RunningProgram } from './run-program.ts';
import { systemClock } from '@towpath/kit';

export interface CommandLine {
  /** Runs it; throws, with what it printed, when the exit code is not the expected one (0). */
  run(args: readonly string[], expected?: { code?: number; input?: string }): Promise<string>;
  /** Runs it; whatever comes out. */
  ask(args: readonly string[], input?: string): Promise<ProgramAnswer>;
  /** Starts it and leaves it running. */
  start(args: readonly string[]): RunningProgram;
}

/** `command` with a kubeconfig, a folder of its own for caches, and a time limit per call. */
export function commandLine(options: {
  /** The program, and arguments that come before all others. */
  readonly command: readonly [string, ...string[]];
  readonly kubeconfig: string;
  readonly home: string;
}): CommandLine {
  const { kubeconfig, home } = options;
  const [command, ...first] = options.command;
  const env = { KUBECONFIG: kubeconfig, HOME: home, KUBECACHEDIR: home };
  const ask = (args: readonly string[], input?: string): Promise<ProgramAnswer> =>
    runProgram(command, [...first, ...args], { env, timeoutMs: 90_000, ...(input === undefined ? {} : { input }) });
  return {
    ask,
    async run(args, expected = {}) {
      const { code, stdout, stderr } = await ask(args, expected.input);
      const wanted = expected.code ?? 0;
      if (code !== wanted)
        throw new Error(`'${args.join(' ')}' ended with ${String(code)}, not ${wanted}: ${(stderr || stdout).trim()}`);
      return stdout;
    },
    start: (args) => startProgram(command, [...first, ...args], { env }),
  };
}

/** Throws unless `text` has `part`. */
export function expectPart(text: string, part: string | RegExp): void {
  const isThere = typeof part === 'string' ? text.includes(part) : part.test(text);
  if (!isThere) throw new Error(`expected ${String(part)} in: ${text.trim().slice(0, 600)}`);
}

/** Asks every tenth of a second until the answer is not undefined; throws after `limitMs` with `what` it waited for. */
export async function until<Value>(
  what: string,
  limitMs: number,
  ask: () => Promise<Value | undefined>,
): Promise<Value> {
  const endMs = systemClock.monotonicMs() + limitMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined) return value;
    if (systemClock.monotonicMs() > endMs) throw new Error(`waited ${limitMs / 1000} s in vain for ${what}`);
    await systemClock.sleep(100);
  }
}
