/** Says what a random or dated text is, so that two of them can be held against each other: certificates, keys, base64. */

import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';

const pemPattern = /-----BEGIN ([A-Z0-9 ]+)-----((?:\\n|[A-Za-z0-9+/=\s])+)-----END \1-----/g;
const base64Min = 16;
const dayMs = 86_400_000;

/** Replaces every PEM block by what it holds: all of a certificate but its key, serial number, dates and signature. */
export function describePem(text: string): string {
  return text.replaceAll(pemPattern, (block: string, label: string, body: string) => {
    const inner = body.replaceAll('\\n', '').replaceAll(/\s/g, '');
    const layout = body.split(/\\n|\n/).length > 2 ? 'lines' : 'one line';
    return `<${label} ${layout} ${describe(label, `-----BEGIN ${label}-----\n${inner}\n-----END ${label}-----\n`, block)}>`;
  });
}

function describe(label: string, pem: string, block: string): string {
  try {
    if (label === 'CERTIFICATE') return describeCertificate(new X509Certificate(pem));
    if (label.endsWith('PRIVATE KEY')) return describeKey(createPrivateKey(pem));
    if (label.endsWith('PUBLIC KEY')) return describeKey(createPublicKey(pem));
  } catch {
    // No such thing inside: compared as the text it is.
  }
  return block;
}

function describeCertificate(certificate: X509Certificate): string {
  const { subject, issuer, subjectAltName, ca, keyUsage, validFrom, validTo, publicKey } = certificate;
  const days = (Date.parse(validTo) - Date.parse(validFrom)) / dayMs;
  const isOwn = certificate.checkIssued(certificate);
  return JSON.stringify({ subject, issuer, subjectAltName, ca, keyUsage, days, isOwn, key: describeKey(publicKey) });
}

function describeKey(key: KeyObject): string {
  return `${key.asymmetricKeyType ?? key.type} ${JSON.stringify(
    key.asymmetricKeyDetails ?? {},
    (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
  )}`;
}

/** What a token holds when it is base64 of printable text. */
export function decodedText(token: string): string | undefined {
  if (token.length < base64Min || token.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64');
  const text = bytes.toString('utf8');
  return /^[\t\n\r\u0020-\u007e]*$/.test(text) && Buffer.from(text).equals(bytes) ? text : undefined;
}

/** Length and alphabet of a random token: two random texts of one recipe agree in it. */
export function shapeOf(token: string): string {
  return `${token.length} ${alphabetOf(token)}`;
}

/** A short token's alphabet is chance. */
const telling = 24;

function alphabetOf(token: string): string {
  if (/^\d+$/.test(token)) return token.length < telling ? '' : 'digits';
  if (token.length < telling) return '';
  if (/^[0-9a-f]+$/.test(token)) return 'hex';
  if (/^[A-Z0-9]+$/.test(token)) return 'upper';
  return /^[a-z0-9]+$/.test(token) ? 'lower' : 'mixed';
}
