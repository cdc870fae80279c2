/** Compares two renders byte by byte; only what two runs of Helm itself give differently may be different, and only so far. */

import { decodedText, describePem, shapeOf } from './material.ts';

/** The first line that differs. */
export interface Difference {
  readonly line: number;
  readonly expected: string;
  readonly actual: string;
}

/** Two runs of Helm and one of ours. */
export interface Runs {
  readonly first: string;
  readonly second: string;
  readonly ours: string;
}

/** The first difference of two texts; undefined when there is none. */
export function firstDifference(expected: string, actual: string): Difference | undefined {
  if (expected === actual) return undefined;
  return compareLines({ first: expected, second: expected, ours: actual });
}

/**
 * As {@link firstDifference}, for a chart with random or dated texts: a token may differ where it differs between the
 * two runs of Helm, is of the same length and alphabet and, where it is base64 text or PEM, agrees inside.
 */
export function differenceButChance(runs: Runs): Difference | undefined {
  if (runs.first === runs.second) return firstDifference(runs.first, runs.ours);
  const first = describePem(runs.first);
  const second = describePem(runs.second);
  return compareLines({ first, second, ours: describePem(runs.ours) });
}

function compareLines({ first, second, ours }: Runs): Difference | undefined {
  const lines = { first: first.split('\n'), second: second.split('\n'), ours: ours.split('\n') };
  for (let index = 0; index < Math.max(lines.first.length, lines.ours.length); index += 1) {
    const expected = lines.first[index];
    const actual = lines.ours[index];
    if (expected === actual) continue;
    const again = lines.second[index];
    const isComplete = expected !== undefined && actual !== undefined && again !== undefined;
    if (isComplete && agree({ first: expected, second: again, ours: actual })) continue;
    return { line: index + 1, expected: expected ?? '(end)', actual: actual ?? '(end)' };
  }
  return undefined;
}

/** What parts tokens, finest first: base64 and bcrypt have signs in them that part other texts. */
const separators = [/([^A-Za-z0-9]+)/, /([^A-Za-z0-9+/=]+)/, /([^A-Za-z0-9+/=_-]+)/, /([^A-Za-z0-9+/=_.$-]+)/, /(\s+)/];

function agree(runs: Runs): boolean {
  if (runs.first === runs.second) return runs.first === runs.ours;
  return separators.some((separator) => {
    const [first, second, ours] = [runs.first, runs.second, runs.ours].map((line) => line.split(separator));
    if (first === undefined || second === undefined || ours === undefined) return false;
    if (first.length !== second.length || first.length !== ours.length) return false;
    return first.every((token, index) =>
      tokensAgree({ first: token, second: second[index] ?? '', ours: ours[index] ?? '' }),
    );
  });
}

function tokensAgree({ first, second, ours }: Runs): boolean {
  if (first === ours) return true;
  if (first === second) return false;
  const [firstText, secondText, ourText] = [first, second, ours].map(decodedText);
  if (firstText !== undefined && secondText !== undefined) {
    return (
      ourText !== undefined &&
      differenceButChance({ first: firstText, second: secondText, ours: ourText }) === undefined
    );
  }
  const shape = shapeOf(first);
  // Where Helm's own two are of different shapes, the shape says nothing.
  return shape !== shapeOf(second) || shape === shapeOf(ours);
}
