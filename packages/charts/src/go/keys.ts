/** Private keys as numbers, made from the render's own randomness. */

import { isPrime } from '#platform';
import type { Random } from '@towpath/kit';
import type { CurveName, RsaParts } from '../platform/types.ts';
import { fromBigEndian, inverse } from './big.ts';
import { curves } from './ecdsa.ts';
import { rsaPrivateKeyDer } from './key-der.ts';

export interface RsaKey extends RsaParts {
  readonly type: 'rsa';
  readonly publicExponent: bigint;
}

export interface EcKey {
  readonly type: 'ec';
  readonly curve: CurveName;
  readonly secret: bigint;
}

export interface Ed25519Key {
  readonly type: 'ed25519';
  readonly seed: Uint8Array;
}

export type PrivateKey = RsaKey | EcKey | Ed25519Key;

const publicExponent = 65_537n;
const sieveEnd = 10_000;

/** Odd primes. */
function primesBelow(end: number): number[] {
  const primes: number[] = [];
  for (let candidate = 3; candidate < end; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

/**
 * A prime of exactly `bits`, with its two highest bits set, so that a product of two has all bits; the sieve sorts out
 * most candidates before the costly test.
 */
function randomPrime(random: Random, bits: number, sieve: readonly number[]): bigint {
  const top = 3n << BigInt(bits - 2);
  for (;;) {
    const start = fromBigEndian(random.bytes(bits / 8)) | top | 1n;
    const rests = sieve.map((prime) => Number(start % BigInt(prime)));
    for (let offset = 0; offset < 2 * bits; offset += 2) {
      if (sieve.some((prime, index) => ((rests[index] ?? 0) + offset) % prime === 0)) continue;
      const candidate = start + BigInt(offset);
      if (candidate % publicExponent !== 1n && isPrime(candidate)) return candidate;
    }
  }
}

/** An RSA key of `bits`. */
export function rsaKey(random: Random, bits: number): RsaKey {
  const sieve = primesBelow(sieveEnd);
  const p = randomPrime(random, bits / 2, sieve);
  let q = randomPrime(random, bits / 2, sieve);
  while (q === p) q = randomPrime(random, bits / 2, sieve);
  const modulus = p * q;
  const privateExponent = inverse(publicExponent, (p - 1n) * (q - 1n));
  const der = rsaPrivateKeyDer({ modulus, publicExponent, privateExponent, p, q });
  return { type: 'rsa', modulus, publicExponent, privateExponent, der };
}

/** An ECDSA key on P-256. */
export function ecdsaKey(random: Random): EcKey {
  // 64 bits more than the order make the remainder uniform enough.
  const secret = (fromBigEndian(random.bytes(40)) % (curves['P-256'].order - 1n)) + 1n;
  return { type: 'ec', curve: 'P-256', secret };
}

export function ed25519Key(random: Random): Ed25519Key {
  return { type: 'ed25519', seed: random.bytes(32) };
}
