/** Keys in DER: the forms of PKCS #1, SEC 1, PKCS #8 and of a certificate's public key. */

import { curvePoint, ed25519PublicKey } from '#platform';
import { ECDSASigValue, ECParameters, ECPrivateKey } from '@peculiar/asn1-ecc';
import { PrivateKeyInfo } from '@peculiar/asn1-pkcs8';
import { RSAPrivateKey, RSAPublicKey } from '@peculiar/asn1-rsa';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import type { CurveName } from '../platform/types.ts';
import { fromBigEndian, inverse, toBigEndian } from './big.ts';
import { curves } from './ecdsa.ts';
import type { EcKey, Ed25519Key, PrivateKey, RsaKey } from './keys.ts';
import { concatBytes } from './utf8.ts';

const rsaId = '1.2.840.113549.1.1.1';
const ecId = '1.2.840.10045.2.1';
const ed25519Id = '1.3.101.112';

/** DER of NULL. */
export const nullParameters = Uint8Array.of(5, 0).buffer;

/** The bytes of an object in a buffer of its own. */
export function encodeDer(value: unknown): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(value));
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

/** Unsigned big-endian bytes with the leading zero that DER wants before a high bit. */
function integerBytes(value: bigint): ArrayBuffer {
  const hex = value.toString(16);
  const size = Math.ceil(hex.length / 2);
  const isHigh = hex.length % 2 === 0 && /^[89a-f]/.test(hex);
  return bufferOf(toBigEndian(value, isHigh ? size + 1 : size));
}

/** A key of two primes in PKCS #1. */
export function rsaPrivateKeyDer(numbers: {
  modulus: bigint;
  publicExponent: bigint;
  privateExponent: bigint;
  p: bigint;
  q: bigint;
}): Uint8Array {
  const { p, q, privateExponent } = numbers;
  const key = new RSAPrivateKey({
    version: 0,
    modulus: integerBytes(numbers.modulus),
    publicExponent: integerBytes(numbers.publicExponent),
    privateExponent: integerBytes(privateExponent),
    prime1: integerBytes(p),
    prime2: integerBytes(q),
    exponent1: integerBytes(privateExponent % (p - 1n)),
    exponent2: integerBytes(privateExponent % (q - 1n)),
    coefficient: integerBytes(inverse(q, p)),
  });
  return encodeDer(key);
}

/** A key on a curve in SEC 1, its public point included. */
export function ecPrivateKeyDer({ curve, secret }: EcKey): Uint8Array {
  const { id, sizeBytes } = curves[curve];
  const bytes = toBigEndian(secret, sizeBytes);
  const key = new ECPrivateKey({
    version: 1,
    privateKey: new OctetString(bytes),
    parameters: new ECParameters({ namedCurve: id }),
    publicKey: bufferOf(curvePoint(curve, bytes)),
  });
  return encodeDer(key);
}

/** PKCS #8 up to the seed. */
const ed25519Prefix = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32);

export function ed25519PrivateKeyDer({ seed }: Ed25519Key): Uint8Array {
  return concatBytes([ed25519Prefix, seed]);
}

export function parseRsaKey(der: Uint8Array): RsaKey {
  const parsed = AsnConvert.parse(der, RSAPrivateKey);
  const number = (buffer: ArrayBuffer): bigint => fromBigEndian(new Uint8Array(buffer));
  return {
    type: 'rsa',
    modulus: number(parsed.modulus),
    publicExponent: number(parsed.publicExponent),
    privateExponent: number(parsed.privateExponent),
    der,
  };
}

/** `curveId` is the one that PKCS #8 names around the key. */
export function parseEcKey(der: Uint8Array, curveId?: string): EcKey {
  const parsed = AsnConvert.parse(der, ECPrivateKey);
  const id = curveId ?? parsed.parameters?.namedCurve;
  const curve = (Object.keys(curves) as CurveName[]).find((name) => curves[name].id === id);
  if (curve === undefined) throw new Error('x509: unknown elliptic curve');
  const secret = fromBigEndian(new Uint8Array(parsed.privateKey.buffer));
  if (secret === 0n || secret >= curves[curve].order) throw new Error('x509: invalid elliptic curve private key value');
  return { type: 'ec', curve, secret };
}

export function parsePkcs8Key(der: Uint8Array): PrivateKey {
  const { privateKeyAlgorithm, privateKey } = AsnConvert.parse(der, PrivateKeyInfo);
  const inner = new Uint8Array(privateKey.buffer);
  switch (privateKeyAlgorithm.algorithm) {
    case rsaId:
      return parseRsaKey(inner);
    case ecId: {
      const { parameters } = privateKeyAlgorithm;
      const curve = parameters == null ? undefined : AsnConvert.parse(parameters, ECParameters).namedCurve;
      return parseEcKey(inner, curve);
    }
    case ed25519Id: {
      const seed = new Uint8Array(AsnConvert.parse(inner, OctetString).buffer);
      if (seed.length !== 32) throw new Error(`x509: invalid Ed25519 private key length: ${seed.length}`);
      return { type: 'ed25519', seed };
    }
    default:
      throw new Error(
        `x509: PKCS#8 wrapping contained private key with unknown algorithm: ${privateKeyAlgorithm.algorithm}`,
      );
  }
}

/** The public half as a certificate holds it. */
export function publicKeyInfo(key: PrivateKey): SubjectPublicKeyInfo {
  const info = (algorithm: AlgorithmIdentifier, bytes: Uint8Array): SubjectPublicKeyInfo =>
    new SubjectPublicKeyInfo({ algorithm, subjectPublicKey: bufferOf(bytes) });
  switch (key.type) {
    case 'rsa': {
      const { modulus, publicExponent } = key;
      const numbers = new RSAPublicKey({
        modulus: integerBytes(modulus),
        publicExponent: integerBytes(publicExponent),
      });
      return info(new AlgorithmIdentifier({ algorithm: rsaId, parameters: nullParameters }), encodeDer(numbers));
    }
    case 'ec': {
      const { id, sizeBytes } = curves[key.curve];
      const parameters = AsnConvert.serialize(new ECParameters({ namedCurve: id }));
      const point = curvePoint(key.curve, toBigEndian(key.secret, sizeBytes));
      return info(new AlgorithmIdentifier({ algorithm: ecId, parameters }), point);
    }
    case 'ed25519':
      return info(new AlgorithmIdentifier({ algorithm: ed25519Id }), ed25519PublicKey(key.seed));
  }
}

/** The two numbers of an ECDSA signature in DER. */
export function ecdsaSignatureDer({ r, s }: { r: bigint; s: bigint }): Uint8Array {
  return encodeDer(new ECDSASigValue({ r: integerBytes(r), s: integerBytes(s) }));
}
