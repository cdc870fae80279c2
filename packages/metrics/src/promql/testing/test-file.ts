/**
 * Parses Prometheus' test language: `load`, `clear`, `eval instant|range`, `expect …`.
 * Source: prometheus/prometheus, promql/promqltest/README.md.
 */

import { parseDuration, parseNumber, parseString } from '../literals.ts';
import { parseSeriesText, type SeriesText } from './series-text.ts';

export interface LoadCommand {
  readonly type: 'load';
  readonly line: number;
  readonly stepMs: number;
  readonly series: readonly SeriesText[];
}

export interface EvalCommand {
  readonly type: 'eval';
  readonly line: number;
  readonly query: string;
  readonly startMs: number;
  /** Absent for an instant query. */
  readonly range: { readonly endMs: number; readonly stepMs: number } | undefined;
  readonly fails: boolean;
  readonly failMessage: string | undefined;
  readonly failPattern: string | undefined;
  readonly ordered: boolean;
  readonly series: readonly SeriesText[];
  /** A bare number: the result is a scalar. */
  readonly scalar: number | undefined;
  readonly text: string | undefined;
  /** A reason why this runner cannot judge the case. */
  readonly unsupported: string | undefined;
}

export type Command = LoadCommand | EvalCommand | { readonly type: 'clear'; readonly line: number };

/** The commands of a file, in order. Throws with the line of what it does not understand. */
export function parseTestFile(text: string): Command[] {
  const commands: Command[] = [];
  const lines = text.split('\n').map((line) => (line.trimStart().startsWith('#') ? '' : line));
  for (let index = 0; index < lines.length;) {
    const head = (lines[index] ?? '').trim();
    const line = index + 1;
    index++;
    if (head === '') continue;
    const body: string[] = [];
    while (index < lines.length && /^\s+\S/.test(lines[index] ?? '')) body.push((lines[index++] ?? '').trim());
    commands.push(parseCommand(head, body, line));
  }
  return commands;
}

function parseCommand(head: string, body: readonly string[], line: number): Command {
  if (head === 'clear') return { type: 'clear', line };
  const load = /^load(?:_with_nhcb)?\s+(\S+)$/.exec(head);
  if (load !== null) {
    const series = body.flatMap((text) => (text.includes('{{') ? [] : [parseSeriesText(text)]));
    return { type: 'load', line, stepMs: duration(load[1] ?? '', line), series };
  }
  if (head.startsWith('eval')) return parseEval(head, body, line);
  throw new Error(`line ${line}: unknown command ${head}`);
}

const instantHead = /^eval(_fail|_warn|_ordered|_info)?\s+instant\s+(?:at\s+(\S+)\s+)?(.*)$/;
const rangeHead = /^eval(_fail|_warn|_ordered|_info)?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)$/;

function parseEval(head: string, body: readonly string[], line: number): EvalCommand {
  const instant = instantHead.exec(head);
  const range = rangeHead.exec(head);
  const flavour = (instant ?? range)?.[1];
  const query = instant?.[3] ?? range?.[5] ?? '';
  if (query === '') throw new Error(`line ${line}: no query in ${head}`);
  const expectations = parseExpectations(body);
  return {
    type: 'eval',
    line,
    query,
    startMs: duration(instant?.[2] ?? range?.[2] ?? '0', line),
    range:
      range === null ? undefined : { endMs: duration(range[3] ?? '', line), stepMs: duration(range[4] ?? '', line) },
    ...expectations,
    fails: flavour === '_fail' || expectations.fails,
    ordered: flavour === '_ordered' || expectations.ordered,
  };
}

type Expectations = Pick<
  EvalCommand,
  'fails' | 'failMessage' | 'failPattern' | 'ordered' | 'series' | 'scalar' | 'text' | 'unsupported'
>;

function parseExpectations(body: readonly string[]): Expectations {
  const series: SeriesText[] = [];
  let scalar: number | undefined;
  let text: string | undefined;
  let [fails, ordered] = [false, false];
  let [failMessage, failPattern, unsupported]: (string | undefined)[] = [];
  for (const line of body) {
    const expectation = /^expect\s+(fail|warn|no_warn|info|no_info|ordered|string|range)\s*(.*)$/.exec(line);
    const detail = expectation?.[2] ?? '';
    if (line.startsWith('expected_fail_message')) failMessage = line.slice('expected_fail_message'.length).trim();
    else if (line.startsWith('expected_fail_regexp')) failPattern = line.slice('expected_fail_regexp'.length).trim();
    else if (expectation?.[1] === 'fail') {
      fails = true;
      if (detail.startsWith('msg:')) failMessage = detail.slice('msg:'.length).trim();
      if (detail.startsWith('regex:')) failPattern = detail.slice('regex:'.length).trim();
    } else if (expectation?.[1] === 'ordered') ordered = true;
    else if (expectation?.[1] === 'string') text = parseString(detail);
    else if (expectation?.[1] === 'range') unsupported = 'expect range vector';
    else if (expectation !== null) continue;
    else if (/^["'`]/.test(line)) text = parseString(line);
    else if (line.includes('{{')) unsupported = 'native histogram';
    else if (isNumber(line)) scalar = parseNumber(line);
    else series.push(parseSeriesText(line));
  }
  return { fails, failMessage, failPattern, ordered, series, scalar, text, unsupported };
}

function isNumber(line: string): boolean {
  if (/\s/.test(line)) return false;
  try {
    parseNumber(line);
    return true;
  } catch {
    return false;
  }
}

function duration(text: string, line: number): number {
  const negative = text.startsWith('-');
  const bare = negative ? text.slice(1) : text;
  const durationMs = parseDuration(bare) ?? Number(bare) * 1000;
  if (Number.isNaN(durationMs)) throw new Error(`line ${line}: ${text} is no duration`);
  return negative ? -durationMs : durationMs;
}
