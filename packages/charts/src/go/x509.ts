/** X.509 certificates as Go's crypto/x509 makes them of sprig's templates. */

import { ed25519Sign, hash, signRsa } from '#platform';
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
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import type { Random } from '@towpath/kit';
import { FunctionError } from '../errors.ts';
import { curves, signEcdsa } from './ecdsa.ts';
import { addressProblem } from './ip-address.ts';
import { ecdsaSignatureDer, encodeDer, nullParameters, publicKeyInfo } from './key-der.ts';
import type { PrivateKey } from './keys.ts';
import { decodePem, encodePem } from './pem.ts';

/** What goes into a certificate. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly daysValid: number;
  readonly isAuthority: boolean;
  readonly key: PrivateKey;
}

/** Who signs: without one the certificate signs itself. */
export interface Signer {
  readonly certificate: X509;
  readonly key: PrivateKey;
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
  const signature = signatureAlgorithm(signingKey);
  const serial = random.bytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const body = new TBSCertificate({
    version: Version.v3,
    serialNumber: serial.slice().buffer,
    signature,
    issuer: signer?.certificate.tbsCertificate.subject ?? subject,
    validity: new Validity({
      notBefore: wholeSeconds(nowMs),
      notAfter: wholeSeconds(nowMs + request.daysValid * dayMs),
    }),
    subject,
    subjectPublicKeyInfo: publicKeyInfo(request.key),
    extensions: new Extensions(extensionsOf(request, signer)),
  });
  const certificate = new X509({
    tbsCertificate: body,
    signatureAlgorithm: signature,
    signatureValue: Uint8Array.from(sign(signingKey, encodeDer(body))).buffer,
  });
  return encodePem('CERTIFICATE', encodeDer(certificate));
}

function wholeSeconds(wallMs: number): Date {
  return new Date(Math.floor(wallMs / 1000) * 1000);
}

/** Reads a PEM certificate. Throws `FunctionError` with sprig's sentence. */
export function parseCertificate(pem: string, variable: string): X509 {
  const block = decodePem(pem);
  if (block === undefined) throw new FunctionError('unable to decode certificate');
  try {
    return AsnConvert.parse(block.der, X509);
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

function signatureAlgorithm(key: PrivateKey): AlgorithmIdentifier {
  switch (key.type) {
    case 'rsa':
      return new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: nullParameters });
    case 'ec':
      return new AlgorithmIdentifier({ algorithm: curves[key.curve].signatureId });
    case 'ed25519':
      return new AlgorithmIdentifier({ algorithm: '1.3.101.112' });
  }
}

function sign(key: PrivateKey, message: Uint8Array): Uint8Array {
  switch (key.type) {
    case 'rsa':
      return signRsa(key, message);
    case 'ec':
      return ecdsaSignatureDer(signEcdsa(key.curve, key.secret, message));
    case 'ed25519':
      return ed25519Sign(key.seed, message);
  }
}

function extension(id: string, value: unknown, critical = false): Extension {
  return new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function keyIdentifier(key: PrivateKey): ArrayBuffer {
  return Uint8Array.from(hash('sha1', new Uint8Array(publicKeyInfo(key).subjectPublicKey))).buffer;
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
  return addressProblem(text) === undefined && !text.includes('%');
}
