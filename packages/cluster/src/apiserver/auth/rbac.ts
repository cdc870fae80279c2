/** Role-based access control. Source: kubernetes.io, "Using RBAC Authorization". */

import { matchesSelector, type AnyObject, type LabelSelector } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { UserInfo } from '../http/message.ts';
import { StatusError } from '../http/status.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** What a user wants to do to a resource. `namespace` absent means at the cluster scope. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  /** `pods` or `pods/log` */
  readonly resource: string;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

/** `rbac.v1.PolicyRule`. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** Rules and where they hold: everywhere when `namespace` is undefined. */
interface Grant {
  readonly namespace: string | undefined;
  readonly rules: readonly PolicyRule[];
}

const group = 'rbac.authorization.k8s.io';
const collections = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map(
  (plural) => `${group}/${plural}`,
);
/** Members of this group may do everything. */
const superGroup = 'system:masters';
/** Users whose grants are remembered. */
const maxRememberedUsers = 500;

/** Evaluates roles and bindings; what it worked out for a user is kept until one of them changes. */
export class Authorizer {
  readonly #objects: ObjectStore;
  readonly #grants = new Map<string, readonly Grant[]>();
  readonly #unsubscribe: (() => void)[];

  constructor(objects: ObjectStore) {
    this.#objects = objects;
    this.#unsubscribe = collections.map((name) => objects.collection(name).subscribe(() => this.#grants.clear()));
  }

  dispose(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  allows(user: UserInfo, attributes: ResourceAttributes): boolean {
    if (user.groups.includes(superGroup)) return true;
    return this.#grantsOf(user).some(
      (grant) =>
        (grant.namespace === undefined || grant.namespace === attributes.namespace) &&
        grant.rules.some((rule) => ruleAllows(rule, attributes)),
    );
  }

  /** For paths that are no resources, such as /version. */
  allowsPath(user: UserInfo, verb: string, path: string): boolean {
    if (user.groups.includes(superGroup)) return true;
    return this.#grantsOf(user).some(
      (grant) => grant.namespace === undefined && grant.rules.some((rule) => pathAllowed(rule, verb, path)),
    );
  }

  /** Every rule that holds for the user in a namespace. */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    const everything: PolicyRule[] = [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
      { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
    ];
    const own = this.#grantsOf(user)
      .filter((grant) => grant.namespace === undefined || grant.namespace === namespace)
      .flatMap((grant) => grant.rules);
    return user.groups.includes(superGroup) ? [...everything, ...own] : own;
  }

  #grantsOf(user: UserInfo): readonly Grant[] {
    const identity = JSON.stringify([user.name, user.groups]);
    const known = this.#grants.get(identity);
    if (known !== undefined) return known;
    const grants = this.#evaluate(user);
    if (this.#grants.size >= maxRememberedUsers) this.#grants.clear();
    this.#grants.set(identity, grants);
    return grants;
  }

  #evaluate(user: UserInfo): Grant[] {
    const grants: Grant[] = [];
    for (const { object } of this.#objects.collection(`${group}/clusterrolebindings`).list()) {
      if (bindsUser(object, user, undefined))
        grants.push({ namespace: undefined, rules: this.#rulesOf(object, undefined) });
    }
    for (const { object } of this.#objects.collection(`${group}/rolebindings`).list()) {
      const { namespace } = object.metadata;
      if (bindsUser(object, user, namespace)) grants.push({ namespace, rules: this.#rulesOf(object, namespace) });
    }
    return grants;
  }

  #rulesOf(binding: AnyObject, namespace: string | undefined): readonly PolicyRule[] {
    const kind = getIn(binding, ['roleRef', 'kind']);
    const name = String(getIn(binding, ['roleRef', 'name']));
    if (kind === 'ClusterRole') return this.#clusterRoleRules(name);
    const role = this.#objects.collection(`${group}/roles`).get(`${namespace ?? ''}/${name}`);
    return rulesIn(role?.object['rules']);
  }

  #clusterRoleRules(name: string): readonly PolicyRule[] {
    const roles = this.#objects.collection(`${group}/clusterroles`);
    const role = roles.get(name)?.object;
    const selectors = getIn(role, ['aggregationRule', 'clusterRoleSelectors']);
    if (!Array.isArray(selectors)) return rulesIn(role?.['rules']);
    const chosen = roles
      .list()
      .filter(({ object }) =>
        selectors.some((selector) => matchesSelector(selector as LabelSelector, object.metadata.labels)),
      );
    return chosen.flatMap(({ object }) =>
      object.metadata.name === name ? [] : this.#clusterRoleRules(object.metadata.name),
    );
  }
}

