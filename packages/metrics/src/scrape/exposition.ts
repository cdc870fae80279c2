/** Reads the text formats of /metrics: Prometheus text 0.0.4 and OpenMetrics 1.0. */

import { metricsError } from '../errors.ts';
import { labelsFromPairs, metricNameLabel, type Labels } from '../labels.ts';

interface ExpositionSample {
  /** The line up to the value: equal texts are equal series, so that a scraper parses each only once. */
  readonly series: string;
  readonly value: number;
  /** The page's own timestamp, rarely there. */
  readonly atMs: number | undefined;
}

export interface ExpositionMetadata {
  readonly metric: string;
  readonly type?: string;
  readonly help?: string;
  readonly unit?: string;
}

export interface ExpositionHandlers {
  readonly sample: (sample: ExpositionSample) => void;
  readonly metadata?: (metadata: ExpositionMetadata) => void;
}

/** A page longer than this is refused. */
export const maxPageChars = 32 * 1024 * 1024;

/** Goes through a page line by line. Throws `EXPOSITION_INVALID` with the line's number. */
export function parseExposition(text: string, openMetrics: boolean, handlers: ExpositionHandlers): void {
  if (text.length > maxPageChars) {
    throw metricsError('EXPOSITION_INVALID', `page of ${text.length} characters is longer than ${maxPageChars}`);
  }
  let lineNumber = 0;
  let ended = false;
  for (let from = 0; from < text.length;) {
    let to = text.indexOf('\n', from);
    if (to < 0) to = text.length;
    lineNumber++;
    const line = text.slice(from, to);
    from = to + 1;
    if (line.startsWith('#')) {
      if (openMetrics && line.trimEnd() === '# EOF') {
        ended = true;
        break;
      }
      if (handlers.metadata !== undefined) parseComment(line, handlers.metadata);
    } else if (line.trim() !== '') handlers.sample(parseSample(line, lineNumber, openMetrics));
  }
  if (openMetrics && !ended) throw metricsError('EXPOSITION_INVALID', 'the page does not end with # EOF');
}

function parseComment(line: string, report: (metadata: ExpositionMetadata) => void): void {
  const found = /^#\s*(HELP|TYPE|UNIT)\s+(\S+)\s?(.*)$/.exec(line);
  if (found === null) return;
  const [, keyword, metric = '', detail = ''] = found;
  if (keyword === 'HELP') report({ metric, help: detail.replaceAll('\\n', '\n').replaceAll('\\\\', '\\') });
  else if (keyword === 'TYPE') report({ metric, type: detail.trim() });
  else report({ metric, unit: detail.trim() });
}

function parseSample(line: string, lineNumber: number, openMetrics: boolean): ExpositionSample {
  const end = endOfSeries(line, lineNumber, openMetrics);
  const exemplar = openMetrics ? line.indexOf(' # ', end) : -1;
  const rest = line.slice(end, exemplar < 0 ? undefined : exemplar).trim();
  const space = rest.search(/\s/);
  const valueText = space < 0 ? rest : rest.slice(0, space);
  const value = parseSampleValue(valueText);
  if (value === undefined) throw invalid(lineNumber, `"${valueText}" is no value`);
  const timeText = space < 0 ? '' : rest.slice(space).trim();
  if (timeText === '') return { series: line.slice(0, end), value, atMs: undefined };
  const time = Number(timeText);
  if (Number.isNaN(time)) throw invalid(lineNumber, `"${timeText}" is no timestamp`);
  return { series: line.slice(0, end), value, atMs: openMetrics ? Math.round(time * 1000) : time };
}

/** Where the name and labels end. */
function endOfSeries(line: string, lineNumber: number, openMetrics: boolean): number {
  const brace = line.indexOf('{');
  const space = line.search(/[ \t]/);
  if (brace < 0 || (space >= 0 && space < brace && line.slice(space, brace).trim() !== '')) {
    if (space <= 0) throw invalid(lineNumber, 'a value is missing');
    return space;
  }
  // Without exemplars nothing after the labels has a brace.
  const close = openMetrics ? -1 : line.lastIndexOf('}');
  if (close > brace) return close + 1;
  let quoted = false;
  for (let index = brace + 1; index < line.length; index++) {
    const character = line.charCodeAt(index);
    if (character === 0x5c && quoted) index++;
    else if (character === 0x22) quoted = !quoted;
    else if (character === 0x7d && !quoted) return index + 1;
  }
  throw invalid(lineNumber, 'the labels do not end with }');
}

const namedValues: Readonly<Record<string, number>> = {
  '+inf': Infinity,
  inf: Infinity,
  '-inf': -Infinity,
  nan: NaN,
};

function parseSampleValue(text: string): number | undefined {
  const value = Number(text);
  if (text !== '' && !Number.isNaN(value)) return value;
  return namedValues[text.toLowerCase()];
}

const labelPattern = /\s*(?:([a-zA-Z_][\w]*)|"((?:[^"\\]|\\.)*)")\s*(?:=\s*"((?:[^"\\]|\\.)*)"\s*)?(,|$)/y;

/** The labels of a sample's `series` text. Throws `EXPOSITION_INVALID`. */
export function parseSeriesLabels(series: string): Labels {
  const brace = series.indexOf('{');
  if (brace < 0) return labelsFromPairs([[metricNameLabel, series.trim()]]);
  const pairs: [string, string][] = [];
  const name = series.slice(0, brace).trim();
  if (name !== '') pairs.push([metricNameLabel, name]);
  const inner = series.slice(brace + 1, -1);
  labelPattern.lastIndex = 0;
  while (labelPattern.lastIndex < inner.length) {
    if (/^\s*$/.test(inner.slice(labelPattern.lastIndex))) break;
    const at = labelPattern.lastIndex;
    const found = labelPattern.exec(inner);
    if (found === null) throw metricsError('EXPOSITION_INVALID', `labels cannot be read at "${inner.slice(at)}"`);
    const [, plain, quoted, value] = found;
    // `{"name", a="b"}` is the quoted form of a metric's name.
    if (value === undefined) pairs.push([metricNameLabel, unescapeLabel(quoted ?? plain ?? '')]);
    else pairs.push([plain ?? unescapeLabel(quoted ?? ''), unescapeLabel(value)]);
  }
  return labelsFromPairs(pairs);
}

function unescapeLabel(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(.)/g, (_whole, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function invalid(lineNumber: number, what: string): Error {
  return metricsError('EXPOSITION_INVALID', `line ${lineNumber}: ${what}`);
}
