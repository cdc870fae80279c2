/** Tokens: asked for once, again at four fifths of their life, with the server's own words when refused. */

import type { Pod, TransportRequest } from '@towpath/api';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { expect, test } from 'vitest';
import { createTokenSource } from './service-account-token.ts';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'shop', uid: 'u' },
  spec: { serviceAccountName: 'robot', containers: [] },
} as Pod;

function setUp(status = 201): { clock: FakeClock; asked: TransportRequest[]; client: Client } {
  const clock = new FakeClock();
  const asked: TransportRequest[] = [];
  const client = new Client({
    transport: {
      async request(request) {
        asked.push(request);
        const expirationTimestamp = new Date(clock.nowMs() + 1_000_000).toISOString();
        const answer =
          status < 400
            ? { status: { token: `token-${asked.length}`, expirationTimestamp } }
            : { kind: 'Status', reason: 'NotFound', message: 'serviceaccounts "robot" not found', code: status };
        return { status, headers: {}, text: () => Promise.resolve(JSON.stringify(answer)), async *chunks() {} };
      },
    },
  });
  return { clock, asked, client };
}

test('a token is kept for four fifths of its life', async () => {
  const { clock, asked, client } = setUp();
  const source = createTokenSource({ client, clock, pod });
  const options = { audience: undefined, expirationSeconds: 1000 };

  expect(await source.token(options)).toBe('token-1');
  await clock.advance(799_000);
  expect(await source.token(options)).toBe('token-1');
  await clock.advance(1_000);
  expect(await source.token(options)).toBe('token-2');
  expect(await source.token({ ...options, audience: 'vault' })).toBe('token-3');
  expect(asked[0]?.path).toBe('/api/v1/namespaces/shop/serviceaccounts/robot/token');
  expect(JSON.parse(String(asked[2]?.body))).toMatchObject({
    spec: { audiences: ['vault'], expirationSeconds: 1000, boundObjectRef: { kind: 'Pod', name: 'p', uid: 'u' } },
  });
});

test('a refusal says what the server said', async () => {
  const { clock, client } = setUp(404);
  const source = createTokenSource({ client, clock, pod });
  const asking = source.token({ audience: undefined, expirationSeconds: 1000 });
  await expect(asking).rejects.toThrow('serviceaccounts "robot" not found');
});
