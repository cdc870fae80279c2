/** Command lines as helm reads them: its flag library's forms, and its sentences for what is wrong. */

import type { Command, Option, OptionValues } from '@commander-js/extra-typings';
import { messageOf, TowpathError } from '@towpath/kit';

/** What is wrong with a command line. The sentence is helm's, and as there the exit code is 1. */
export function flagError(message: string): TowpathError {
  return new TowpathError('FLAG_INVALID', message);
}

/**
 * Makes `command` read flags as helm does: `--flag=false`, `-n=name`, `-nname`, a value that begins with a dash, and an
 * optional value only after `=`. Unknown flags and values that cannot be read are refused in helm's words.
 */
export function likePflag<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
): Command<Args, Options> {
  for (const option of command.options) wrapParser(option);
  const parse = command.parseOptions.bind(command);
  command.configureHelp({ optionDescription: aboutOption });
  command.parseOptions = (args) => parse(normalFlags(command.options, args));
  return command;
}

/** Defaults are shown where they say something. */
function aboutOption({ description, defaultValue }: Option): string {
  return typeof defaultValue === 'string' ? `${description} (default: ${defaultValue})` : description;
}

function wrapParser(option: Option): void {
  const read = option.parseArg;
  if (read === undefined) return;
  const names = option.flags.replace(/ .*$/, '').replace(/,$/, '');
  const shown = option.short === undefined ? names : `${option.short}, ${option.long ?? ''}`;
  option.parseArg = (value, previous) => {
    try {
      return read(value, previous as never);
    } catch (error) {
      throw flagError(`invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${messageOf(error)}`);
    }
  };
}

/** The same flags, each with its value apart and booleans without one. */
export function normalFlags(options: readonly Option[], args: readonly string[]): string[] {
  const out: string[][] = [];
  const operands: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      operands.push(...rest);
      break;
    }
    if (arg === '--help' || arg === '-h') return ['--help'];
    if (arg.startsWith('--')) takeLong({ options, arg, rest, out });
    else if (arg.startsWith('-') && arg !== '-') takeShort({ options, arg, rest, out });
    else operands.push(arg);
  }
  return operands.length === 0 ? out.flat() : [...out.flat(), '--', ...operands];
}

interface Taking {
  readonly options: readonly Option[];
  readonly arg: string;
  /** What follows; a flag's value is taken from its front. */
  readonly rest: string[];
  readonly out: string[][];
}

function takeLong({ options, arg, rest, out }: Taking): void {
  const equals = arg.indexOf('=');
  const name = equals < 0 ? arg : arg.slice(0, equals);
  const given = equals < 0 ? undefined : arg.slice(equals + 1);
  const option = options.find(({ long }) => long === name);
  if (option === undefined) throw flagError(`unknown flag: ${name}`);
  if (option.required) {
    const value = given ?? rest.shift();
    if (value === undefined) throw flagError(`flag needs an argument: ${name}`);
    out.push([name, value]);
  } else if (option.optional) out.push([`${name}=${given ?? String(option.presetArg ?? '')}`]);
  else switchOn(option, given, out);
}

/** Single letters: several switches may share one dash, and a value may follow its letter at once. */
function takeShort({ options, arg, rest, out }: Taking): void {
  for (let at = 1; at < arg.length; at += 1) {
    const letter = arg.charAt(at);
    const option = options.find(({ short }) => short === `-${letter}`);
    if (option?.long === undefined) throw flagError(`unknown shorthand flag: '${letter}' in -${arg.slice(at)}`);
    const tail = arg.slice(at + 1);
    if (option.required) {
      const value = tail === '' ? rest.shift() : tail.replace(/^=/, '');
      if (value === undefined) throw flagError(`flag needs an argument: '${letter}' in -${arg.slice(at)}`);
      out.push([option.long, value]);
      return;
    }
    if (tail.startsWith('=')) {
      switchOn(option, tail.slice(1), out);
      return;
    }
    switchOn(option, undefined, out);
  }
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** A switch that was turned off again is left out, for all of them are off by default. */
function switchOn(option: Option, given: string | undefined, out: string[][]): void {
  const name = option.long ?? '';
  const on = given === undefined ? true : truths.get(given);
  if (on === undefined) {
    const names = option.short === undefined ? name : `${option.short}, ${name}`;
    const problem = `strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`;
    throw flagError(`invalid argument ${JSON.stringify(given)} for "${names}" flag: ${problem}`);
  }
  const before = out.findIndex((entry) => entry.length === 1 && entry[0] === name);
  if (before >= 0) out.splice(before, 1);
  if (on) out.push([name]);
}

/** The operands of a command that takes `least` to `most` of them. */
export function checkOperands(
  operands: readonly string[],
  command: { readonly name: string; readonly usage: string; readonly least: number; readonly most?: number },
): void {
  const { name, usage, least, most } = command;
  const says = (count: number): string => `${count} argument${count === 1 ? '' : 's'}`;
  const usageText = `\n\nUsage:  ${name} ${usage}`;
  const isExact = least === most;
  if (operands.length < least || (isExact && operands.length !== least)) {
    throw flagError(`"${name}" requires ${isExact ? '' : 'at least '}${says(least)}${usageText}`);
  }
  if (most !== undefined && operands.length > most) {
    throw flagError(`"${name}" accepts at most ${says(most)}${usageText}`);
  }
}

/** A comma list in which an entry with commas stands in double quotes, as encoding/csv reads it. */
export function commaList(text: string): string[] {
  if (text === '') return [];
  const parts: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    parts.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    if (match[3] === '') return parts;
  }
  throw new Error(`parse error on line 1: bare " in non-quoted field`);
}

/** A Go duration in milliseconds. Throws in Go's words. */
export function goDuration(text: string): number {
  const units: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    µs: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
  };
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (text === '0') return 0;
  if (match === null) {
    const bare = /^[+-]?\d+(\.\d+)?$/.test(text) ? 'missing unit in' : 'invalid';
    throw new Error(`time: ${bare} duration ${JSON.stringify(text)}`);
  }
  const parts = [...(match[2] ?? '').matchAll(/([\d.]+)([a-zµ]+)/g)];
  const sum = parts.reduce((total, part) => total + Number(part[1]) * (units[part[2] ?? ''] ?? 0), 0);
  return match[1] === '-' ? -sum : sum;
}
