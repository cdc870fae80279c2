/** The platform in Node: its native crypto and zlib. */

import {
  checkPrimeSync,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  scryptSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { createGunzip, gzip as gzipWithCallback, type InputType, type ZlibOptions } from 'node:zlib';
import type { AesOptions, CurveName, HashName, RsaParts, ScryptOptions } from './types.ts';

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}

export function hash(name: HashName, bytes: Uint8Array): Uint8Array {
  return createHash(name).update(bytes).digest();
}

export function hmac(name: HashName, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHmac(name, key).update(bytes).digest();
}

export function scrypt({ password, salt, cost, blockSize, parallelization, sizeBytes }: ScryptOptions): Uint8Array {
  const maxmem = 256 * cost * blockSize;
  return scryptSync(password, salt, sizeBytes, { N: cost, r: blockSize, p: parallelization, maxmem });
}

export function encryptAes({ key, iv }: AesOptions, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

export function decryptAes({ key, iv }: AesOptions, blocks: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-256-cbc', key, iv).setAutoPadding(false);
  return Buffer.concat([decipher.update(blocks), decipher.final()]);
}

export function isPrime(candidate: bigint): boolean {
  return checkPrimeSync(candidate);
}

const curves: Readonly<Record<CurveName, string>> = {
  'P-224': 'secp224r1',
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

export function curvePoint(curve: CurveName, secret: Uint8Array): Uint8Array {
  const pair = createECDH(curves[curve]);
  pair.setPrivateKey(secret);
  return pair.getPublicKey();
}

/** PKCS #8 around an Ed25519 seed. */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519Key(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([ed25519Prefix, seed]), format: 'der', type: 'pkcs8' });
}

export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return createPublicKey(ed25519Key(seed)).export({ format: 'der', type: 'spki' }).subarray(-32);
}

export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return sign(null, message, ed25519Key(seed));
}

export function signRsa({ der }: RsaParts, message: Uint8Array): Uint8Array {
  return sign('sha256', message, createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs1' }));
}

export async function* gunzip(data: Uint8Array): AsyncIterable<Uint8Array> {
  const stream = createGunzip();
  stream.end(data);
  yield* stream as AsyncIterable<Uint8Array>;
}

const gzipBuffer = promisify<InputType, ZlibOptions, Buffer>(gzipWithCallback);

export async function gzip(data: Uint8Array): Promise<Uint8Array> {
  return gzipBuffer(data, { level: 9 });
}
