import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkRequest, isKnownType, type Hook } from './check-request.ts';

const token = 'a-token';
const text = '{"ref":"refs/heads/main"}';
const sign = (algorithm: string, body = text): string => createHmac(algorithm, token).update(body).digest('hex');
const json = { 'content-type': 'application/json; charset=utf-8' };

const rows: readonly [type: string, headers: Hook['headers'], body: string, refused: string | undefined][] = [
  ['generic', {}, '', undefined],
  ['generic-hmac', { 'x-signature': `sha256=${sign('sha256')}` }, text, undefined],
  ['generic-hmac', { 'x-signature': `sha512=${sign('sha512')}` }, text, undefined],
  ['generic-hmac', { 'x-signature': `sha1=${sign('sha1')}` }, text, undefined],
  ['generic-hmac', { 'x-signature': `sha256=${sign('sha256')}` }, `${text} `, 'the signature is another'],
  ['generic-hmac', { 'x-signature': sign('sha256') }, text, 'the signature cannot be read'],
  ['generic-hmac', { 'x-signature': `md5=${sign('md5')}` }, text, 'the signature cannot be read'],
  ['generic-hmac', {}, text, 'the signature is missing'],
  ['github', { ...json, 'x-hub-signature-256': `sha256=${sign('sha256')}`, 'x-github-event': 'push' }, text, undefined],
  ['github', { ...json, 'x-hub-signature': `sha1=${sign('sha1')}`, 'x-github-event': 'Push' }, text, undefined],
  [
    'github',
    { ...json, 'x-hub-signature-256': `sha256=${sign('sha256')}`, 'x-github-event': 'star' },
    text,
    'the event "star" is none of those that are handled',
  ],
  ['github', { ...json, 'x-github-event': 'push' }, text, 'the signature is missing'],
  [
    'github',
    { 'content-type': 'text/plain', 'x-hub-signature-256': `sha256=${sign('sha256')}` },
    text,
    'the content type "text/plain" is neither JSON nor a form',
  ],
  ['gitlab', { 'x-gitlab-token': token, 'x-gitlab-event': 'push' }, '', undefined],
  [
    'gitlab',
    { 'x-gitlab-token': 'b-token', 'x-gitlab-event': 'push' },
    '',
    'the X-Gitlab-Token header is not the token',
  ],
  ['gitlab', { 'x-gitlab-token': token }, '', 'the event "" is none of those that are handled'],
  ['bitbucket', { ...json, 'x-hub-signature': `sha256=${sign('sha256')}`, 'x-event-key': 'push' }, text, undefined],
  ['harbor', { authorization: token }, '', undefined],
  ['harbor', {}, '', 'the Authorization header is not the token'],
  ['dockerhub', {}, text, undefined],
  ['dockerhub', {}, '{', 'the payload is no JSON'],
  ['quay', {}, '[]', 'the payload is no JSON object'],
  ['acr', {}, text, undefined],
  ['acr', {}, 'null', undefined],
  ['nexus', { 'x-nexus-webhook-signature': sign('sha1') }, text, undefined],
  ['nexus', {}, text, 'the signature is another'],
];

describe('a request to a receiver that handles push', () => {
  test.each(rows)('of type %s with %j and %j', (type, headers, body, refused) => {
    const check = (): void => checkRequest(type, { headers, body: Buffer.from(body) }, { token, events: ['push'] });
    if (refused === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(refused);
  });
});

test('types that need an identity provider or an event library are not known', () => {
  expect(['gcr', 'generic-oidc', 'cdevents', 'constructor'].filter(isKnownType)).toEqual([]);
});