function bindsUser(binding: AnyObject, user: UserInfo, namespace: string | undefined): boolean {
  const { subjects } = binding;
  if (!Array.isArray(subjects)) return false;
  return subjects.filter(isRecord).some((subject) => isSubject(subject, user, namespace));
}

function isSubject(subject: UnknownRecord, user: UserInfo, namespace: string | undefined): boolean {
  const name = String(subject['name']);
  switch (subject['kind']) {
    case 'User':
      return name === user.name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${String(subject['namespace'] ?? namespace ?? '')}:${name}`;
    default:
      return false;
  }
}

function rulesIn(rules: unknown): PolicyRule[] {
  if (!Array.isArray(rules)) return [];
  return rules.filter(isRecord).map((rule) => ({
    verbs: textList(rule['verbs']),
    apiGroups: textList(rule['apiGroups']),
    resources: textList(rule['resources']),
    resourceNames: textList(rule['resourceNames']),
    nonResourceURLs: textList(rule['nonResourceURLs']),
  }));
}

function textList(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function ruleAllows(rule: PolicyRule, attributes: ResourceAttributes): boolean {
  const { verb, group: apiGroup, resource, name } = attributes;
  if (!rule.verbs.includes(verb) && !rule.verbs.includes('*')) return false;
  if (!rule.apiGroups.includes(apiGroup) && !rule.apiGroups.includes('*')) return false;
  const slash = resource.indexOf('/');
  const sub = slash < 0 ? undefined : `*${resource.slice(slash)}`;
  const named =
    rule.resources.includes(resource) ||
    rule.resources.includes('*') ||
    (sub !== undefined && rule.resources.includes(sub));
  if (!named) return false;
  return rule.resourceNames.length === 0 || (name !== undefined && rule.resourceNames.includes(name));
}

function pathAllowed(rule: PolicyRule, verb: string, path: string): boolean {
  if (!rule.verbs.includes(verb) && !rule.verbs.includes('*')) return false;
  return rule.nonResourceURLs.some(
    (pattern) =>
      pattern === path || pattern === '*' || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))),
  );
}

/** The 403 for a refused resource request, in the words of a real server. */
export function refusal(user: UserInfo, attributes: ResourceAttributes): StatusError {
  const { verb, group: apiGroup, resource, name, namespace } = attributes;
  const where =
    namespace === undefined || namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const plural = resource.split('/', 1)[0] ?? resource;
  const qualified = apiGroup === '' ? plural : `${plural}.${apiGroup}`;
  const object = name === undefined || name === '' ? qualified : `${qualified} "${name}"`;
  return new StatusError({
    code: 403,
    reason: 'Forbidden',
    message: `${object} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "${apiGroup}" ${where}`,
    details: {
      ...(name === undefined || name === '' ? {} : { name }),
      ...(apiGroup === '' ? {} : { group: apiGroup }),
      kind: plural,
    },
  });
}

/** The 403 for a path that is no resource. */
export function pathRefusal(user: UserInfo, verb: string, path: string): StatusError {
  const message = `forbidden: User "${user.name}" cannot ${verb} path "${path}"`;
  return new StatusError({ code: 403, reason: 'Forbidden', message, details: {} });
}
