import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HelmReleases, CustomResourceDefinitions, type AnyObject } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { silentLogger, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { startDashboard } from './dashboard.ts';
import type { DashboardState } from './model.ts';
import { release } from './testing/objects.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const helmReleaseCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'helmreleases.helm.fluxcd.io' },
  spec: {
    group: 'helm.fluxcd.io',
    names: { kind: 'HelmRelease', listKind: 'HelmReleaseList', plural: 'helmreleases', singular: 'helmrelease' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
} as unknown as AnyObject;

async function start() {
  const cluster = await startTestCluster();
  closers.push(() => cluster.dispose());
  const client = new Client({ transport: cluster.transport() });
  await client.create(CustomResourceDefinitions, helmReleaseCrd);
  const dashboard = startDashboard({
    client,
    prometheusQuery: () => Promise.resolve([]),
    log: silentLogger,
    clock: systemClock,
    links: [{ name: 'Shop', url: 'http://127.0.0.1:8000/' }],
    asset: (name) => (name === 'dashboard.js' ? 'export {};' : undefined),
  });
  closers.push(() => dashboard.dispose());
  const server = createServer(dashboard.handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { client, port: (server.address() as AddressInfo).port };
}

async function open(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    path,
    method,
    headers: { host: `127.0.0.1:${port}`, ...headers },
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

async function text(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return body;
}

describe('the dashboard', () => {
  it('serves the page, its parts and its data', async () => {
    const { port } = await start();

    const page = await open(port, '/');
    const state = JSON.parse(await text(await open(port, '/api/state'))) as DashboardState;

    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(await text(page)).toContain('/assets/dashboard.js');
    expect((await open(port, '/assets/dashboard.js')).statusCode).toBe(200);
    expect((await open(port, '/assets/dashboard.css')).statusCode).toBe(404);
    expect(state.links).toEqual([{ name: 'Shop', url: 'http://127.0.0.1:8000/' }]);
    expect(state.health.level).toBe('good');
  });

  it('streams changes as they happen', async () => {
    const { client, port } = await start();
    const response = await open(port, '/api/stream');
    let received = '';
    response.on('data', (chunk) => (received += String(chunk)));
    await expect.poll(() => received).toContain('There are no releases yet');

    await client.create(HelmReleases, { ...release('cart'), metadata: { name: 'cart', namespace: 'default' } });

    await expect.poll(() => received, { timeout: 5000 }).toContain('All 1 releases are deployed');
    response.destroy();
  });

  it.each([
    { name: 'a foreign host', headers: { host: 'evil.example' }, status: 421 },
    { name: 'a foreign origin', headers: { origin: 'http://evil.example' }, status: 403 },
    { name: 'its own origin', headers: {}, own: true, status: 200 },
    { name: 'an in-cluster name', headers: { host: 'dashboard.towpath-system' }, status: 200 },
    {
      name: "a foreign page's picture",
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      status: 403,
    },
    {
      name: 'a link from a foreign page',
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      status: 200,
    },
    { name: 'a write', headers: {}, method: 'POST', status: 405 },
    { name: 'an unknown path', headers: {}, path: '/nothing', status: 404 },
  ])('answers $name with $status', async ({ headers, status, own, method, path }) => {
    const { port } = await start();
    const origin: Record<string, string> = own === true ? { origin: `http://127.0.0.1:${port}` } : {};

    const response = await open(
      port,
      path ?? '/api/state',
      { ...(headers as Record<string, string>), ...origin },
      method,
    );

    expect(response.statusCode).toBe(status);
    response.resume();
  });
});
