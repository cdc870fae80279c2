/** Keys, certificates, password hashes and ciphers. Source: sprig, crypto.go. */

import { decryptAes as decryptBlocks, encryptAes as encryptBlocks, hmac, scrypt, toBase64 } from '#platform';
import { hashSync } from 'bcryptjs';
import { FunctionError } from '../errors.ts';
import { concatBytes, fromBytes, toBytes } from '../go/utf8.ts';
import { decodeBase64 } from './bases.ts';
import { certificates } from './certificates.ts';
import { row, type FunctionRow, type Services } from './row.ts';

const bcryptAlphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const bcryptCost = 10;
const bcryptBytesMax = 72;

/** A salt of the render's own randomness. */
function bcryptSalt(services: Services): string {
  const bits = services.random.bytes(16);
  let text = '';
  for (let index = 0; index < 22; index += 1) {
    const bit = index * 6;
    const pair = ((bits[bit >> 3] ?? 0) << 8) | (bits[(bit >> 3) + 1] ?? 0);
    text += bcryptAlphabet[(pair >> (10 - (bit & 7))) & 63];
  }
  return `$2a$${bcryptCost}$${text}`;
}

function bcrypt(services: Services, password: string): string {
  if (toBytes(password).length > bcryptBytesMax) {
    return 'failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes';
  }
  return hashSync(password, bcryptSalt(services));
}

const passwordTemplates: Readonly<Record<string, readonly string[]>> = {
  maximum: ['anoxxxxxxxxxxxxxxxxx', 'axxxxxxxxxxxxxxxxxno'],
  long: [
    'CvcvnoCvcvCvcv',
    'CvcvCvcvnoCvcv',
    'CvcvCvcvCvcvno',
    'CvccnoCvcvCvcv',
    'CvccCvcvnoCvcv',
    'CvccCvcvCvcvno',
    'CvcvnoCvccCvcv',
    'CvcvCvccnoCvcv',
    'CvcvCvccCvcvno',
    'CvcvnoCvcvCvcc',
    'CvcvCvcvnoCvcc',
    'CvcvCvcvCvccno',
    'CvccnoCvccCvcv',
    'CvccCvccnoCvcv',
    'CvccCvccCvcvno',
    'CvcvnoCvccCvcc',
    'CvcvCvccnoCvcc',
    'CvcvCvccCvccno',
    'CvccnoCvcvCvcc',
    'CvccCvcvnoCvcc',
    'CvccCvcvCvccno',
  ],
  medium: ['CvcnoCvc', 'CvcCvcno'],
  short: ['Cvcn'],
  basic: ['aaanaaan', 'aannaaan', 'aaannaaa'],
  pin: ['nnnn'],
};

const templateCharacters: Readonly<Record<string, string>> = {
  V: 'AEIOU',
  C: 'BCDFGHJKLMNPQRSTVWXYZ',
  v: 'aeiou',
  c: 'bcdfghjklmnpqrstvwxyz',
  A: 'AEIOUBCDFGHJKLMNPQRSTVWXYZ',
  a: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz',
  n: '0123456789',
  o: "@&%?,=[]_:-+*$#!'^~;()/.",
  x: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()',
};

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Source: the Master Password algorithm, version 3. */
function derivePassword(options: {
  counter: number;
  type: string;
  password: string;
  user: string;
  site: string;
}): string {
  const templates = Object.hasOwn(passwordTemplates, options.type) ? passwordTemplates[options.type] : undefined;
  if (templates === undefined) return `cannot find password template ${options.type}`;
  const scope = toBytes('com.lyndir.masterpassword');
  const user = toBytes(options.user);
  const site = toBytes(options.site);
  const salt = concatBytes([scope, uint32(user.length), user]);
  const password = toBytes(options.password);
  const key = scrypt({ password, salt, cost: 32_768, blockSize: 8, parallelization: 2, sizeBytes: 64 });
  const message = concatBytes([scope, uint32(site.length), site, uint32(options.counter)]);
  const seed = hmac('sha256', key, message);
  const template = templates[(seed[0] ?? 0) % templates.length] ?? '';
  return Array.from(template, (letter, index) => {
    const characters = templateCharacters[letter] ?? '';
    return characters[(seed[index + 1] ?? 0) % characters.length];
  }).join('');
}

/** The password cut or filled up with zeros to 32 bytes. */
function aesKey(password: string): Uint8Array {
  const key = new Uint8Array(32);
  key.set(toBytes(password).subarray(0, 32));
  return key;
}

function encryptAes(services: Services, password: string, text: string): string {
  if (text === '') return '';
  const iv = services.random.bytes(16);
  return toBase64(concatBytes([iv, encryptBlocks({ key: aesKey(password), iv }, toBytes(text))]));
}

function decryptAes(password: string, base64: string): string {
  if (base64 === '') return '';
  const data = decodeBase64(base64);
  if (typeof data === 'string') throw new FunctionError(data);
  if (data.length < 16) {
    throw new FunctionError(`runtime error: slice bounds out of range [:16] with capacity ${data.length}`);
  }
  const content = data.subarray(16);
  if (content.length % 16 !== 0) throw new FunctionError('crypto/cipher: input not full blocks');
  if (content.length === 0) throw new FunctionError('runtime error: index out of range [-1]');
  const plain = decryptBlocks({ key: aesKey(password), iv: data.subarray(0, 16) }, content);
  const end = plain.length - (plain.at(-1) ?? 0);
  if (end < 0) throw new FunctionError(`runtime error: slice bounds out of range [:${end}]`);
  return fromBytes(plain.subarray(0, end));
}

export const crypto: readonly FunctionRow[] = [
  row({
    name: 'bcrypt',
    args: ['string'],
    returns: 'string',
    doc: 'The bcrypt hash of a password, of cost 10.',
    run(password) {
      return bcrypt(this.services, password);
    },
  }),
  row({
    name: 'htpasswd',
    args: ['string', 'string'],
    returns: 'string',
    doc: 'A line of an htpasswd file: user and bcrypt hash.',
    run(user, password) {
      return user.includes(':') ? `invalid username: ${user}` : `${user}:${bcrypt(this.services, password)}`;
    },
  }),
  row({
    name: 'derivePassword',
    args: ['uint32', 'string', 'string', 'string', 'string'],
    returns: 'string',
    doc: 'A password of a counter, a template, a master password, a user and a site.',
    example: ['{{ derivePassword 1 "pin" "password" "user" "example.com" | len }}', '4'],
    run: (counter, type, password, user, site) => derivePassword({ counter, type, password, user, site }),
  }),
  row({
    name: 'encryptAES',
    args: ['string', 'string'],
    returns: '(string, error)',
    doc: 'The text (second) encrypted with a password, in base64.',
    example: ['{{ encryptAES "key" "text" | decryptAES "key" }}', 'text'],
    run(password, text) {
      return encryptAes(this.services, password, text);
    },
  }),
  row({
    name: 'decryptAES',
    args: ['string', 'string'],
    returns: '(string, error)',
    doc: 'The text that encryptAES encrypted.',
    example: ['{{ decryptAES "key" "" }}', ''],
    run: decryptAes,
  }),
  ...certificates,
];
