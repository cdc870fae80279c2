import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { Fabric, type FabricPod } from '../testing/fabric.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function newFabric(): Fabric {
  const fabric = new Fabric();
  closers.push(() => fabric.close());
  return fabric;
}

async function serveHttp(handler: Parameters<typeof createServer>[1]): Promise<number> {
  const server: Server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, unknown>;
}

/** A request as a program of `pod` makes it. */
async function ask(
  pod: FabricPod,
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; agent?: Agent } = {},
): Promise<Answer> {
  const { hostname, port, pathname, search } = new URL(url);
  const local = await pod.expose(hostname, Number(port === '' ? 80 : port));
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port: local,
        method: options.method ?? 'GET',
        path: `${pathname}${search}`,
        headers: { host: port === '' ? hostname : `${hostname}:${port}`, ...options.headers },
        ...(options.agent && { agent: options.agent }),
      },
      (response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

describe('http through two sidecars', () => {
  it('reaches the program and is counted on both sides', async () => {
    const fabric = newFabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'frontend', sidecar: true });
    server.serve(
      8080,
      await serveHttp((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => response.setHeader('x-seen', request.headers.host ?? '').end(`${request.url} ${body}`));
      }),
    );
    fabric.service('frontend', { port: 80, targetPort: 8080, pods: [server] });

    const got = await ask(client, 'http://frontend/cart?a=1');
    const posted = await ask(client, 'http://frontend.shop/cart', { method: 'POST', body: 'hello' });

    expect(got).toMatchObject({ status: 200, body: '/cart?a=1 ' });
    expect(got.headers['x-seen']).toBe('frontend');
    expect(posted).toMatchObject({ status: 200, body: '/cart hello' });
    client.telemetry?.expose({ announce: true });
    expect(client.telemetry?.expose({ announce: true })).toMatch(
      /istio_requests_total\{reporter="source",source_workload="client",.*destination_workload="frontend",.*destination_service="frontend.shop.svc.cluster.local",.*response_code="200".*\} 2\n/,
    );
    server.telemetry?.expose({ announce: true });
    expect(server.telemetry?.expose({ announce: true })).toMatch(
      /istio_requests_total\{reporter="destination",source_workload="client",.*destination_workload="frontend",.*\} 2\n/,
    );
  });
});

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
const definition = {
  echo: {
    path: '/test.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
} as const;

async function serveGrpc(handler: grpc.handleUnaryCall<Buffer, Buffer>): Promise<number> {
  const server = new grpc.Server();
  server.addService(definition, { echo: handler });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  closers.push(() => server.forceShutdown());
  return port;
}

async function grpcClient(pod: FabricPod, host: string, port: number) {
  const local = await pod.expose(host, port);
  const Client = grpc.makeGenericClientConstructor(definition, 'Echo');
  const client = new Client(`127.0.0.1:${local}`, grpc.credentials.createInsecure(), {
    'grpc.default_authority': `${host}:${port}`,
  });
  closers.push(() => client.close());
  return (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      client['echo']?.(Buffer.from(text), (error: grpc.ServiceError | null, value?: Buffer) => {
        if (error === null) resolve(String(value));
        else reject(error);
      });
    });
}

describe('gRPC through two sidecars', () => {
  it('carries messages, trailers and status codes', async () => {
    const fabric = newFabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'cart', sidecar: true });
    server.serve(
      7070,
      await serveGrpc((call, callback) => {
        const text = String(call.request);
        if (text === 'no') callback({ code: grpc.status.NOT_FOUND, details: 'no such thing' });
        else callback(null, Buffer.from(`echo ${text}`));
      }),
    );
    fabric.service('cart', { port: 7070, targetPort: 7070, portName: 'grpc', pods: [server] });
    const echo = await grpcClient(client, 'cart', 7070);

    await expect(echo('one')).resolves.toBe('echo one');
    await expect(Promise.all([echo('two'), echo('three')])).resolves.toEqual(['echo two', 'echo three']);
    await expect(echo('no')).rejects.toMatchObject({ code: 5, details: 'no such thing' });

    server.telemetry?.expose({ announce: true });
    const text = server.telemetry?.expose({ announce: true });
    expect(text).toMatch(
      /istio_requests_total\{.*request_protocol="grpc",response_code="200",grpc_response_status="0".*\} 3\n/,
    );
    expect(text).toMatch(
      /istio_requests_total\{.*request_protocol="grpc",response_code="200",grpc_response_status="5".*\} 1\n/,
    );
  });
});
