/** What the engine asks of the machine below it: pure computations that are fast in Node and must be brought along elsewhere. */

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

export type CurveName = 'P-224' | 'P-256' | 'P-384' | 'P-521';

/** An RSA key in PKCS #1 form and the two numbers that a signature needs. */
export interface RsaParts {
  readonly der: Uint8Array;
  readonly modulus: bigint;
  readonly privateExponent: bigint;
}

export interface ScryptOptions {
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly sizeBytes: number;
}

/** AES-256 in CBC mode: 32 bytes of key, 16 of initial vector. */
export interface AesOptions {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** Two modules fulfil it, `node.ts` and `web.ts`; the condition `node` of package.json's `imports` chooses. */
export interface Platform {
  toBase64(bytes: Uint8Array): string;
  /** Of text that is known to be base64. */
  fromBase64(text: string): Uint8Array;
  hash(name: HashName, bytes: Uint8Array): Uint8Array;
  hmac(name: HashName, key: Uint8Array, bytes: Uint8Array): Uint8Array;
  scrypt(options: ScryptOptions): Uint8Array;
  /** Fills up the last block as PKCS #7 says. */
  encryptAes(options: AesOptions, plain: Uint8Array): Uint8Array;
  /** Whole blocks in and out; the fill is left in. */
  decryptAes(options: AesOptions, blocks: Uint8Array): Uint8Array;
  isPrime(candidate: bigint): boolean;
  /** The uncompressed public point of a secret scalar, big-endian and as long as the curve's field. */
  curvePoint(curve: CurveName, secret: Uint8Array): Uint8Array;
  ed25519PublicKey(seed: Uint8Array): Uint8Array;
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** PKCS #1 v1.5 over SHA-256. */
  signRsa(key: RsaParts, message: Uint8Array): Uint8Array;
  /** In pieces, so that the reader can stop at its limit; throws on bytes that are no gzip. */
  gunzip(data: Uint8Array): AsyncIterable<Uint8Array>;
  gzip(data: Uint8Array): Promise<Uint8Array>;
}
