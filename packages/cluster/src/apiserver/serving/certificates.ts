/** Makes certificates. Its library is large: load it only to make one. */

import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Clock } from '@towpath/kit';
import type { CertificatePair } from './certificate-pair.ts';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60_000;
const authorityDays = 3650;

/** Makes a new authority. */
export async function createAuthority(clock: Clock): Promise<CertificatePair> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=towpath-ca',
      serialNumber: serialNumber(),
      keys,
      signingAlgorithm: keyAlgorithm,
      ...validity(clock),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto as Crypto,
  );
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

export interface CertificateRequest {
  /** e.g. `CN=kubernetes-admin, O=system:masters` */
  readonly subject: string;
  readonly usage: 'server' | 'client';
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
}

/** Signs a new key for a server or a client. */
export async function signCertificate(
  authority: CertificatePair,
  request: CertificateRequest,
  clock: Clock,
): Promise<CertificatePair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importKey(authority.key);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const purpose = request.usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: request.subject,
      issuer: issuer.subject,
      serialNumber: serialNumber(),
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: keyAlgorithm,
      ...validity(clock),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([purpose]),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ],
    },
    webcrypto as Crypto,
  );
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

function validity(clock: Clock): { notBefore: Date; notAfter: Date } {
  const nowMs = clock.nowMs();
  return { notBefore: new Date(nowMs - dayMs), notAfter: new Date(nowMs + authorityDays * dayMs) };
}

/** Positive, and random as browsers and Go ask for. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(15));
  return `01${Buffer.from(bytes).toString('hex')}`;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key);
  const base64 = Buffer.from(pkcs8).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const base64 = pem.replace(/-----[^-]+-----/g, '').replace(/\s/g, '');
  return webcrypto.subtle.importKey('pkcs8', Buffer.from(base64, 'base64'), keyAlgorithm, true, ['sign']);
}
