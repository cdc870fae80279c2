/** PEM around keys and certificates. */

import { fromBase64, toBase64 } from '#platform';
import { FunctionError } from '../errors.ts';
import { ecPrivateKeyDer, ed25519PrivateKeyDer, parseEcKey, parsePkcs8Key, parseRsaKey } from './key-der.ts';
import type { PrivateKey } from './keys.ts';

/** One block with lines of 64 characters. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The first block of a text; undefined where there is none. */
export function decodePem(text: string): { label: string; der: Uint8Array } | undefined {
  const block = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END/.exec(text);
  const base64 = block?.[2]?.replaceAll(/^[A-Za-z-]+:.*$/gm, '').replaceAll(/\s/g, '');
  if (block?.[1] === undefined || base64 === undefined) return undefined;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return undefined;
  return { label: block[1], der: Uint8Array.from(fromBase64(base64)) };
}

/** The key as sprig writes it: PKCS #1 for RSA, SEC 1 for curves, PKCS #8 for the rest. */
export function keyPem(key: PrivateKey): string {
  switch (key.type) {
    case 'rsa':
      return encodePem('RSA PRIVATE KEY', key.der);
    case 'ec':
      return encodePem('EC PRIVATE KEY', ecPrivateKeyDer(key));
    case 'ed25519':
      return encodePem('PRIVATE KEY', ed25519PrivateKeyDer(key));
  }
}

const readers: Readonly<Record<string, (der: Uint8Array) => PrivateKey>> = {
  'PRIVATE KEY': parsePkcs8Key,
  'RSA PRIVATE KEY': parseRsaKey,
  'EC PRIVATE KEY': (der) => parseEcKey(der),
};

/** Reads a PEM private key. Throws `FunctionError` with sprig's sentence. */
export function parseKeyPem(pem: string): PrivateKey {
  const block = decodePem(pem);
  if (block === undefined) throw new FunctionError('no PEM data in input');
  const { label, der } = block;
  if (!label.endsWith('PRIVATE KEY')) throw new FunctionError(`no private key data in PEM block of type ${label}`);
  const read = Object.hasOwn(readers, label) ? readers[label] : undefined;
  const kind = label.replace(/ PRIVATE KEY$/, '');
  if (read === undefined) throw new FunctionError(`invalid private key type ${kind}`);
  try {
    return read(der);
  } catch (error) {
    const doing = label === 'PRIVATE KEY' ? 'decoding PEM as PKCS#8' : `parsing ${kind} private key from PEM`;
    throw new FunctionError(`${doing}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
