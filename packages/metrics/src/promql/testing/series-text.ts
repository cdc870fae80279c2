/** The series notation of test files: `name{a="b"} 0+10x5 _ 3 stale`. */

import { labelsFromPairs, metricNameLabel, type Labels } from '../../labels.ts';
import { parseSelector } from '../parse.ts';
import { parseNumber } from '../literals.ts';

/** A point of a series: a value, nothing, or the end of the series. */
export type Point = number | 'absent' | 'stale';

export interface SeriesText {
  readonly labels: Labels;
  readonly points: readonly Point[];
}

/** Parses one line. Throws when it is no series, or when it has native histograms. */
export function parseSeriesText(line: string): SeriesText {
  const trimmed = line.trim();
  const end = endOfLabels(trimmed);
  const values = trimmed.slice(end).trim();
  if (values.includes('{{')) throw new Error('native histograms are not supported');
  const points = values === '' ? [] : values.split(/\s+/).flatMap(parsePoint);
  return { labels: parseLabels(trimmed.slice(0, end)), points };
}

/** `{}` is the empty label set; anything else reads as a selector with equality matchers. */
function parseLabels(text: string): Labels {
  if (/^\s*\{\s*\}\s*$/.test(text)) return [];
  const matchers = parseSelector(text.replace(/\{\s*\}$/, ''));
  return labelsFromPairs(matchers.map((matcher) => [matcher.name || metricNameLabel, matcher.value]));
}

function endOfLabels(text: string): number {
  const brace = text.indexOf('{');
  const space = text.search(/\s/);
  if (brace < 0 || (space >= 0 && space < brace && !/^\S+\s+\{/.test(text))) return space < 0 ? text.length : space;
  let quote = '';
  for (let index = brace; index < text.length; index++) {
    const character = text.charAt(index);
    if (quote !== '') {
      if (character === '\\') index++;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'" || character === '`') quote = character;
    else if (character === '}') return index + 1;
  }
  throw new Error(`labels do not end: ${text}`);
}

const number = String.raw`[-+]?(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|0x[\da-fA-F]+|[iI]nf|[nN]a[nN])`;
const expanding = new RegExp(`^(${number})([-+](?:${number.slice('[-+]?'.length)}))x(\\d+)$`);
const repeating = new RegExp(`^(${number})x(\\d+)$`);

function parsePoint(text: string): Point[] {
  if (text === '_') return ['absent'];
  if (text === 'stale') return ['stale'];
  const gap = /^_x(\d+)$/.exec(text);
  if (gap !== null) return Array.from({ length: Number(gap[1]) }, (): Point => 'absent');
  const steps = expanding.exec(text);
  if (steps !== null) {
    const start = parseNumber(steps[1] ?? '');
    const step = parseNumber(steps[2] ?? '');
    // Repeated addition, as Prometheus expands it: rounding is part of the expected values.
    const points: number[] = [start];
    for (let index = 0; index < Number(steps[3]); index++) points.push((points.at(-1) ?? 0) + step);
    return points;
  }
  const same = repeating.exec(text);
  if (same !== null) return Array.from({ length: Number(same[2]) + 1 }, () => parseNumber(same[1] ?? ''));
  return [parseNumber(text)];
}
