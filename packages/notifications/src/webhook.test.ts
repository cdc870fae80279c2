import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { background, silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import type { Client } from '@towpath/runtime';
import { expect, test } from 'vitest';
import { answerWebhook } from './webhook.ts';

test('a sender that never ends its body is left', async () => {
  const clock = new FakeClock();
  // There is no receiver to look for.
  const deps = { client: {} as Client, clock, log: silentLogger, receivers: () => [], noCrossNamespaceRefs: false };
  const server = createServer((incoming, response) => {
    background('webhook', answerWebhook(incoming, response, deps), silentLogger);
    background('time', clock.advance(30_000), silentLogger);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const outgoing = request({
    port,
    host: '127.0.0.1',
    path: '/hook/x',
    method: 'POST',
    headers: { 'content-length': 9 },
  });
  const failure = new Promise((resolve) => outgoing.once('error', resolve));
  outgoing.write('{');
  expect(await failure).toMatchObject({ code: 'ECONNRESET' });
  server.close();
});
