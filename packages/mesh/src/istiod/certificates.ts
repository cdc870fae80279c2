/** istiod's certificate authority, kept in a Secret, and the certificate of its webhook. */

// The certificate library's dependency injection needs this before it loads.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { Secrets, type Secret } from '@towpath/api';
import type { Clock, Random } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';

export interface Authority {
  readonly certPem: string;
  readonly keyPem: string;
}

/** The Secret's name and type are Istio's. */
const secretName = 'istio-ca-secret';
const secretType = 'istio.io/ca-root';
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
const authorityDays = 3650;
const servingDays = 365;

export interface CertificateDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** Reads the authority from its Secret, or makes one and stores it. */
export async function loadAuthority(client: Client, namespace: string, deps: CertificateDeps): Promise<Authority> {
  const known = authorityOf(await client.get(Secrets, { namespace, name: secretName }));
  if (known !== undefined) return known;
  const made = await makeAuthority(deps);
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  try {
    await client.create(Secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secretName, namespace },
      type: secretType,
      data: { 'ca-cert.pem': encode(made.certPem), 'ca-key.pem': encode(made.keyPem) },
    });
    return made;
  } catch (error) {
    // Another istiod was faster: its authority is the one everybody trusts.
    const theirs = isAlreadyExists(error)
      ? authorityOf(await client.get(Secrets, { namespace, name: secretName }))
      : undefined;
    if (theirs === undefined) throw error;
    return theirs;
  }
}

function authorityOf(secret: Secret | undefined): Authority | undefined {
  const cert = secret?.data?.['ca-cert.pem'];
  const key = secret?.data?.['ca-key.pem'];
  if (cert === undefined || key === undefined) return undefined;
  const decode = (text: string): string => Buffer.from(text, 'base64').toString();
  return { certPem: decode(cert), keyPem: decode(key) };
}

async function makeAuthority({ clock, random }: CertificateDeps): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    name: 'O=cluster.local',
    ...validity(clock, authorityDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

/** A key and a certificate for `names`, signed by the authority. */
export async function issueServing(
  authority: Authority,
  names: readonly string[],
  { clock, random }: CertificateDeps,
): Promise<{ key: string; cert: string }> {
  const [keyBytes] = PemConverter.decode(authority.keyPem);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', keyBytes ?? new ArrayBuffer(0), algorithm, false, [
    'sign',
  ]);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: `CN=${names[0] ?? ''}`,
    issuer: new X509Certificate(authority.certPem).subject,
    ...validity(clock, servingDays),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    ],
  });
  return { key: await exportKey(keys.privateKey), cert: certificate.toString('pem') };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** Valid from a little earlier, for clocks that differ. */
function validity(clock: Clock, days: number): { notBefore: Date; notAfter: Date } {
  const nowMs = clock.nowMs();
  return { notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + days * dayMs) };
}

/** Positive and short enough: RFC 5280 allows 20 bytes. */
function serialNumber(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString('hex');
}
