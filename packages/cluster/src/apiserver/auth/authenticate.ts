/** Who is calling: bearer tokens, client certificates that the adapter verified, and impersonation. */

import { timingSafeEqual } from 'node:crypto';
import type { ApiRequest, UserInfo } from '../http/message.ts';
import { forbidden, unauthorized } from '../http/status.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Authorizer } from './rbac.ts';
import {
  serviceAccountUser,
  type ServiceAccountTokens,
  type TokenClaims,
  tokenIssuer,
} from './service-account-tokens.ts';

export interface AuthenticatorDeps {
  readonly objects: ObjectStore;
  readonly tokens: ServiceAccountTokens;
  readonly authorizer: Authorizer;
  /** Static tokens and whom they stand for. */
  readonly staticTokens: ReadonlyMap<string, UserInfo>;
}

/** Answers who makes a request. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  /** The user to act as. Throws 401 without valid credentials, 403 for impersonation that is not allowed. */
  authenticate(request: ApiRequest): UserInfo {
    const user = request.user ?? this.#byToken(request.headers['authorization']);
    if (user === undefined) throw unauthorized();
    return this.#impersonated(user, request.headers);
  }

  /** The user of a bearer token and the audiences it is for; undefined when it is not valid here. */
  reviewToken(token: string): { user: UserInfo; audiences: readonly string[] } | undefined {
    const known = this.#staticUser(token);
    if (known !== undefined) return { user: known, audiences: [tokenIssuer] };
    const claims = this.#deps.tokens.read(token);
    if (claims === undefined || !this.#stillThere(claims)) return undefined;
    return { user: serviceAccountUser(claims), audiences: claims.audiences };
  }

  #byToken(header: string | undefined): UserInfo | undefined {
    const match = /^Bearer\s+(\S+)$/i.exec(header ?? '');
    if (match?.[1] === undefined) return undefined;
    const reviewed = this.reviewToken(match[1]);
    return reviewed?.audiences.includes(tokenIssuer) === true ? reviewed.user : undefined;
  }

  #staticUser(token: string): UserInfo | undefined {
    const given = Buffer.from(token);
    for (const [known, user] of this.#deps.staticTokens) {
      const wanted = Buffer.from(known);
      if (wanted.length === given.length && timingSafeEqual(wanted, given)) return user;
    }
    return undefined;
  }

  /** A token ends with its account and with the pod it is bound to. */
  #stillThere(claims: TokenClaims): boolean {
    const { objects } = this.#deps;
    const account = objects.collection('core/serviceaccounts').get(`${claims.namespace}/${claims.name}`);
    if (account?.object.metadata.uid !== claims.uid) return false;
    if (claims.pod === undefined) return true;
    return (
      objects.collection('core/pods').get(`${claims.namespace}/${claims.pod.name}`)?.object.metadata.uid ===
      claims.pod.uid
    );
  }

  #impersonated(user: UserInfo, headers: Readonly<Record<string, string>>): UserInfo {
    const name = headers['impersonate-user'];
    const groups = (headers['impersonate-group'] ?? '')
      .split(',')
      .map((group) => group.trim())
      .filter((group) => group !== '');
    if (name === undefined || name === '') {
      if (groups.length > 0)
        throw forbidden(
          { group: '', plural: 'users' },
          '',
          'requested to impersonate groups without impersonating a user',
        );
      return user;
    }
    const uid = headers['impersonate-uid'];
    const extra = impersonatedExtra(headers);
    this.#checkImpersonation(user, name, { groups, uid, extra });
    const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
    const accountGroups =
      account === null ? [] : ['system:serviceaccounts', `system:serviceaccounts:${account[1] ?? ''}`];
    const all = [...groups, ...accountGroups];
    return {
      name,
      groups: all.includes('system:authenticated') ? all : [...all, 'system:authenticated'],
      ...(uid === undefined || uid === '' ? {} : { uid }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
  }

  #checkImpersonation(user: UserInfo, name: string, asked: Impersonation): void {
    const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
    const wanted: { group?: string; resource: string; name: string; namespace?: string | undefined }[] =
      account === null
        ? [{ resource: 'users', name }]
        : [{ resource: 'serviceaccounts', name: account[2] ?? '', namespace: account[1] }];
    for (const group of asked.groups) wanted.push({ resource: 'groups', name: group });
    const group = 'authentication.k8s.io';
    if (asked.uid !== undefined && asked.uid !== '') wanted.push({ group, resource: 'uids', name: asked.uid });
    for (const [key, values] of Object.entries(asked.extra))
      for (const value of values) wanted.push({ group, resource: `userextras/${key}`, name: value });
    for (const item of wanted) {
      const allowed = this.#deps.authorizer.allows(user, {
        verb: 'impersonate',
        group: item.group ?? '',
        resource: item.resource,
        name: item.name,
        namespace: item.namespace,
      });
      if (allowed) continue;
      const where = item.namespace === undefined ? 'at the cluster scope' : `in the namespace "${item.namespace}"`;
      const why = `User "${user.name}" cannot impersonate resource "${item.resource}" in API group "${item.group ?? ''}" ${where}`;
      throw forbidden({ group: item.group ?? '', plural: item.resource }, item.name, why);
    }
  }
}

interface Impersonation {
  readonly groups: readonly string[];
  readonly uid: string | undefined;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

const extraPrefix = 'impersonate-extra-';

/** Further fields to act with: keys are escaped as in URLs, a header said twice has several values. */
function impersonatedExtra(headers: Readonly<Record<string, string>>): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [header, values] of Object.entries(headers)) {
    if (!header.startsWith(extraPrefix)) continue;
    const key = header.slice(extraPrefix.length);
    extra[/%(?![0-9a-f]{2})/i.test(key) ? key : decodeURIComponent(key)] = values.split(', ');
  }
  return extra;
}
