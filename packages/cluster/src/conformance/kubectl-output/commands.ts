/** The commands of `recordings/kubectl/commands.yaml`, and what a server answers them with. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, parseYaml, TowpathError } from '@towpath/kit';
import { commandLine } from '../kubectl.ts';

/** One command line. */
export interface Command {
  /** As it is written, with ` #2` and so on where it was there before. */
  readonly id: string;
  readonly args: readonly string[];
  readonly input: string | undefined;
}

/** What a command printed, made comparable. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function loadCommands(folder: string): Promise<Command[]> {
  const file = 'commands.yaml';
  const list: unknown = parseYaml(await readFile(join(folder, file), 'utf8'), { file });
  if (!Array.isArray(list)) throw scriptError(file, 'is no list');
  const seen = new Map<string, number>();
  return list.flatMap((entry: unknown, index) => {
    const { run, input, for: each } = isRecord(entry) ? entry : {};
    if (typeof run !== 'string') throw scriptError(`${file}[${index}]`, 'has no run');
    return linesOf(run, each).map((line) => {
      const count = (seen.get(line) ?? 0) + 1;
      seen.set(line, count);
      const args = wordsOf(line).map((word) => word.replaceAll('$FOLDER', folder));
      return {
        id: count === 1 ? line : `${line} #${count}`,
        args,
        input: typeof input === 'string' ? input : undefined,
      };
    });
  });
}

/** `for: { name: [values] }` puts each value in the place of `$name`. */
function linesOf(run: string, each: unknown): string[] {
  if (!isRecord(each)) return [run];
  const [[name, values] = ['', []]] = Object.entries(each);
  return Array.isArray(values) ? values.map((value) => run.replaceAll(`$${name}`, String(value))) : [run];
}

/** Words are parted by spaces; what stands in braces or brackets is one. */
function wordsOf(line: string): string[] {
  return line.match(/(?:[^\s{[]|\{.*\}|\[.*\])+/g) ?? [];
}

/** Runs all commands on a server. */
export async function playCommands(
  commands: readonly Command[],
  place: { kubectl: string; kubeconfig: string; home: string },
): Promise<Map<string, Printed>> {
  const kubectl = commandLine({ command: [place.kubectl], kubeconfig: place.kubeconfig, home: place.home });
  const printed = new Map<string, Printed>();
  for (const { id, args, input } of commands) {
    const { code, stdout, stderr } = await kubectl.ask(args, input);
    printed.set(id, { code: code ?? -1, stdout: comparable(stdout, args), stderr: comparable(stderr, args) });
  }
  return printed;
}

/** Commands that print members of a Go map, whose order changes from call to call. */
const unordered = /^(?:auth can-i --list|(?:annotate|label) .* --list)/;

/** Replaces what a server or the moment chose. */
function comparable(text: string, args: readonly string[]): string {
  const cleaned = text
    .replace(/https:\/\/127\.0\.0\.1:\d+/g, '<server>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uid) =>
      uid.startsWith('00000000') ? uid : '<uid>',
    )
    .replace(/\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<time>')
    .replace(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} 20(?:2[6-9]|[3-9]\d) \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>')
    .replace(/\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000(?: UTC)?/g, '<time>')
    .replace(/(resourceVersion"?: ?"?)\d+/gi, '$1<rv>')
    .replace(/(Resource Version: +)\d+/g, '$1<rv>')
    .replace(/\/tmp\/(?:LIVE|MERGED)-\d+/g, '/tmp/<diff>')
    .replace(/^[EIW]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /gm, '')
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>')
    .replace(/\b\d+(?:s|m|m\d+s)\b(?! ?:)/g, (age) => (args.some((arg) => arg.includes(age)) ? age : '<age>'))
    .replace(/\b[bcdfghjklmnpqrstvwxz2456789]{5}\b(?=[ \n])/g, (suffix) => (/\d/.test(suffix) ? '<5>' : suffix));
  // Columns are as wide as their longest cell.
  const narrow = cleaned.replace(/[ \t]{2,}/g, '  ').replace(/[ \t]+$/gm, '');
  return unordered.test(args.join(' ')) ? narrow.split('\n').toSorted().join('\n') : narrow;
}

function scriptError(where: string, what: string): TowpathError {
  return new TowpathError('SCRIPT_INVALID', `${where}: ${what}`, { next: 'correct the list of commands' });
}
