/** The front: which part answers which path, and which hosts are answered at all. */

import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFront, type Handler } from './front.ts';

let front: Server;

const saying =
  (name: string): Handler =>
  (incoming, response) => {
    response.end(`${name} ${incoming.url}`);
  };

beforeAll(async () => {
  front = createFront({
    git: saying('git'),
    registry: saying('registry'),
    charts: saying('charts'),
    metrics: saying('metrics'),
    dashboard: (incoming, response) => {
      if (incoming.url === '/broken') throw new Error('it broke');
      return saying('dashboard')(incoming, response);
    },
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  front.closeAllConnections();
  front.close();
});

function get(path: string, host = '127.0.0.1'): Promise<{ status: number; text: string }> {
  const { port } = front.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('createFront', () => {
  it.each([
    { path: '/', gives: 'dashboard /' },
    { path: '/v2', gives: 'registry /v2' },
    { path: '/v2/acme/app/manifests/v1?x=1', gives: 'registry /v2/acme/app/manifests/v1?x=1' },
    { path: '/v2x', gives: 'dashboard /v2x' },
    {
      path: '/acme/app.git/info/refs?service=git-upload-pack',
      gives: 'git /acme/app.git/info/refs?service=git-upload-pack',
    },
    { path: '/local/app.git', gives: 'git /local/app.git' },
    { path: '/charts', gives: 'charts /' },
    { path: '/charts/fluxcd/index.yaml', gives: 'charts /fluxcd/index.yaml' },
    { path: '/chartsy', gives: 'dashboard /chartsy' },
    { path: '/prometheus/api/v1/query?query=up', gives: 'metrics /api/v1/query?query=up' },
  ])('$path goes to $gives', async ({ path, gives }) => {
    expect(await get(path)).toEqual({ status: 200, text: gives });
  });

  it.each([
    'localhost',
    'LOCALHOST:8080',
    '127.0.0.1:8080',
    '127.1.2.3',
    '[::1]:80',
    'git.towpath-system',
    'registry.towpath-system.svc',
    'charts.towpath-system.svc.cluster.local:80',
  ])('answers to %s', async (host) => {
    expect((await get('/', host)).status).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'git.towpath-system.evil.example',
    'a.b.towpath-system',
    '192.168.1.5',
  ])('refuses the foreign host %s', async (host) => {
    const answer = await get('/v2/', host);

    expect(answer).toEqual({ status: 421, text: `host ${JSON.stringify(host)} is not served here; use 127.0.0.1\n` });
  });

  it('turns a failure of a part into a 500 and goes on', async () => {
    expect(await get('/broken')).toEqual({ status: 500, text: 'it broke\n' });
    expect((await get('/')).status).toBe(200);
  });
});
