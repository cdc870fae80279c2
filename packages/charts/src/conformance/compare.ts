/** Compares two renders line by line, apart from what even two runs of Helm do not agree on. */

/** The first line that differs. */
export interface Difference {
  readonly line: number;
  readonly expected: string;
  readonly actual: string;
}

/** Lines that two runs of the same render gave differently: random and dated texts. */
export function changingLines(first: string, second: string): ReadonlySet<number> {
  const left = first.split('\n');
  const right = second.split('\n');
  return new Set([...left.keys()].filter((index) => left[index] !== right[index]));
}

/** The first difference outside the changing lines; undefined when there is none. */
export function firstDifference(
  expected: string,
  actual: string,
  changing: ReadonlySet<number> = new Set(),
): Difference | undefined {
  if (expected === actual) return undefined;
  const left = expected.split('\n');
  const right = actual.split('\n');
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    if (left[index] === right[index] || (changing.has(index) && right[index] !== undefined)) continue;
    return { line: index + 1, expected: left[index] ?? '(end)', actual: right[index] ?? '(end)' };
  }
  return undefined;
}
