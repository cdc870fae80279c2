/** Checksums. Source: sprig, crypto.go. */

import { hash } from '#platform';
import { toBytes, toHex } from '../go/utf8.ts';
import { row, type FunctionRow } from './row.ts';

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

const one = ['string'] as const;

export const hashes: readonly FunctionRow[] = [
  ...(['sha1', 'sha256', 'sha512'] as const).map((algorithm) =>
    row({
      name: `${algorithm}sum`,
      args: one,
      returns: 'string',
      doc: `The ${algorithm} checksum in hexadecimal.`,
      example: [
        `{{ ${algorithm}sum "" | trunc 8 }}`,
        { sha1: 'da39a3ee', sha256: 'e3b0c442', sha512: 'cf83e135' }[algorithm],
      ],
      run: (text) => toHex(hash(algorithm, toBytes(text))),
    }),
  ),
  row({
    name: 'adler32sum',
    args: one,
    returns: 'string',
    doc: 'The Adler-32 checksum in decimal.',
    example: ['{{ adler32sum "a" }}', '6422626'],
    run: (text) => String(adler32(toBytes(text))),
  }),
];
