/** Credentials out of the data of a Secret, with the keys that Flux documents. */

import type { GitAuth } from './auth.ts';
import { wellKnownHosts } from './known-hosts.ts';

/** The credentials, or what is not there or not done. */
export type SecretAuth =
  | { readonly ok: true; readonly auth: GitAuth }
  | { readonly ok: false; readonly because: 'empty' | 'certificates' };

/** Keys: username and password, bearerToken, identity and known_hosts. */
export function authOfSecret(data: Readonly<Record<string, string>>): SecretAuth {
  if (data['caFile'] !== undefined || data['ca.crt'] !== undefined) return { ok: false, because: 'certificates' };
  const { identity, known_hosts: knownHosts, username, password, bearerToken } = data;
  if (identity !== undefined) {
    const hosts = `${wellKnownHosts}\n${knownHosts ?? ''}`;
    return { ok: true, auth: { type: 'ssh', privateKey: identity, knownHosts: hosts } };
  }
  // Servers take a token as the password of any user.
  if (bearerToken !== undefined) return { ok: true, auth: { type: 'http', username: 'git', password: bearerToken } };
  if (username === undefined) return { ok: false, because: 'empty' };
  return { ok: true, auth: { type: 'http', username, password: password ?? '' } };
}
