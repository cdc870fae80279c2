/** ECDSA whose nonce comes from key and message, so that the same render signs the same. Source: RFC 6979. */

import { curvePoint, hash, hmac } from '#platform';
import type { CurveName, HashName } from '../platform/types.ts';
import { bitLength, fromBigEndian, inverse, toBigEndian } from './big.ts';
import { concatBytes } from './utf8.ts';

/** A curve as certificates name it; `order` is that of its base point. */
interface Curve {
  readonly id: string;
  readonly order: bigint;
  /** The one Go signs with. */
  readonly hash: HashName;
  readonly signatureId: string;
  /** Of a coordinate. */
  readonly sizeBytes: number;
}

/** Source: FIPS 186-4, RFC 5480 and RFC 5758. */
export const curves: Readonly<Record<CurveName, Curve>> = {
  'P-224': {
    id: '1.3.132.0.33',
    order: 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
    hash: 'sha256',
    signatureId: '1.2.840.10045.4.3.2',
    sizeBytes: 28,
  },
  'P-256': {
    id: '1.2.840.10045.3.1.7',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    hash: 'sha256',
    signatureId: '1.2.840.10045.4.3.2',
    sizeBytes: 32,
  },
  'P-384': {
    id: '1.3.132.0.34',
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    hash: 'sha384',
    signatureId: '1.2.840.10045.4.3.3',
    sizeBytes: 48,
  },
  'P-521': {
    id: '1.3.132.0.35',
    order: BigInt(
      '0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa' +
        '51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
    ),
    hash: 'sha512',
    signatureId: '1.2.840.10045.4.3.4',
    sizeBytes: 66,
  },
};

/** The leftmost bits of `bytes` that the order has. */
function toScalar(bytes: Uint8Array, orderBits: number): bigint {
  const excess = bytes.length * 8 - orderBits;
  const value = fromBigEndian(bytes);
  return excess > 0 ? value >> BigInt(excess) : value;
}

/** Candidates for the nonce. Source: RFC 6979, section 3.2. */
function* nonces(curve: Curve, secret: bigint, digest: bigint): Generator<bigint> {
  const bits = bitLength(curve.order);
  const size = Math.ceil(bits / 8);
  const seed = concatBytes([toBigEndian(secret, size), toBigEndian(digest % curve.order, size)]);
  const hashSize = hash(curve.hash, seed).length;
  let state: Uint8Array = new Uint8Array(hashSize).fill(1);
  let key: Uint8Array = new Uint8Array(hashSize);
  for (const mark of [0, 1]) {
    key = hmac(curve.hash, key, concatBytes([state, Uint8Array.of(mark), seed]));
    state = hmac(curve.hash, key, state);
  }
  for (;;) {
    const parts: Uint8Array[] = [];
    for (let filled = 0; filled < size; filled += hashSize) {
      state = hmac(curve.hash, key, state);
      parts.push(state);
    }
    yield toScalar(concatBytes(parts), bits);
    key = hmac(curve.hash, key, concatBytes([state, Uint8Array.of(0)]));
    state = hmac(curve.hash, key, state);
  }
}

/** The two numbers of a signature over `message`. */
export function signEcdsa(name: CurveName, secret: bigint, message: Uint8Array): { r: bigint; s: bigint } {
  const curve = curves[name];
  const { order, sizeBytes } = curve;
  const digest = toScalar(hash(curve.hash, message), bitLength(order));
  for (const nonce of nonces(curve, secret, digest)) {
    if (nonce === 0n || nonce >= order) continue;
    const point = curvePoint(name, toBigEndian(nonce, sizeBytes));
    const r = fromBigEndian(point.subarray(1, 1 + sizeBytes)) % order;
    const s = (inverse(nonce, order) * ((digest + r * secret) % order)) % order;
    if (r !== 0n && s !== 0n) return { r, s };
  }
  throw new Error('bug: nonces never end');
}
