/** Processes of the host, read from /proc where there is one. */

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { codeOf } from '@towpath/kit';
import type { ProcessUsage } from './runtime.ts';

/** Clock ticks per second of /proc: 100 on every Linux Node runs on. */
const ticksPerSecond = 100;

/** Distinguishes a process from a later one with the same id; empty where it cannot be known. */
export function startTimeOf(pid: number): string {
  try {
    return statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'))[19] ?? '';
  } catch {
    return '';
  }
}

/** Fields of /proc/PID/stat after the command, which may hold spaces and brackets. */
function statFields(text: string): string[] {
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** True when the signal was sent; false when there is no such process (any more). */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH' || codeOf(error) === 'EPERM') return false;
    throw error;
  }
}

/** True when the program catches or ignores the signal, or when that cannot be known. */
export function handlesSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bit = 1n << BigInt(constants.signals[signal] - 1);
    return ['SigCgt', 'SigIgn'].some((name) => {
      const mask = new RegExp(`^${name}:\\s+([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0';
      return (BigInt(`0x${mask}`) & bit) !== 0n;
    });
  } catch {
    return true;
  }
}

/** `pid` and everything below it. */
export function treeOf(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    try {
      for (const thread of readdirSync(`/proc/${parent}/task`)) {
        const children = readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8');
        found.push(...children.split(' ').filter(Boolean).map(Number));
      }
    } catch {
      // It ended meanwhile, or there is no /proc.
    }
  }
  return found;
}

/** CPU and own memory (without shared files) of a process tree; undefined when it is gone or /proc is not there. */
export async function treeUsage(pid: number): Promise<ProcessUsage | undefined> {
  let cpuMs = 0;
  let memoryBytes = 0;
  let seen = 0;
  for (const member of treeOf(pid)) {
    try {
      const stat = statFields(await readFile(`/proc/${member}/stat`, 'utf8'));
      cpuMs += ((Number(stat[11]) + Number(stat[12])) * 1000) / ticksPerSecond;
      const status = await readFile(`/proc/${member}/status`, 'utf8');
      for (const name of ['RssAnon', 'RssShmem']) {
        memoryBytes += Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) * 1024;
      }
      seen++;
    } catch {
      // It ended meanwhile.
    }
  }
  return seen === 0 ? undefined : { cpuMs, memoryBytes };
}
