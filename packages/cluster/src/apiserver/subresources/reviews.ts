/** Kinds that are questions: access reviews, token reviews and who am I. Nothing of them is stored. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, toTimestamp, type UnknownRecord } from '@towpath/kit';
import type { Authenticator } from '../auth/authenticate.ts';
import { tokenIssuer } from '../auth/service-account-tokens.ts';
import type { Authorizer, PolicyRule } from '../auth/rbac.ts';
import type { ApiContext, Target } from '../handlers/context.ts';
import { canonicalise, checkKind, decodeBody } from '../handlers/decode.ts';
import { requirePlain } from '../handlers/negotiate.ts';
import { jsonResponse, type ApiResponse, type UserInfo } from '../http/message.ts';
import { badRequest, cause, invalid, type StatusCause } from '../http/status.ts';
import { writeOptionsOf } from '../handlers/dispatch.ts';
import { trackUpdate } from '../fields/managed-fields.ts';

export interface ReviewDeps {
  readonly authorizer: Authorizer;
  readonly authenticator: Authenticator;
}

type Answer = (object: AnyObject, target: Target, deps: ReviewDeps, context: ApiContext) => UnknownRecord;

const answers: Readonly<Record<string, Answer>> = {
  SelfSubjectReview: (_object, target, _deps, context) => ({
    metadata: { creationTimestamp: toTimestamp(context.clock.nowMs()) },
    status: { userInfo: userRecord(target.user) },
  }),
  SelfSubjectAccessReview: (object, target, deps) => ({ status: access(deps.authorizer, target.user, object) }),
  SubjectAccessReview: (object, _target, deps) => ({ status: access(deps.authorizer, subjectOf(object), object) }),
  LocalSubjectAccessReview: (object, _target, deps) => ({ status: access(deps.authorizer, subjectOf(object), object) }),
  SelfSubjectRulesReview: (object, target, deps) => ({
    spec: {},
    status: rulesStatus(deps.authorizer, target.user, object),
  }),
  TokenReview: (object, _target, deps) => ({ status: tokenStatus(deps.authenticator, object) }),
};

/** True for kinds that are answered here. */
export function isReview(kind: string): boolean {
  return Object.hasOwn(answers, kind);
}

/** Answers a review. */
export function answerReview(context: ApiContext, target: Target, deps: ReviewDeps): ApiResponse {
  requirePlain(target.headers['accept']);
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types);
  checkKind(body, target.resource);
  const object = canonicalise(body, target.resource, { validation: 'Ignore', warnings: [] });
  const answer = answers[target.resource.kind];
  if (answer === undefined) throw badRequest(`${target.resource.kind} is not answered`);
  refuseWrong(object, target);
  // Asking is a write of the question: its manager is told.
  const isTracked = target.resource.kind !== 'SelfSubjectReview' && target.resource.kind !== 'SelfSubjectRulesReview';
  if (isTracked) {
    const manager = writeOptionsOf(target, 'CreateOptions').fieldManager;
    trackUpdate(context, { object, old: undefined, target, manager });
  }
  return jsonResponse(201, { ...object, ...answer(object, target, deps, context) });
}

/** Questions that cannot be answered. Source: pkg/apis/authorization/validation. */
function refuseWrong(object: AnyObject, target: Target): void {
  const { kind } = target.resource;
  if (!kind.endsWith('AccessReview')) return;
  const causes: StatusCause[] = [];
  const resource = getIn(object, ['spec', 'resourceAttributes']);
  const path = getIn(object, ['spec', 'nonResourceAttributes']);
  if (resource !== undefined && path !== undefined) {
    const value = { Path: getIn(path, ['path']) ?? '', Verb: getIn(path, ['verb']) ?? '' };
    const detail = 'cannot be specified in combination with resourceAttributes';
    causes.push(cause.invalid('spec.nonResourceAttributes', value, detail));
  }
  if (resource === undefined && path === undefined) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    causes.push(cause.invalid('spec.resourceAttributes', null, detail));
  }
  const groups = getIn(object, ['spec', 'groups']);
  const isNobody = (getIn(object, ['spec', 'user']) ?? '') === '' && !(Array.isArray(groups) && groups.length > 0);
  if (kind !== 'SelfSubjectAccessReview' && isNobody) {
    causes.push(cause.invalid('spec.user', '', 'at least one of user or group must be specified'));
  }
  const namespace = getIn(resource, ['namespace']) ?? '';
  if (kind === 'LocalSubjectAccessReview' && namespace !== target.namespace) {
    causes.push(cause.invalid('spec.resourceAttributes.namespace', namespace, 'must match metadata.namespace'));
  }
  if (causes.length > 0) throw invalid({ group: 'authorization.k8s.io', kind: '', name: '' }, causes);
}

function userRecord(user: UserInfo): UnknownRecord {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
}

function subjectOf(object: AnyObject): UserInfo {
  const groups = getIn(object, ['spec', 'groups']);
  return {
    name: String(getIn(object, ['spec', 'user']) ?? ''),
    groups: Array.isArray(groups) ? groups.map(String) : [],
  };
}

function access(authorizer: Authorizer, user: UserInfo, object: AnyObject): UnknownRecord {
  const resource = getIn(object, ['spec', 'resourceAttributes']);
  const path = getIn(object, ['spec', 'nonResourceAttributes']);
  const allowed = isRecord(resource)
    ? resourceAllowed(authorizer, user, resource)
    : isRecord(path) && pathAllowed(authorizer, user, path);
  return allowed ? { allowed, reason: 'RBAC: allowed' } : { allowed };
}

function resourceAllowed(authorizer: Authorizer, user: UserInfo, attributes: UnknownRecord): boolean {
  const text = (name: string): string => String(attributes[name] ?? '');
  const sub = text('subresource');
  return authorizer.allows(user, {
    verb: text('verb'),
    group: text('group'),
    resource: sub === '' ? text('resource') : `${text('resource')}/${sub}`,
    ...(text('name') === '' ? {} : { name: text('name') }),
    ...(text('namespace') === '' ? {} : { namespace: text('namespace') }),
  });
}

function pathAllowed(authorizer: Authorizer, user: UserInfo, attributes: UnknownRecord): boolean {
  return authorizer.allowsPath(user, String(attributes['verb'] ?? ''), String(attributes['path'] ?? ''));
}

function rulesStatus(authorizer: Authorizer, user: UserInfo, object: AnyObject): UnknownRecord {
  const rules = authorizer.rulesFor(user, String(getIn(object, ['spec', 'namespace']) ?? ''));
  const isPath = (rule: PolicyRule): boolean => rule.nonResourceURLs.length > 0;
  return {
    resourceRules: rules
      .filter((rule) => !isPath(rule))
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames.length === 0 ? {} : { resourceNames }),
      })),
    nonResourceRules: rules.filter(isPath).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}

function tokenStatus(authenticator: Authenticator, object: AnyObject): UnknownRecord {
  const reviewed = authenticator.reviewToken(String(getIn(object, ['spec', 'token']) ?? ''));
  const asked = getIn(object, ['spec', 'audiences']);
  const wanted = Array.isArray(asked) && asked.length > 0 ? asked.map(String) : [tokenIssuer];
  const audiences = wanted.filter((audience) => reviewed?.audiences.includes(audience) === true);
  if (reviewed === undefined || audiences.length === 0) return { user: {}, error: 'invalid bearer token' };
  return { authenticated: true, user: userRecord(reviewed.user), audiences };
}
