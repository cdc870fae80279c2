/** Digests: `algorithm:hex`, computed and compared. */

import { createHash, type Hash } from 'node:crypto';

export type DigestAlgorithm = 'sha256' | 'sha512';

const form = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** True for a well-formed digest of an algorithm this package computes. */
export function isDigest(text: string): boolean {
  return form.test(text);
}

/** The algorithm of a digest that passed {@link isDigest}. */
export function algorithmOf(digest: string): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hexadecimal part. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes. */
export function digestOf(bytes: string | Uint8Array, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** A running digest. */
export function createDigest(algorithm: DigestAlgorithm = 'sha256'): {
  update(bytes: Uint8Array): void;
  digest(): string;
} {
  const hash: Hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => `${algorithm}:${hash.digest('hex')}` };
}
