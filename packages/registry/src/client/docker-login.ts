/** Logins out of the data of a pull secret. */

import { isRecord } from '@towpath/kit';
import type { Credentials } from './auth.ts';

/** The login for a host out of `.dockerconfigjson`, or username and password. Throws for what is no JSON. */
export function dockerLogin(data: Readonly<Record<string, string>>, host: string): Credentials | undefined {
  const { username, password } = data;
  if (username !== undefined) return { username, password: password ?? '' };
  const config: unknown = JSON.parse(data['.dockerconfigjson'] ?? '{}');
  const auths = isRecord(config) && isRecord(config['auths']) ? config['auths'] : {};
  const found = Object.entries(auths).find(([key]) => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '') === host);
  const login = found?.[1];
  if (!isRecord(login)) return undefined;
  if (typeof login['username'] === 'string') {
    return { username: login['username'], password: String(login['password'] ?? '') };
  }
  const [user = '', ...rest] = Buffer.from(String(login['auth'] ?? ''), 'base64')
    .toString('utf8')
    .split(':');
  return user === '' ? undefined : { username: user, password: rest.join(':') };
}
