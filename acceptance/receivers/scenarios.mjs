/** Receivers and the requests that are sent to each. */

import { createHmac } from 'node:crypto';

export const token = 'f00-token';
export const bodyText = '{"ref":"refs/heads/main"}';

const hmac = (algorithm, { key = token, body = bodyText } = {}) =>
  createHmac(algorithm, key).update(body).digest('hex');
const sha256 = `sha256=${hmac('sha256')}`;
const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const resources = [{ kind: 'GitRepository', name: 'app' }];
const secretRef = { name: 'token' };
const of = (type, more = {}) => ({ type, secretRef, resources, interval: '10m', ...more });
const push = { 'x-github-event': 'push' };
const formBody = `payload=${encodeURIComponent(bodyText)}`;

export const scenarios = [
  {
    name: 'generic',
    spec: of('generic'),
    requests: [{}, { path: (hook) => `${hook}?a=b` }, { path: (hook) => `${hook}0` }],
  },
  {
    name: 'generic-hmac',
    spec: of('generic-hmac'),
    requests: [
      { headers: { 'x-signature': sha256 } },
      { headers: { 'x-signature': `sha1=${hmac('sha1')}` } },
      { headers: { 'x-signature': `sha512=${hmac('sha512')}` } },
      { headers: { 'x-signature': `md5=${hmac('md5')}` } },
      { headers: { 'x-signature': 'nonsense' } },
      { headers: { 'x-signature': 'sha256=zz' } },
      {},
    ],
  },
  {
    name: 'github',
    spec: of('github', { events: ['push'] }),
    requests: [
      { headers: { ...json, ...push, 'x-hub-signature-256': sha256 } },
      { headers: { ...json, ...push, 'x-hub-signature': `sha1=${hmac('sha1')}` } },
      { headers: { ...json, 'x-github-event': 'PUSH', 'x-hub-signature-256': sha256 } },
      { headers: { ...json, 'x-github-event': 'ping', 'x-hub-signature-256': sha256 } },
      { headers: { ...json, ...push, 'x-hub-signature-256': `sha256=${hmac('sha256', { key: 'wrong' })}` } },
      { headers: { ...json, ...push } },
      { headers: { ...push, 'x-hub-signature-256': sha256 } },
      { headers: { 'content-type': 'text/plain', ...push, 'x-hub-signature-256': sha256 } },
      {
        headers: { ...form, ...push, 'x-hub-signature-256': `sha256=${hmac('sha256', { body: formBody })}` },
        body: formBody,
      },
    ],
  },
  {
    name: 'gitlab',
    spec: of('gitlab', { events: ['Push Hook'] }),
    requests: [
      { headers: { 'x-gitlab-token': token, 'x-gitlab-event': 'Push Hook' } },
      { headers: { 'x-gitlab-token': token, 'x-gitlab-event': 'Tag Push Hook' } },
      { headers: { 'x-gitlab-token': `${token}0`, 'x-gitlab-event': 'Push Hook' } },
      {},
    ],
  },
  {
    name: 'bitbucket',
    spec: of('bitbucket', { events: ['repo:refs_changed'] }),
    requests: [
      { headers: { ...json, 'x-hub-signature': sha256, 'x-event-key': 'repo:refs_changed' } },
      { headers: { ...json, 'x-hub-signature': sha256, 'x-event-key': 'diagnostics:ping' } },
    ],
  },
  { name: 'harbor', spec: of('harbor'), requests: [{ headers: { authorization: token } }, {}] },
  ...['quay', 'dockerhub', 'acr'].map((type) => ({
    name: type,
    spec: of(type),
    requests: [{}, { body: 'no JSON' }, { body: '[]' }, { body: 'null' }, { body: '' }],
  })),
  {
    name: 'nexus',
    spec: of('nexus'),
    requests: [
      { headers: { 'x-nexus-webhook-signature': hmac('sha1') } },
      { headers: { 'x-nexus-webhook-signature': '00' } },
      {},
    ],
  },
  {
    name: 'labels',
    spec: of('generic', { resources: [{ kind: 'GitRepository', name: '*', matchLabels: { team: 'a' } }] }),
    requests: [{}],
  },
  { name: 'no-labels', spec: of('generic', { resources: [{ kind: 'GitRepository', name: '*' }] }), requests: [{}] },
  {
    name: 'none-with-labels',
    spec: of('generic', { resources: [{ kind: 'GitRepository', name: '*', matchLabels: { team: 'z' } }] }),
    requests: [{}],
  },
  {
    name: 'gone',
    spec: of('generic', { resources: [{ kind: 'GitRepository', name: 'gone' }, ...resources] }),
    requests: [{}],
  },
  { name: 'no-version', spec: of('generic', { resources: [{ kind: 'Kustomization', name: 'app' }] }), requests: [{}] },
  { name: 'missing-secret', spec: of('github', { secretRef: { name: 'gone' } }), requests: [{}] },
  { name: 'empty-secret', spec: of('github', { secretRef: { name: 'empty' } }), requests: [{}] },
  { name: 'suspended', spec: of('generic'), suspend: true, requests: [{}] },
  {
    name: 'too-big',
    spec: of('generic'),
    requests: [{ body: 'a'.repeat(3 * 1024 * 1024) }, { body: 'a'.repeat(3 * 1024 * 1024 + 1) }],
  },
  {
    name: 'other-path',
    spec: of('generic'),
    requests: [{ path: () => '/' }, { path: () => '/hook/none' }, { path: () => '/hook' }],
  },
];
