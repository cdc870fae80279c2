/** Randomness as a dependency, so that names, tokens and jitter can be repeated in tests. */

/** A source of random values. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** A whole number in [0, below); `below` is at most 2^48. */
  integer(below: number): number;
}

/** What `getRandomValues` gives at once. */
const bytesAtOnce = 65_536;

function systemBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += bytesAtOnce) crypto.getRandomValues(bytes.subarray(at, at + bytesAtOnce));
  return bytes;
}

/** The system's cryptographic source, in Node as in a browser. */
export const systemRandom: Random = {
  bytes: systemBytes,
  integer(below) {
    // Numbers of the last, incomplete round of `below` are drawn again: they would make the small ones likelier.
    const end = 2 ** 48 - (2 ** 48 % below);
    for (;;) {
      const drawn = systemBytes(6).reduce((number, byte) => number * 256 + byte, 0);
      if (drawn < end) return drawn % below;
    }
  },
};

/** Bytes that a pooled source draws at once. */
const poolBytes = 4_096;

/** The same source, asked for many bytes at a time: for servers that make ids by the thousand. */
export function pooledRandom(source: Random): Random {
  let pool: Uint8Array = new Uint8Array(0);
  return {
    bytes(count) {
      if (count > poolBytes) return source.bytes(count);
      if (pool.length < count) pool = source.bytes(poolBytes);
      const taken = pool.slice(0, count);
      pool = pool.subarray(count);
      return taken;
    },
    integer: (below) => source.integer(below),
  };
}

/** A repeatable source (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    integer: (below) => Math.floor(next() * below),
  };
}

/** A random RFC 4122 version 4 UUID. */
export function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A random suffix of `length` characters from Kubernetes' safe alphabet (apimachinery, util/rand). */
export function randomSuffix(random: Random, length = 5): string {
  return Array.from({ length }, () => suffixAlphabet[random.integer(suffixAlphabet.length)]).join('');
}
