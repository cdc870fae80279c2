/** serviceaccounts/token: a token for a service account, bound to a pod when asked. */

import { getIn, toTimestamp, uuid } from '@towpath/kit';
import { tokenIssuer, type ServiceAccountTokens, type TokenSubject } from '../auth/service-account-tokens.ts';
import { storageKey, type ApiContext, type Target } from '../handlers/context.ts';
import { checkKind, decodeBody } from '../handlers/decode.ts';
import { jsonResponse, type ApiResponse } from '../http/message.ts';
import { badRequest, cause, conflict, invalid, notFound } from '../http/status.ts';

const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultSeconds = 3600;

/** Answers POST of a TokenRequest. */
export function requestToken(context: ApiContext, target: Target, tokens: ServiceAccountTokens): ApiResponse {
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types);
  checkKind(body, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' });
  const account = context.objects
    .collection('core/serviceaccounts')
    .get(storageKey(target.resource, target.namespace, target.name));
  if (account === undefined) throw notFound(target.resource, target.name);
  const { name, namespace = '', uid = '' } = account.object.metadata;
  const asked = getIn(body, ['spec', 'expirationSeconds']);
  const expirationSeconds = typeof asked === 'number' ? asked : defaultSeconds;
  if (expirationSeconds < minSeconds || expirationSeconds > maxSeconds) {
    throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest', name: '' }, [
      cause.invalid('spec.expirationSeconds', expirationSeconds, 'may not specify a duration less than 10 minutes'),
    ]);
  }
  const given = getIn(body, ['spec', 'audiences']);
  const audiences = Array.isArray(given) && given.length > 0 ? given.map(String) : [tokenIssuer];
  const boundObjectRef = getIn(body, ['spec', 'boundObjectRef']);
  const subject: TokenSubject = { namespace, name, uid, ...boundPod(context, target, boundObjectRef) };
  const { token, claims } = tokens.issue(subject, { audiences, expirationSeconds });
  return jsonResponse(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, uid: uuid(context.random), creationTimestamp: toTimestamp(context.clock.nowMs()) },
    spec: { audiences, expirationSeconds, boundObjectRef: boundObjectRef ?? null },
    status: { token, expirationTimestamp: toTimestamp(claims.expiresAtSeconds * 1000) },
  });
}

function boundPod(context: ApiContext, target: Target, reference: unknown): Pick<TokenSubject, 'pod' | 'node'> {
  if (reference === undefined || reference === null) return {};
  const kind = getIn(reference, ['kind']);
  const name = String(getIn(reference, ['name']) ?? '');
  if (kind !== 'Pod') throw badRequest(`cannot bind token to object type ${String(kind)}: only pods are supported`);
  const pod = context.objects.collection('core/pods').get(`${target.namespace ?? ''}/${name}`);
  if (pod === undefined) throw notFound({ group: '', plural: 'pods' }, name);
  const uid = pod.object.metadata.uid ?? '';
  const asked = getIn(reference, ['uid']);
  if (typeof asked === 'string' && asked !== '' && asked !== uid) {
    throw conflict(
      { group: '', plural: 'pods' },
      name,
      `the UID in the bound object reference (${asked}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const node = getIn(pod.object, ['spec', 'nodeName']);
  return { pod: { name, uid }, ...(typeof node === 'string' ? { node } : {}) };
}
