/** The SSH deploy key: made once, kept in a Secret, shown as users paste it into their Git server. */

import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { Secrets, type Secret } from '@towpath/api';
import { TowpathError } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';
import type { GitAuth } from '@towpath/git';

const modulusBits = 3072;
export const defaultSecretName = 'flux-git-deploy';

/** Reads the Secret, or makes it with a new key. A Secret that holds no key gets one. */
export async function ensureIdentity(client: Client, key: { namespace: string; name: string }): Promise<Secret> {
  const known = await client.get(Secrets, key);
  if (known !== undefined && hasCredentials(known)) return known;
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: modulusBits });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const data = { ...known?.data, identity: Buffer.from(pem).toString('base64') };
  if (known !== undefined) return client.update(Secrets, { ...known, data });
  try {
    return await client.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: key, type: 'Opaque', data });
  } catch (error) {
    const live = isAlreadyExists(error) ? await client.get(Secrets, key) : undefined;
    if (live === undefined) throw error;
    return live;
  }
}

function hasCredentials(secret: Secret): boolean {
  const { identity, password, token } = secret.data ?? {};
  return [identity, password, token].some((value) => value !== undefined && value !== '');
}

/** What the Secret says to a Git server: a token for https, else the key with the hosts it trusts. */
export function authOf(secret: Secret | undefined, options: { url: string; knownHosts: string }): GitAuth | undefined {
  const text = (name: string): string => Buffer.from(secret?.data?.[name] ?? '', 'base64').toString('utf8');
  if (/^https?:/.test(options.url)) {
    const password = text('password') || text('token');
    return password === '' ? undefined : { type: 'http', username: text('username') || 'git', password };
  }
  const privateKey = text('identity');
  if (privateKey === '') return undefined;
  return { type: 'ssh', privateKey, knownHosts: text('known_hosts') || options.knownHosts };
}

/** The public half of a PEM key as one `ssh-rsa AAAA…` line. Throws `IDENTITY_MISSING` when the Secret holds none. */
export function publicKeyOf(secret: Secret | undefined, where: string): string {
  const pem = Buffer.from(secret?.data?.['identity'] ?? '', 'base64').toString('utf8');
  if (pem === '') {
    throw new TowpathError('IDENTITY_MISSING', `no deploy key in ${where}`, {
      next: 'wait until flux has started, or name the Secret it uses',
    });
  }
  return sshPublicKey(pem);
}

/** Source: RFC 4253, section 6.6: string "ssh-rsa", mpint e, mpint n. */
function sshPublicKey(pem: string): string {
  const { n, e } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' });
  const parts = [Buffer.from('ssh-rsa'), mpint(e ?? ''), mpint(n ?? '')];
  return `ssh-rsa ${Buffer.concat(parts.flatMap((part) => [lengthOf(part), part])).toString('base64')}`;
}

/** A leading zero byte keeps the number positive. */
function mpint(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url');
  return ((bytes[0] ?? 0) & 0x80) === 0 ? bytes : Buffer.concat([Buffer.alloc(1), bytes]);
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}
