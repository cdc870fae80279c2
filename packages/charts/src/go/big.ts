/** Big whole numbers: bytes, powers, inverses, primes. */

import { toHex } from './utf8.ts';

/** Of big-endian bytes. */
export function fromBigEndian(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** Big-endian bytes, as many as said; `value` must fit. */
export function toBigEndian(value: bigint, size: number): Uint8Array {
  const hex = value.toString(16).padStart(size * 2, '0');
  return Uint8Array.from({ length: size }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}

export function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/** `base` to the power of `exponent`, modulo `modulus`: one division for each bit. */
export function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    const square = result * result;
    result = (bit === '1' ? square * base : square) % modulus;
  }
  return result;
}

/** The number that `value` gives 1 with, modulo `modulus`. */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** Enough for numbers drawn at random: a composite one of 1024 bits passes with less than 2^-100. */
const witnesses = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n];

/** The test of Miller and Rabin, for odd numbers above the witnesses. */
export function isProbablePrime(candidate: bigint): boolean {
  let odd = candidate - 1n;
  let twos = 0;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    twos += 1;
  }
  return witnesses.every((witness) => {
    let power = powerModulo(witness, odd, candidate);
    if (power === 1n || power === candidate - 1n) return true;
    for (let step = 1; step < twos; step += 1) {
      power = (power * power) % candidate;
      if (power === candidate - 1n) return true;
    }
    return false;
  });
}
