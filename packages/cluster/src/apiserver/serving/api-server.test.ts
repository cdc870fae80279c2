/** The HTTPS side: both protocols on one port, credentials, and streams of a pod. */

import { connect as connectHttp2 } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { WebSocket } from 'ws';
import { Pods, type Pod } from '@towpath/api';
import { seededRandom, silentLogger, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../store/memory-store.ts';
import type { PodStreams } from '../pod-streams.ts';
import { createApiServer, type RunningApiServer } from './api-server.ts';

let api: RunningApiServer;

const streams: PodStreams = {
  async *logs() {
    yield 'one\n';
    yield 'two\n';
  },
  async exec(_pod, { command }, terminal) {
    for await (const chunk of terminal.stdin ?? [])
      terminal.stdout(Buffer.from(Buffer.from(chunk).toString('utf8').toUpperCase()));
    terminal.stderr(Buffer.from(command.join(' ')));
    return { exitCode: 3 };
  },
  attach: async () => ({ exitCode: 0 }),
  portForward: () => Promise.reject(new Error('nobody listens')),
};

beforeAll(async () => {
  api = await createApiServer({
    store: createMemoryStore(),
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    podStreams: streams,
  });
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  };
  await new Client({ transport: api.transport() }).create(Pods, pod);
});

afterAll(() => api.dispose());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

function get(path: string, token: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = httpsRequest(`${api.url}${path}`, { ca: api.caPem, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    request.on('error', reject);
    request.end();
  });
}

describe('HTTPS', () => {
  it('tells clients that they need not limit themselves', async () => {
    const header = 'x-kubernetes-pf-flowschema-uid';
    expect((await get('/livez/ping', api.adminToken)).headers[header]).toMatch(/^[0-9a-f-]{36}$/);
    expect((await get('/livez/ping', 'wrong')).headers[header]).toBeUndefined();
  });

  it('knows the administrator by the token and nobody without', async () => {
    expect((await get('/api/v1/namespaces/default', api.adminToken)).status).toBe(200);
    expect((await get('/api/v1/namespaces/default', undefined)).status).toBe(401);
    expect((await get('/api/v1/namespaces/default', 'wrong')).status).toBe(401);
    expect(await get('/healthz', undefined)).toMatchObject({ status: 200, text: 'ok' });
  });

  it('speaks HTTP/2 on the same port', async () => {
    const session = connectHttp2(api.url, { ca: api.caPem });
    const stream = session.request({ ':path': '/version', authorization: `Bearer ${api.adminToken}` });
    let text = '';
    for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString('utf8');
    session.close();

    expect(JSON.parse(text)).toMatchObject({ major: '1', minor: '34' });
  });

  it('gives the log of a container', async () => {
    expect((await get('/api/v1/namespaces/default/pods/p/log', api.adminToken)).text).toBe('one\ntwo\n');
  });
});

describe('exec', () => {
  it('carries input, output and the exit code over a WebSocket', async () => {
    const url = `${api.url.replace('https', 'wss')}/api/v1/namespaces/default/pods/p/exec?command=tr&command=x&stdin=true&stdout=true&stderr=true`;
    const socket = new WebSocket(url, ['v5.channel.k8s.io'], {
      ca: api.caPem,
      headers: { authorization: `Bearer ${api.adminToken}` },
    });
    const frames: Buffer[] = [];
    socket.on('message', (frame: Buffer) => frames.push(frame));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(Buffer.concat([Buffer.of(0), Buffer.from('hello')]));
    socket.send(Buffer.of(255, 0));
    await new Promise((resolve) => socket.once('close', resolve));
    const [output, errors, status] = frames;

    expect(output?.toString('utf8')).toBe('\u0001HELLO');
    expect(errors?.toString('utf8')).toBe('\u0002tr x');
    expect(JSON.parse(status?.subarray(1).toString('utf8') ?? '')).toMatchObject({
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
  });

  it('needs a token', async () => {
    const socket = new WebSocket(
      `${api.url.replace('https', 'wss')}/api/v1/namespaces/default/pods/p/exec?command=x`,
      ['v5.channel.k8s.io'],
      { ca: api.caPem },
    );
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));

    expect(error.message).toContain('401');
  });
});
