import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commentMark } from './markdown.ts';
import { postComment, postTarget } from './post.ts';

interface Comment {
  id: number;
  body: string;
}

let server: Server;
let comments: Comment[];
let refused: string[];
let origin: string;

/** Keeps comments as the three forges do. */
beforeEach(async () => {
  comments = [{ id: 7, body: 'somebody else' }];
  refused = [];
  server = createServer((request, response) => {
    const token = request.headers['private-token'] ?? request.headers.authorization;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const id = /\/(?:notes|comments)\/(\d+)$/.exec(request.url ?? '')?.[1];
      if (!['secret', 'Bearer secret', 'token secret'].includes(token?.toString() ?? '')) {
        refused.push(request.url ?? '');
        response.writeHead(401).end('{"message":"401 Unauthorized"}');
        return;
      }
      const sent = chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as { body: string });
      const known = comments.find((comment) => String(comment.id) === id);
      if (request.method === 'POST' && sent !== undefined) comments.push({ id: comments.length + 10, body: sent.body });
      if (known !== undefined && sent !== undefined && (request.method === 'PUT' || request.method === 'PATCH'))
        known.body = sent.body;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(comments));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => new Promise((done) => server.close(done)));

const github = { GITHUB_REPOSITORY: 'acme/shop', GITHUB_REF: 'refs/pull/4/merge' };
const gitlab = { CI_PROJECT_ID: '5', CI_MERGE_REQUEST_IID: '4' };
const options = { fetch, signal: new AbortController().signal };

describe('postComment', () => {
  it.each([
    { forge: 'gitlab', env: () => ({ ...gitlab, CI_API_V4_URL: `${origin}/api/v4`, GITLAB_TOKEN: 'secret' }) },
    { forge: 'github', env: () => ({ ...github, GITHUB_API_URL: origin, GITHUB_TOKEN: 'secret' }) },
    { forge: 'gitea', env: () => ({ ...github, GITHUB_API_URL: `${origin}/api/v1`, GITEA_TOKEN: 'secret' }) },
  ])('keeps one comment on $forge', async ({ forge, env }) => {
    const target = postTarget(env());

    expect(target.forge).toBe(forge);
    expect(await postComment(target, `${commentMark}\none`, options)).toBe('created');
    expect(await postComment(target, `${commentMark}\ntwo`, options)).toBe('updated');
    expect(comments.map(({ body }) => body)).toEqual(['somebody else', `${commentMark}\ntwo`]);
  });

  it('says what the forge answered', async () => {
    const target = postTarget({ ...gitlab, CI_API_V4_URL: origin, GITLAB_TOKEN: 'wrong' });

    await expect(postComment(target, commentMark, options)).rejects.toThrow('gitlab answered 401 to GET');
    expect(refused).toHaveLength(1);
  });
});

describe('postTarget', () => {
  it.each([
    { name: 'outside of a job', env: {}, says: 'CI_API_V4_URL (GitLab) or GITHUB_API_URL' },
    { name: 'no token', env: { ...gitlab, CI_API_V4_URL: 'http://x' }, says: 'GITLAB_TOKEN is not set' },
    {
      name: 'no pull request',
      env: { ...github, GITHUB_API_URL: 'http://x', GITHUB_TOKEN: 't', GITHUB_REF: 'refs/heads/a' },
      says: 'TOWPATH_PULL_REQUEST',
    },
  ])('refuses $name', ({ env, says }) => {
    expect(() => postTarget(env)).toThrow(says);
  });
});
