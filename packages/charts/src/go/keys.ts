/** Private keys made from the render's own randomness, in the PEM forms that sprig writes. */

import { checkPrimeSync, createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import { RSAPrivateKey } from '@peculiar/asn1-rsa';
import { AsnConvert } from '@peculiar/asn1-schema';
import type { Random } from '@towpath/kit';
import { FunctionError } from '../errors.ts';

const publicExponent = 65_537n;

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** Unsigned big-endian bytes with the leading zero that DER wants before a high bit. */
function integerBytes(value: bigint): ArrayBuffer {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (/^[89a-f]/.test(hex)) hex = `00${hex}`;
  return Uint8Array.from(Buffer.from(hex, 'hex')).buffer;
}

const smallPrimes = [3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n, 43n, 47n, 53n, 59n, 61n, 67n, 71n, 73n];

/** A prime of exactly `bits`, with its two highest bits set, so that a product of two has all bits. */
function randomPrime(random: Random, bits: number): bigint {
  const top = 3n << BigInt(bits - 2);
  for (;;) {
    let candidate = toBigInt(random.bytes(bits / 8)) | top | 1n;
    for (let step = 0; step < bits; step += 1, candidate += 2n) {
      if (smallPrimes.some((prime) => candidate % prime === 0n)) continue;
      if (candidate % publicExponent !== 1n && checkPrimeSync(candidate)) return candidate;
    }
  }
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** An RSA key of `bits`. */
export function rsaKey(random: Random, bits: number): KeyObject {
  const p = randomPrime(random, bits / 2);
  let q = randomPrime(random, bits / 2);
  while (q === p) q = randomPrime(random, bits / 2);
  const privateExponent = inverse(publicExponent, (p - 1n) * (q - 1n));
  const key = new RSAPrivateKey({
    version: 0,
    modulus: integerBytes(p * q),
    publicExponent: integerBytes(publicExponent),
    privateExponent: integerBytes(privateExponent),
    prime1: integerBytes(p),
    prime2: integerBytes(q),
    exponent1: integerBytes(privateExponent % (p - 1n)),
    exponent2: integerBytes(privateExponent % (q - 1n)),
    coefficient: integerBytes(inverse(q, p)),
  });
  return createPrivateKey({ key: Buffer.from(AsnConvert.serialize(key)), format: 'der', type: 'pkcs1' });
}

const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** An ECDSA key on P-256. */
export function ecdsaKey(random: Random): KeyObject {
  // 64 bits more than the order make the remainder uniform enough.
  const scalar = (toBigInt(random.bytes(40)) % (p256Order - 1n)) + 1n;
  const secret = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(secret);
  const point = curve.getPublicKey();
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: secret.toString('base64url'),
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/** PKCS #8 around an Ed25519 seed. */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

export function ed25519Key(random: Random): KeyObject {
  const der = Buffer.concat([ed25519Prefix, random.bytes(32)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** The key as sprig writes it: PKCS #1 for RSA, SEC 1 for curves, PKCS #8 for the rest. */
export function keyPem(key: KeyObject): string {
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs8';
  return String(key.export({ format: 'pem', type }));
}

/** Reads a PEM private key. Throws `FunctionError` with sprig's sentence. */
export function parseKeyPem(pem: string): KeyObject {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1];
  if (label === undefined) throw new FunctionError('no PEM data in input');
  if (!label.endsWith('PRIVATE KEY')) throw new FunctionError(`no private key data in PEM block of type ${label}`);
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const kind =
      label === 'PRIVATE KEY'
        ? 'decoding PEM as PKCS#8'
        : `parsing ${label.replace(/ PRIVATE KEY$/, '')} private key from PEM`;
    throw new FunctionError(`${kind}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
