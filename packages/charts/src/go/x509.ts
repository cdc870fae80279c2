/** X.509 certificates as Go's crypto/x509 makes them of sprig's templates. */

import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate as X509,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import type { Random } from '@towpath/kit';
import { FunctionError } from '../errors.ts';

/** What goes into a certificate. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly daysValid: number;
  readonly isAuthority: boolean;
  readonly key: KeyObject;
}

/** Who signs: without one the certificate signs itself. */
export interface Signer {
  readonly certificate: X509;
  readonly key: KeyObject;
}

const commonNameId = '2.5.4.3';
const dayMs = 86_400_000;

/** The certificate in PEM. */
export function createCertificate(
  request: CertificateRequest,
  options: { random: Random; nowMs: number; signer?: Signer },
): string {
  const { random, nowMs, signer } = options;
  const subject = nameOf(request.commonName);
  const signingKey = signer?.key ?? request.key;
  const algorithm = signatureAlgorithm(signingKey);
  const serial = random.bytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const body = new TBSCertificate({
    version: Version.v3,
    serialNumber: serial.slice().buffer,
    signature: algorithm.identifier,
    issuer: signer?.certificate.tbsCertificate.subject ?? subject,
    validity: new Validity({
      notBefore: wholeSeconds(nowMs),
      notAfter: wholeSeconds(nowMs + request.daysValid * dayMs),
    }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(publicKeyDer(request.key), SubjectPublicKeyInfo),
    extensions: new Extensions(extensionsOf(request, signer)),
  });
  const encoded = AsnConvert.serialize(body);
  const signature = sign(algorithm.hash, Buffer.from(encoded), signingKey);
  const certificate = new X509({
    tbsCertificate: body,
    signatureAlgorithm: algorithm.identifier,
    signatureValue: Uint8Array.from(signature).buffer,
  });
  return pemOf(Buffer.from(AsnConvert.serialize(certificate)));
}

function wholeSeconds(wallMs: number): Date {
  return new Date(Math.floor(wallMs / 1000) * 1000);
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Reads a PEM certificate. Throws `FunctionError` with sprig's sentence. */
export function parseCertificate(pem: string, variable: string): X509 {
  const body = /-----BEGIN [A-Z0-9 ]+-----([\s\S]*?)-----END/.exec(pem)?.[1];
  if (body === undefined) throw new FunctionError('unable to decode certificate');
  try {
    return AsnConvert.parse(Uint8Array.from(Buffer.from(body, 'base64')).buffer, X509);
  } catch (error) {
    throw new FunctionError(`error parsing certificate: ${variable}: x509: malformed certificate`, { cause: error });
  }
}

function nameOf(commonName: string): Name {
  if (commonName === '') return new Name([]);
  const isPrintable = /^[A-Za-z0-9 '()+,\-./:=?*&]*$/.test(commonName);
  const value = new AttributeValue(isPrintable ? { printableString: commonName } : { utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: commonNameId, value })])]);
}

function publicKeyDer(key: KeyObject): ArrayBuffer {
  return Uint8Array.from(createPublicKey(key).export({ format: 'der', type: 'spki' })).buffer;
}

function signatureAlgorithm(key: KeyObject): { identifier: AlgorithmIdentifier; hash: string | null } {
  const named = (algorithm: string, hash: string | null): { identifier: AlgorithmIdentifier; hash: string | null } => ({
    identifier: new AlgorithmIdentifier({ algorithm }),
    hash,
  });
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return {
        identifier: new AlgorithmIdentifier({
          algorithm: '1.2.840.113549.1.1.11',
          parameters: Uint8Array.of(5, 0).buffer,
        }),
        hash: 'sha256',
      };
    case 'ed25519':
      return named('1.3.101.112', null);
    case 'ec': {
      const curve = key.asymmetricKeyDetails?.namedCurve;
      if (curve === 'secp384r1') return named('1.2.840.10045.4.3.3', 'sha384');
      if (curve === 'secp521r1') return named('1.2.840.10045.4.3.4', 'sha512');
      return named('1.2.840.10045.4.3.2', 'sha256');
    }
    default:
      throw new FunctionError('error creating certificate: x509: only RSA, ECDSA and Ed25519 keys supported');
  }
}

function extension(id: string, value: unknown, critical = false): Extension {
  return new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function keyIdentifier(key: KeyObject): ArrayBuffer {
  const info = AsnConvert.parse(publicKeyDer(key), SubjectPublicKeyInfo);
  return Uint8Array.from(createHash('sha1').update(new Uint8Array(info.subjectPublicKey)).digest()).buffer;
}

function extensionsOf(request: CertificateRequest, signer: Signer | undefined): Extension[] {
  const usage =
    KeyUsageFlags.digitalSignature |
    KeyUsageFlags.keyEncipherment |
    (request.isAuthority ? KeyUsageFlags.keyCertSign : 0);
  const list = [
    extension(id_ce_keyUsage, new KeyUsage(usage), true),
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth, id_kp_clientAuth])),
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: request.isAuthority }), true),
  ];
  if (request.isAuthority) {
    list.push(extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(request.key))));
  }
  const authority = signer === undefined ? undefined : subjectKeyId(signer.certificate);
  if (authority !== undefined) {
    list.push(
      extension(
        id_ce_authorityKeyIdentifier,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(authority) }),
      ),
    );
  }
  const names = [
    ...request.dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...request.ipAddresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  if (names.length > 0) {
    list.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(names), request.commonName === ''));
  }
  return list;
}

function subjectKeyId(certificate: X509): ArrayBuffer | undefined {
  const found = certificate.tbsCertificate.extensions?.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  return found === undefined ? undefined : AsnConvert.parse(found.extnValue.buffer, SubjectKeyIdentifier).buffer;
}

/** True for an address that Go's net.ParseIP reads. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}
