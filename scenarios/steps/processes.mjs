/** Processes as /proc shows them: trees below a process, and whether one still lives. */

import { readdirSync, readFileSync } from 'node:fs';

/** `{ pid, parent, state, startTime, command }`, or undefined when it is gone. */
function readProcess(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in parentheses may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, state: fields[0], parent: Number(fields[1]), startTime: fields[19], command };
  } catch {
    return undefined;
  }
}

/** The process and everything below it. */
export function treeOf(rootPid) {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter(Boolean);
  const found = all.filter(({ pid }) => pid === rootPid);
  for (let index = 0; index < found.length; index++)
    found.push(...all.filter(({ parent }) => parent === found[index].pid));
  return found;
}

/** The same process, not a later one with its id; a zombie does not live. */
export function isAlive({ pid, startTime }) {
  const now = readProcess(pid);
  return now !== undefined && now.startTime === startTime && now.state !== 'Z';
}
