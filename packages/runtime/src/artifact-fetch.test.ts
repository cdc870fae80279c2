import { createServer } from 'node:http';
import { createConnection, type AddressInfo } from 'node:net';
import type { Dialer } from '@towpath/api';
import { codeOf } from '@towpath/kit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchArtifactFile } from './index.ts';

const server = createServer((request, response) => {
  response.statusCode = request.url === '/broken' ? 500 : request.url === '/there' ? 200 : 404;
  response.end('bytes');
});
/** Only the dialer knows the name. */
const dialer: Dialer = {
  dial: async ({ host }) => {
    expect(host).toBe('source-controller.flux-system.svc.cluster.local');
    return createConnection((server.address() as AddressInfo).port, '127.0.0.1');
  },
};
const at = 'http://source-controller.flux-system.svc.cluster.local.';
const { signal } = new AbortController();

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => void server.close());

test('names are found by the dialer, with or without the last dot', async () => {
  expect(Buffer.from((await fetchArtifactFile(`${at}/there`, { dialer, signal })) ?? []).toString()).toBe('bytes');
});

test('a file that is gone is undefined', async () => {
  expect(await fetchArtifactFile(`${at}/gone`, { dialer, signal })).toBeUndefined();
});

test('any other answer is a failure that names the URL', async () => {
  const failure = await fetchArtifactFile(`${at}/broken`, { dialer, signal }).catch((error: unknown) => error);

  expect(codeOf(failure)).toBe('ARTIFACT_UNAVAILABLE');
  expect(String(failure)).toContain(`${at}/broken, status: 500`);
});
