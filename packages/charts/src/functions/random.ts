/** Random values, from the source the render was given. Source: sprig and Masterminds/goutils. */

import { toBase64 } from '#platform';
import { uuid } from '@towpath/kit';
import { FunctionError } from '../errors.ts';
import { goInt } from '../go/values.ts';
import { guardSize } from './guard.ts';
import { row, type FunctionRow, type Services } from './row.ts';

const lower = 'abcdefghijklmnopqrstuvwxyz';
const letters = lower.toUpperCase() + lower;
const digits = '0123456789';
const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');

function pick(services: Services, alphabet: string, count: number): string {
  guardSize(services, count);
  if (count <= 0) return '';
  return Array.from({ length: count }, () => alphabet[services.random.integer(alphabet.length)]).join('');
}

const alphabets = {
  randAlphaNum: [letters + digits, 'letters and digits'],
  randAlpha: [letters, 'letters'],
  randNumeric: [digits, 'digits'],
  randAscii: [ascii, 'printable ASCII characters'],
} as const;

function shuffle(services: Services, text: string): string {
  const chars = Array.from(text);
  for (let last = chars.length - 1; last > 0; last -= 1) {
    const other = services.random.integer(last + 1);
    const held = chars[last] ?? '';
    chars[last] = chars[other] ?? '';
    chars[other] = held;
  }
  return chars.join('');
}

export const random: readonly FunctionRow[] = [
  ...(Object.keys(alphabets) as (keyof typeof alphabets)[]).map((name) =>
    row({
      name,
      args: ['int'],
      returns: 'string',
      doc: `So many random ${alphabets[name][1]}.`,
      run(count) {
        return pick(this.services, alphabets[name][0], count);
      },
    }),
  ),
  row({
    name: 'randInt',
    args: ['int', 'int'],
    returns: 'int',
    doc: 'A random whole number from the first up to, not including, the second.',
    run(min, max) {
      if (max - min <= 0) throw new FunctionError('invalid argument to Intn');
      return goInt(min + this.services.random.integer(Math.min(max - min, 2 ** 47)));
    },
  }),
  row({
    name: 'randBytes',
    args: ['int'],
    returns: '(string, error)',
    doc: 'So many random bytes in base64.',
    run(count) {
      guardSize(this.services, count);
      if (count < 0) throw new FunctionError('runtime error: makeslice: len out of range');
      return toBase64(this.services.random.bytes(count));
    },
  }),
  row({
    name: 'shuffle',
    args: ['string'],
    returns: 'string',
    doc: 'The characters in random order.',
    run(text) {
      return shuffle(this.services, text);
    },
  }),
  row({
    name: 'uuidv4',
    args: [],
    returns: 'string',
    doc: 'A random UUID.',
    run() {
      return uuid(this.services.random);
    },
  }),
];
