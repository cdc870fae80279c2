/** Credentials out of the data of a Secret, with the keys that Flux documents. */

import type { GitAuth, GitTls } from './auth.ts';
import { wellKnownHosts } from './known-hosts.ts';

export interface SecretAuth {
  readonly auth: GitAuth | undefined;
  readonly tls: GitTls | undefined;
}

/** Keys: username and password, bearerToken, identity and known_hosts; ca.crt, tls.crt and tls.key. Undefined for none. */
export function authOfSecret(data: Readonly<Record<string, string>>): SecretAuth | undefined {
  const auth = credentialsOf(data);
  const tls = certificatesOf(data);
  return auth === undefined && tls === undefined ? undefined : { auth, tls };
}

function credentialsOf(data: Readonly<Record<string, string>>): GitAuth | undefined {
  const { identity, known_hosts: knownHosts, username, password, bearerToken } = data;
  if (identity !== undefined) {
    return { type: 'ssh', privateKey: identity, knownHosts: `${wellKnownHosts}\n${knownHosts ?? ''}` };
  }
  // Servers take a token as the password of any user.
  if (bearerToken !== undefined) return { type: 'http', username: 'git', password: bearerToken };
  return username === undefined ? undefined : { type: 'http', username, password: password ?? '' };
}

/** The older keys count, too. */
function certificatesOf(data: Readonly<Record<string, string>>): GitTls | undefined {
  const ca = data['ca.crt'] ?? data['caFile'];
  const cert = data['tls.crt'] ?? data['certFile'];
  const key = data['tls.key'] ?? data['keyFile'];
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { client: { cert, key } }),
  };
}
