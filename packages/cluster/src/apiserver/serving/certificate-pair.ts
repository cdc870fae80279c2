/** A certificate and its key, and whether they can be used; without the library that makes them. */

import { createPrivateKey, X509Certificate } from 'node:crypto';

const dayMs = 24 * 60 * 60_000;

/** A certificate and its key, as PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

/** Who and what a server certificate must stand for. */
export interface ServerNames {
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
}

/** True when certificate and key belong together and are valid for another day; false also for what cannot be read. */
export function isUsable({ certificate, key }: CertificatePair, nowMs: number): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    const isCurrent = Date.parse(parsed.validFrom) <= nowMs && nowMs + dayMs < Date.parse(parsed.validTo);
    return isCurrent && parsed.checkPrivateKey(createPrivateKey(key));
  } catch {
    // Half a file: it was being written when the machine stopped.
    return false;
  }
}

/** True when the authority signed the certificate, for all these names. */
export function isServerFor(pair: CertificatePair, authority: CertificatePair, names: ServerNames): boolean {
  const parsed = new X509Certificate(pair.certificate);
  const hasNames =
    names.dnsNames.every((name) => parsed.checkHost(name) !== undefined) &&
    names.ips.every((ip) => parsed.checkIP(ip) !== undefined);
  return hasNames && parsed.verify(new X509Certificate(authority.certificate).publicKey);
}
