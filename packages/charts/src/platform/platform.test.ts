/** Both platforms give the same. */

import { createPublicKey, verify } from 'node:crypto';
import { seededRandom } from '@towpath/kit';
import { describe, expect, test } from 'vitest';
import { toBigEndian } from '../go/big.ts';
import { curves, signEcdsa } from '../go/ecdsa.ts';
import { ecdsaSignatureDer, publicKeyInfo, encodeDer } from '../go/key-der.ts';
import { ecdsaKey, rsaKey } from '../go/keys.ts';
import { concatBytes } from '../go/utf8.ts';
import * as node from './node.ts';
import type { CurveName, Platform } from './types.ts';
import * as web from './web.ts';

const platforms: Readonly<Record<string, Platform>> = { node, web };
const random = seededRandom(5);
const message = random.bytes(100);
const key = random.bytes(32);
const iv = random.bytes(16);
const rsa = rsaKey(seededRandom(2), 1024);

const computations: readonly { name: string; run: (platform: Platform) => unknown }[] = [
  { name: 'base64', run: (platform) => platform.toBase64(message) },
  { name: 'base64 of much', run: (platform) => platform.toBase64(new Uint8Array(100_000).fill(7)).length },
  { name: 'base64 back', run: (platform) => platform.fromBase64('AP9hYg==') },
  ...(['sha1', 'sha256', 'sha384', 'sha512'] as const).flatMap((name) => [
    { name, run: (platform: Platform) => platform.hash(name, message) },
    { name: `hmac ${name}`, run: (platform: Platform) => platform.hmac(name, key, message) },
  ]),
  {
    name: 'scrypt',
    run: (platform) =>
      platform.scrypt({ password: key, salt: iv, cost: 1024, blockSize: 8, parallelization: 2, sizeBytes: 64 }),
  },
  { name: 'AES', run: (platform) => platform.encryptAes({ key, iv }, message) },
  { name: 'AES back', run: (platform) => platform.decryptAes({ key, iv }, node.encryptAes({ key, iv }, message)) },
  { name: 'Ed25519 key', run: (platform) => platform.ed25519PublicKey(key) },
  { name: 'Ed25519', run: (platform) => platform.ed25519Sign(key, message) },
  { name: 'RSA', run: (platform) => platform.signRsa(rsa, message) },
  ...(Object.keys(curves) as CurveName[]).map((curve) => ({
    name: curve,
    run: (platform: Platform) => platform.curvePoint(curve, toBigEndian(0x1234_5678_9abcn, curves[curve].sizeBytes)),
  })),
  {
    name: 'primes',
    run: (platform) => Array.from({ length: 200 }, (_, index) => platform.isPrime(2n ** 61n - 1n - 2n * BigInt(index))),
  },
];

test.each(computations)('$name', ({ run }) => {
  const shown = Object.values(platforms).map((platform) => {
    const value = run(platform);
    return value instanceof Uint8Array ? Array.from(value) : value;
  });

  expect(shown[1]).toEqual(shown[0]);
});

describe.each(Object.entries(platforms))('%s', (_name, platform) => {
  const collect = async (pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
    const parts: Uint8Array[] = [];
    for await (const part of pieces) parts.push(part);
    return concatBytes(parts);
  };

  test('unpacks what each packs', async () => {
    const packed = await Promise.all(Object.values(platforms).map((other) => other.gzip(message)));
    const unpacked = await Promise.all(packed.map((data) => collect(platform.gunzip(data))));

    expect(unpacked.map((data) => Array.from(data))).toEqual([Array.from(message), Array.from(message)]);
  });

  test('refuses what is cut short', async () => {
    const packed = await node.gzip(message);

    await expect(collect(platform.gunzip(packed.subarray(0, -20)))).rejects.toThrow();
  });
});

test.each(Object.keys(curves) as CurveName[])('a signature on %s is valid and repeats', (curve) => {
  const { secret } = ecdsaKey(seededRandom(3));
  const { hash } = curves[curve];
  const first = ecdsaSignatureDer(signEcdsa(curve, secret % curves[curve].order, message));
  const publicKey = createPublicKey({
    key: Buffer.from(encodeDer(publicKeyInfo({ type: 'ec', curve, secret: secret % curves[curve].order }))),
    format: 'der',
    type: 'spki',
  });

  expect(verify(hash, message, publicKey, first)).toBe(true);
  expect(ecdsaSignatureDer(signEcdsa(curve, secret % curves[curve].order, message))).toEqual(first);
});
