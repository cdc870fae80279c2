/** Webhooks of the three providers: accepted, ignored and refused. */

import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { maxWebhookBytes, readWebhook } from './webhook.ts';

const secret = 'a-secret';
const github = JSON.stringify({
  ref: 'refs/heads/main',
  repository: { clone_url: 'https://h/a/b.git', ssh_url: 'git@h:a/b' },
});
const gitlab = JSON.stringify({ ref: 'refs/heads/main', project: { git_http_url: 'https://h/a/b.git' } });

function hmac(body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

describe('readWebhook', () => {
  it.each([
    {
      name: 'GitHub push',
      headers: { 'x-github-event': 'push', 'x-github-delivery': '1', 'x-hub-signature-256': `sha256=${hmac(github)}` },
      body: github,
      gives: {
        type: 'push',
        provider: 'github',
        ref: 'refs/heads/main',
        urls: ['https://h/a/b.git', 'git@h:a/b'],
        deliveryId: '1',
      },
    },
    {
      name: 'GitLab push',
      headers: { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': secret, 'idempotency-key': '2' },
      body: gitlab,
      gives: { type: 'push', provider: 'gitlab', ref: 'refs/heads/main', urls: ['https://h/a/b.git'], deliveryId: '2' },
    },
    {
      name: 'Gitea push, which also carries the headers of GitHub',
      headers: { 'x-gitea-event': 'push', 'x-github-event': 'push', 'x-gitea-signature': hmac(github) },
      body: github,
      gives: { type: 'push', provider: 'gitea' },
    },
    {
      name: 'GitHub ping',
      headers: { 'x-github-event': 'ping', 'x-hub-signature-256': `sha256=${hmac('{}')}` },
      body: '{}',
      gives: { type: 'ignored', provider: 'github' },
    },
    {
      name: 'a wrong signature',
      headers: { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac('other')}` },
      body: github,
      gives: { type: 'refused', status: 401 },
    },
    {
      name: 'no signature',
      headers: { 'x-gitea-event': 'push' },
      body: github,
      gives: { type: 'refused', status: 401 },
    },
    {
      name: 'a wrong token',
      headers: { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': 'other' },
      body: gitlab,
      gives: { type: 'refused', status: 401 },
    },
    { name: 'an unknown sender', headers: {}, body: github, gives: { type: 'refused', status: 400 } },
    ...['{}', 'null', '[]', 'not json', '{"ref":null,"repository":null}'].map((body) => ({
      name: `the body ${body}`,
      headers: { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(body)}` },
      body,
      gives: { type: 'refused', status: 400 },
    })),
  ])('answers $name', ({ headers, body, gives }) => {
    expect(readWebhook({ headers, body: Buffer.from(body), secret })).toMatchObject(gives);
  });

  it('refuses a body that is too large, and any body while there is no secret', () => {
    const headers = { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': '' };

    expect(readWebhook({ headers, body: Buffer.alloc(maxWebhookBytes + 1), secret })).toMatchObject({ status: 413 });
    expect(readWebhook({ headers, body: Buffer.from(gitlab), secret: '' })).toMatchObject({ status: 401 });
  });
});
