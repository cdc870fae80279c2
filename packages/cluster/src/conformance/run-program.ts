/** Programs started by the suites: run to the end with a time limit, or kept running until ended. */

import { spawn, type ChildProcess } from 'node:child_process';
import { systemClock } from '@towpath/kit';
import { withEnvironment } from './environment.ts';

export interface ProgramOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Then it is killed and counts as failed; default one minute. */
  readonly timeoutMs?: number;
}

export interface ProgramAnswer {
  /** Undefined when it was killed or could not be started. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs beside the suite. */
export interface RunningProgram {
  /** What it printed so far, both streams. */
  output(): string;
  /** True until it ended by itself or was stopped. */
  isRunning(): boolean;
  /** Ends it, by force after five seconds. */
  stop(): Promise<void>;
}

const defaultTimeoutMs = 60_000;
const graceMs = 5_000;
/** Of one stream: more is dropped from the front. */
const maxOutputChars = 64 * 1024 * 1024;

/** Runs a program to its end. Never rejects: a program that cannot be started has no code. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramAnswer> {
  return new Promise((done) => {
    const child = start(command, args, options);
    const output = { stdout: '', stderr: '' };
    const timer = systemClock.startTimer(options.timeoutMs ?? defaultTimeoutMs, () => child.kill('SIGKILL'));
    child.stdout?.on('data', (text: string) => (output.stdout = `${output.stdout}${text}`.slice(-maxOutputChars)));
    child.stderr?.on('data', (text: string) => (output.stderr = `${output.stderr}${text}`.slice(-maxOutputChars)));
    child.on('error', (error) => {
      timer.cancel();
      done({ code: undefined, stdout: '', stderr: error.message });
    });
    child.on('close', (code) => {
      timer.cancel();
      done({ code: code ?? undefined, ...output });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** Starts a program that goes on until `stop`. */
export function startProgram(command: string, args: readonly string[], options: ProgramOptions = {}): RunningProgram {
  const child = start(command, args, options);
  let output = '';
  let isRunning = true;
  const add = (text: string): void => {
    output = `${output}${text}`.slice(-maxOutputChars);
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  child.stdin?.end();
  const ended = new Promise<void>((done) => {
    child.on('error', (error) => {
      add(error.message);
      isRunning = false;
      done();
    });
    child.on('close', () => {
      isRunning = false;
      done();
    });
  });
  return {
    output: () => output,
    isRunning: () => isRunning,
    async stop() {
      child.kill('SIGTERM');
      const timer = systemClock.startTimer(graceMs, () => child.kill('SIGKILL'));
      await ended;
      timer.cancel();
    },
  };
}

function start(command: string, args: readonly string[], options: ProgramOptions): ChildProcess {
  const child = spawn(command, [...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: withEnvironment(options.env ?? {}),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8');
  child.stderr.setEncoding('utf8');
  return child;
}
