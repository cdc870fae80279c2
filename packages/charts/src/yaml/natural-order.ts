/** The order of keys that go-yaml writes: letters after others, digits by value. Source: go-yaml v2 sorter.go. */

import { isDigit, isLetter } from '../go/unicode.ts';

/** Compares two keys. */
export function compareNaturally(left: string, right: string, digitsFirst = false): number {
  const a = codes(left);
  const b = codes(right);
  const size = Math.min(a.length, b.length);
  for (let at = 0; at < size; at += 1) {
    const x = a[at] ?? 0;
    const y = b[at] ?? 0;
    if (x === y) continue;
    const isLeftLetter = isLetter(x);
    const isRightLetter = isLetter(y);
    if (isLeftLetter && isRightLetter) return x - y;
    if (isLeftLetter || isRightLetter) {
      // yaml.v3 puts a number's end before its longer form: a1b before a10.
      const isAfterDigit = digitsFirst && at > 0 && isDigit(a[at - 1] ?? 0);
      return (isAfterDigit ? isLeftLetter : isRightLetter) ? -1 : 1;
    }
    return compareDigits(a, b, at);
  }
  return a.length - b.length;
}

function codes(text: string): number[] {
  return Array.from(text, (char) => char.codePointAt(0) ?? 0);
}

const zero = 0x30;

/** Numbers that begin at `at`; a digit before them keeps leading zeros from counting as none. */
function compareDigits(a: readonly number[], b: readonly number[], at: number): number {
  let start = 0n;
  if (a[at] === zero || b[at] === zero) {
    for (let before = at - 1; before >= 0 && isDigit(a[before] ?? 0); before -= 1) {
      if (a[before] === zero) continue;
      start = 1n;
      break;
    }
  }
  const left = readNumber(a, at, start);
  const right = readNumber(b, at, start);
  if (left.value !== right.value) return left.value < right.value ? -1 : 1;
  if (left.end !== right.end) return left.end - right.end;
  return (a[at] ?? 0) - (b[at] ?? 0);
}

function readNumber(text: readonly number[], at: number, start: bigint): { value: bigint; end: number } {
  let value = start;
  let end = at;
  for (let code = text[end]; code !== undefined && isDigit(code); code = text[end]) {
    value = BigInt.asIntN(64, value * 10n + BigInt(code - zero));
    end += 1;
  }
  return { value, end };
}

/** The keys of a map in go-yaml's order; `digitsFirst` for yaml.v3. */
export function naturalKeys(map: ReadonlyMap<string, unknown>, digitsFirst = false): string[] {
  const keys = [...map.keys()];
  return keys.length < 2 ? keys : keys.toSorted((left, right) => compareNaturally(left, right, digitsFirst));
}
