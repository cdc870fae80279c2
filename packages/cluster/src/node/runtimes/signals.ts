/** Exit codes of processes as container runtimes report them. */

import { constants } from 'node:os';
import type { ContainerExit } from './runtime.ts';

/** 128 plus the signal's number, for a process that a signal ended. */
export function exitOf(code: number | null, signal: NodeJS.Signals | null): ContainerExit {
  if (signal === null) return { exitCode: code ?? 255 };
  const number = constants.signals[signal];
  return { exitCode: 128 + number, signal: number };
}
