/** The platform of browsers and every other place without Node's modules: portable libraries and web streams. */

import { cbc } from '@noble/ciphers/aes.js';
import { weierstrass, type WeierstrassPointCons } from '@noble/curves/abstract/weierstrass.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { hmac as keyedHash } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { scrypt as deriveKey } from '@noble/hashes/scrypt.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { bitLength, fromBigEndian, isProbablePrime, powerModulo, toBigEndian } from '../go/big.ts';
import { concatBytes } from '../go/utf8.ts';
import type { AesOptions, CurveName, HashName, RsaParts, ScryptOptions } from './types.ts';

/** Arguments of one call: engines limit them. */
const charsAtOnce = 8192;

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += charsAtOnce) {
    text += String.fromCharCode(...bytes.subarray(at, at + charsAtOnce));
  }
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array {
  const bytes = atob(text);
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}

const hashes = { sha1, sha256, sha384, sha512 };

export function hash(name: HashName, bytes: Uint8Array): Uint8Array {
  return hashes[name](bytes);
}

export function hmac(name: HashName, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return keyedHash(hashes[name], key, bytes);
}

export function scrypt({ password, salt, cost, blockSize, parallelization, sizeBytes }: ScryptOptions): Uint8Array {
  return deriveKey(password, salt, { N: cost, r: blockSize, p: parallelization, dkLen: sizeBytes });
}

export function encryptAes({ key, iv }: AesOptions, plain: Uint8Array): Uint8Array {
  return cbc(key, iv).encrypt(plain);
}

export function decryptAes({ key, iv }: AesOptions, blocks: Uint8Array): Uint8Array {
  return cbc(key, iv, { disablePadding: true }).decrypt(blocks);
}

export function isPrime(candidate: bigint): boolean {
  return isProbablePrime(candidate);
}

const p224 = {
  p: 0xffffffffffffffffffffffffffffffff000000000000000000000001n,
  n: 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
  h: 1n,
  a: 0xfffffffffffffffffffffffffffffffefffffffffffffffffffffffen,
  b: 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n,
  Gx: 0xb70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21n,
  Gy: 0xbd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34n,
};

function pointsOf(curve: CurveName): WeierstrassPointCons<bigint> {
  switch (curve) {
    case 'P-224':
      return weierstrass(p224);
    case 'P-256':
      return p256.Point;
    case 'P-384':
      return p384.Point;
    case 'P-521':
      return p521.Point;
  }
}

export function curvePoint(curve: CurveName, secret: Uint8Array): Uint8Array {
  return pointsOf(curve).BASE.multiply(fromBigEndian(secret)).toBytes(false);
}

export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(seed);
}

export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519.sign(message, seed);
}

/** DER of a SHA-256 digest's name, before the digest. Source: RFC 8017, section 9.2. */
const sha256Info = Uint8Array.of(48, 49, 48, 13, 6, 9, 96, 134, 72, 1, 101, 3, 4, 2, 1, 5, 0, 4, 32);

/** Not in constant time: for certificates of a render, not for a server that others can time. */
export function signRsa({ modulus, privateExponent }: RsaParts, message: Uint8Array): Uint8Array {
  const size = Math.ceil(bitLength(modulus) / 8);
  const tail = concatBytes([Uint8Array.of(0), sha256Info, sha256(message)]);
  const block = concatBytes([Uint8Array.of(0, 1), new Uint8Array(size - tail.length - 2).fill(255), tail]);
  return toBigEndian(powerModulo(fromBigEndian(block), privateExponent, modulus), size);
}

/** One piece of bytes through a web stream. */
async function* through(data: Uint8Array, transform: GenericTransformStream): AsyncIterable<Uint8Array> {
  const source = new Blob([Uint8Array.from(data)]).stream();
  const reader = source.pipeThrough<Uint8Array>(transform).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

export function gunzip(data: Uint8Array): AsyncIterable<Uint8Array> {
  return through(data, new DecompressionStream('gzip'));
}

export async function gzip(data: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of through(data, new CompressionStream('gzip'))) parts.push(part);
  return concatBytes(parts);
}
