/** Keys and certificates. Source: sprig, crypto.go. */

import { FunctionError } from '../errors.ts';
import { Certificate } from '../go/certificate.ts';
import { printText } from '../go/fmt.ts';
import { ecdsaKey, ed25519Key, rsaKey, type PrivateKey } from '../go/keys.ts';
import { keyPem, parseKeyPem } from '../go/pem.ts';
import { fromBytes } from '../go/utf8.ts';
import { createCertificate, isIpAddress, parseCertificate, type Signer } from '../go/x509.ts';
import { decodeBase64 } from './bases.ts';
import { row, type FunctionRow, type Services } from './row.ts';

const certificateBits = 2048;
const privateKeyBits = 4096;

interface Names {
  readonly commonName: string;
  readonly ips?: readonly unknown[];
  readonly dns?: readonly unknown[];
  readonly days: number;
}

function texts(items: readonly unknown[], describe: (item: unknown) => string): string[] {
  return items.map((item) => {
    if (typeof item !== 'string') throw new FunctionError(describe(item));
    return item;
  });
}

function addresses(items: readonly unknown[]): string[] {
  const all = texts(items, (item) => `error parsing ip: ${printText(item)} is not a string`);
  const wrong = all.find((address) => !isIpAddress(address));
  if (wrong !== undefined) throw new FunctionError(`error parsing ip: ${wrong}`);
  return all;
}

function make(
  services: Services,
  names: Names,
  options: { key: PrivateKey; isAuthority?: boolean; signer?: Signer },
): Certificate {
  const request = {
    commonName: names.commonName,
    ipAddresses: addresses(names.ips ?? []),
    dnsNames: texts(
      names.dns ?? [],
      (item) => `error processing alternate dns name: ${printText(item)} is not a string`,
    ),
    daysValid: names.days,
    isAuthority: options.isAuthority ?? false,
    key: options.key,
  };
  const { signer } = options;
  const pem = createCertificate(request, {
    random: services.random,
    nowMs: services.nowMs(),
    ...(signer === undefined ? {} : { signer }),
  });
  return new Certificate(pem, keyPem(options.key));
}

function newKey(services: Services): PrivateKey {
  return rsaKey(services.random, certificateBits);
}

function givenKey(pem: string): PrivateKey {
  try {
    return parseKeyPem(pem);
  } catch (error) {
    throw new FunctionError(`parsing private key: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function signerOf(authority: Certificate): Signer {
  const certificate = parseCertificate(authority.cert, 'decodedSignerCert.Bytes');
  try {
    return { certificate, key: parseKeyPem(authority.key) };
  } catch (error) {
    throw new FunctionError(`error parsing private key: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function privateKey(services: Services, kind: string): string {
  switch (kind) {
    case '':
    case 'rsa':
      return keyPem(rsaKey(services.random, privateKeyBits));
    case 'ecdsa':
      return keyPem(ecdsaKey(services.random));
    case 'ed25519':
      return keyPem(ed25519Key(services.random));
    case 'dsa':
      throw new FunctionError('DSA keys are not made here: use rsa, ecdsa or ed25519');
    default:
      return `Unknown type ${kind}`;
  }
}

function custom(certBase64: string, keyBase64: string): Certificate {
  const cert = decodeBase64(certBase64);
  if (typeof cert === 'string') throw new FunctionError('unable to decode base64 certificate');
  const key = decodeBase64(keyBase64);
  if (typeof key === 'string') throw new FunctionError('unable to decode base64 private key');
  const certPem = fromBytes(cert);
  const keyText = fromBytes(key);
  parseCertificate(certPem, 'decodedCert.Bytes');
  try {
    parseKeyPem(keyText);
  } catch (error) {
    throw new FunctionError(`error parsing private key: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return new Certificate(certPem, keyText);
}

const certificate = 'sprig.certificate';
const list = '[]interface {}';
const returns = '(sprig.certificate, error)';

export const certificates: readonly FunctionRow[] = [
  row({
    name: 'genPrivateKey',
    args: ['string'],
    returns: 'string',
    doc: 'A private key in PEM: rsa, ecdsa or ed25519.',
    run(kind) {
      return privateKey(this.services, kind);
    },
  }),
  row({
    name: 'buildCustomCert',
    args: ['string', 'string'],
    returns,
    doc: 'A certificate of a given certificate and key, both in base64.',
    run: custom,
  }),
  row({
    name: 'genCA',
    args: ['string', 'int'],
    returns,
    doc: 'A certificate authority of a common name, valid for so many days, with a new RSA key.',
    run(commonName, days) {
      return make(this.services, { commonName, days }, { key: newKey(this.services), isAuthority: true });
    },
  }),
  row({
    name: 'genCAWithKey',
    args: ['string', 'int', 'string'],
    returns,
    doc: 'A certificate authority with a given private key.',
    run(commonName, days, key) {
      return make(this.services, { commonName, days }, { key: givenKey(key), isAuthority: true });
    },
  }),
  row({
    name: 'genSelfSignedCert',
    args: ['string', list, list, 'int'],
    returns,
    doc: 'A certificate of common name, addresses, host names and days, signed by its own new key.',
    run(commonName, ips, dns, days) {
      return make(this.services, { commonName, ips, dns, days }, { key: newKey(this.services) });
    },
  }),
  row({
    name: 'genSelfSignedCertWithKey',
    args: ['string', list, list, 'int', 'string'],
    returns,
    doc: 'A certificate signed by its own given key.',
    run(commonName, ips, dns, days, key) {
      return make(this.services, { commonName, ips, dns, days }, { key: givenKey(key) });
    },
  }),
  row({
    name: 'genSignedCert',
    args: ['string', list, list, 'int', certificate],
    returns,
    doc: 'A certificate of common name, addresses, host names and days, signed by an authority.',
    run(commonName, ips, dns, days, authority) {
      const signer = signerOf(authority);
      return make(this.services, { commonName, ips, dns, days }, { key: newKey(this.services), signer });
    },
  }),
  row({
    name: 'genSignedCertWithKey',
    args: ['string', list, list, 'int', certificate, 'string'],
    returns,
    doc: 'A certificate with a given key, signed by an authority.',
    run(commonName, ips, dns, days, authority, key) {
      const own = givenKey(key);
      return make(this.services, { commonName, ips, dns, days }, { key: own, signer: signerOf(authority) });
    },
  }),
];
