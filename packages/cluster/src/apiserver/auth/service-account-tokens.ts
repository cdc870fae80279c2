/** Service account tokens: RS256 JSON web tokens, bound to the account and, when asked, to a pod. Source: RFC 7519. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { isRecord, uuid, type Clock, type Random } from '@towpath/kit';
import type { UserInfo } from '../http/message.ts';

/** The issuer and default audience of tokens, as inside a real cluster. */
export const tokenIssuer = 'https://kubernetes.default.svc.cluster.local';

/** Whom a token is for. */
export interface TokenSubject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly node?: string;
}

export interface TokenClaims extends TokenSubject {
  readonly audiences: readonly string[];
  readonly expiresAtSeconds: number;
  readonly id: string;
}

export interface ServiceAccountTokensDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** The PEM of the signing key; made when the first token is needed. */
  readonly loadKey: () => string | undefined;
  readonly saveKey: (pem: string) => void;
}

/** Signs and verifies tokens with one key that is kept in the store. */
export class ServiceAccountTokens {
  readonly #deps: ServiceAccountTokensDeps;
  #key: { readonly secret: KeyObject; readonly open: KeyObject } | undefined;

  constructor(deps: ServiceAccountTokensDeps) {
    this.#deps = deps;
  }

  issue(
    subject: TokenSubject,
    options: { audiences: readonly string[]; expirationSeconds: number },
  ): { token: string; claims: TokenClaims } {
    const { clock, random } = this.#deps;
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const claims: TokenClaims = {
      ...subject,
      audiences: options.audiences,
      expiresAtSeconds: nowSeconds + options.expirationSeconds,
      id: uuid(random),
    };
    const payload = {
      aud: claims.audiences,
      exp: claims.expiresAtSeconds,
      iat: nowSeconds,
      iss: tokenIssuer,
      jti: claims.id,
      'kubernetes.io': {
        namespace: subject.namespace,
        ...(subject.node === undefined ? {} : { node: { name: subject.node } }),
        ...(subject.pod === undefined ? {} : { pod: subject.pod }),
        serviceaccount: { name: subject.name, uid: subject.uid },
      },
      nbf: nowSeconds,
      sub: `system:serviceaccount:${subject.namespace}:${subject.name}`,
    };
    const signed = `${encode({ alg: 'RS256', kid: 'towpath' })}.${encode(payload)}`;
    const signature = sign('RSA-SHA256', Buffer.from(signed), this.#keys().secret).toString('base64url');
    return { token: `${signed}.${signature}`, claims };
  }

  /** The claims of a token that is well signed and current; undefined for any other text. */
  read(token: string): TokenClaims | undefined {
    const [header = '', payload = '', signature = '', more] = token.split('.');
    if (more !== undefined || signature === '') return undefined;
    if (!isRs256(header)) return undefined;
    const valid = verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      this.#keys().open,
      Buffer.from(signature, 'base64url'),
    );
    if (!valid) return undefined;
    const claims = claimsOf(decode(payload));
    if (claims === undefined || claims.expiresAtSeconds * 1000 <= this.#deps.clock.nowMs()) return undefined;
    return claims;
  }

  /** The public key, for those who verify tokens themselves. */
  publicKeyPem(): string {
    return this.#keys().open.export({ type: 'spki', format: 'pem' }).toString();
  }

  #keys(): { readonly secret: KeyObject; readonly open: KeyObject } {
    if (this.#key !== undefined) return this.#key;
    let pem = this.#deps.loadKey();
    if (pem === undefined) {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
      pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      this.#deps.saveKey(pem);
    }
    const secret = createPrivateKey(pem);
    this.#key = { secret, open: createPublicKey(secret) };
    return this.#key;
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function isRs256(header: string): boolean {
  const value = decode(header);
  return isRecord(value) && value['alg'] === 'RS256';
}

function claimsOf(payload: unknown): TokenClaims | undefined {
  if (!isRecord(payload) || payload['iss'] !== tokenIssuer || typeof payload['exp'] !== 'number') return undefined;
  const own = payload['kubernetes.io'];
  if (!isRecord(own) || !isRecord(own['serviceaccount'])) return undefined;
  const { name, uid } = own['serviceaccount'];
  const pod = isRecord(own['pod']) ? { name: String(own['pod']['name']), uid: String(own['pod']['uid']) } : undefined;
  return {
    namespace: String(own['namespace']),
    name: String(name),
    uid: String(uid),
    ...(pod === undefined ? {} : { pod }),
    audiences: Array.isArray(payload['aud']) ? payload['aud'].map(String) : [String(payload['aud'])],
    expiresAtSeconds: payload['exp'],
    id: String(payload['jti'] ?? ''),
  };
}

/** The user a service account acts as. */
export function serviceAccountUser(
  claims: Pick<TokenClaims, 'namespace' | 'name' | 'uid' | 'pod'> & { readonly id?: string },
): UserInfo {
  const { namespace, name, uid, pod, id } = claims;
  const extra: Record<string, readonly string[]> = {};
  if (id !== undefined) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${id}`];
  if (pod !== undefined) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
