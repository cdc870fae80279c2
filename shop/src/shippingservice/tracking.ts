/** Tracking numbers: two letters, the address' length, random digits. */

type Random = (below: number) => number;

function digits(count: number, random: Random): string {
  return Array.from({ length: count }, () => random(10)).join('');
}

/** Form: `LL-<length><3 digits>-<half the length><7 digits>`, letters A to Y. */
export function trackingId(base: string, random: Random): string {
  const letter = (): string => String.fromCharCode(65 + random(25));
  const length = Buffer.byteLength(base);
  return `${letter()}${letter()}-${length}${digits(3, random)}-${Math.floor(length / 2)}${digits(7, random)}`;
}
