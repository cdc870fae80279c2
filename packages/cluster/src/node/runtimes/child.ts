/** A container's child process: its output, its end, and commands run beside it. */

import { spawn, type ChildProcess } from 'node:child_process';
import type { ExitStatus, PodTerminal } from '../../apiserver/pod-streams.ts';
import { messageOf } from '@towpath/kit';
import { StartError } from '../errors.ts';
import type { ContainerExit, Output } from './runtime.ts';
import { quote } from './sandbox-script.ts';
import { exitOf } from './signals.ts';

/** Exited processes may leave their pipes to others: what they still write is waited for this long. */
const drainMs = 500;

/** Passes output on and settles when the process and its pipes have ended. */
export function watchChild(child: ChildProcess, output: Output): Promise<ContainerExit> {
  child.stdout?.on('data', (chunk: Buffer) => output('stdout', chunk));
  child.stderr?.on('data', (chunk: Buffer) => output('stderr', chunk));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ exitCode: 128, reason: 'StartError', message: messageOf(error) }));
    child.on('exit', (code, signal) => {
      const exit = exitOf(code, signal);
      const late = setTimeout(() => resolve(exit), drainMs);
      child.on('close', () => {
        clearTimeout(late);
        resolve(exit);
      });
    });
  });
}

/** Rejects with `StartError` when the program cannot be started at all. */
export function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve());
    child.once('error', (error) => reject(new StartError('StartError', messageOf(error), { cause: error })));
  });
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** util-linux `script`; without it a command that wants a terminal gets pipes. */
  readonly script: string | undefined;
}

/** Runs a command to its end with the terminal's streams; it is killed when the client leaves. */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions,
  terminal: PodTerminal,
): Promise<ExitStatus> {
  const wantsTerminal = terminal.tty && options.script !== undefined;
  const words = wantsTerminal ? await onTerminal(options.script, command, terminal) : command;
  const [program = '', ...args] = words;
  const child = spawn(program, args, {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: options.env,
    stdio: [terminal.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const kill = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  };
  terminal.signal.addEventListener('abort', kill);
  if (terminal.signal.aborted) kill();
  void feed(child, terminal);
  try {
    const exit = await watchChild(child, (stream, chunk) => terminal[stream](chunk));
    return { exitCode: exit.exitCode };
  } finally {
    terminal.signal.removeEventListener('abort', kill);
  }
}

/** How long the client's window size is waited for. */
const sizeWaitMs = 200;

/** The command behind `script`, which makes a pseudo-terminal of the client's size. */
async function onTerminal(script: string, command: readonly string[], terminal: PodTerminal): Promise<string[]> {
  const first = terminal.resizes[Symbol.asyncIterator]().next();
  const timeout = new Promise<undefined>((resolve) => setTimeout(resolve, sizeWaitMs));
  const size = (await Promise.race([first, timeout]))?.value as { width: number; height: number } | undefined;
  const resize = size === undefined ? '' : `stty rows ${size.height} cols ${size.width} 2>/dev/null; `;
  return [script, '-q', '-e', '-c', `${resize}exec ${command.map(quote).join(' ')}`, '/dev/null'];
}

async function feed(child: ChildProcess, terminal: PodTerminal): Promise<void> {
  if (terminal.stdin === undefined) return;
  child.stdin?.on('error', () => {});
  try {
    for await (const chunk of terminal.stdin) child.stdin?.write(chunk);
  } catch {
    // The client is gone; the command sees the end of its input.
  }
  child.stdin?.end();
}
