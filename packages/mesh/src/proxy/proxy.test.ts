import { once } from 'node:events';
import { Agent } from 'node:http';
import { createServer, type ServerHttp2Session } from 'node:http2';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { settle } from '@towpath/kit/testing';
import { ask, askLocal, Bench, countsBy, samples } from '../testing/programs.ts';

const bench = new Bench();
afterEach(() => bench.close());

describe('http through two sidecars', () => {
  it('reaches the program and is counted on both sides', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'frontend', sidecar: true });
    server.serve(
      8080,
      await bench.http((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => response.setHeader('x-seen', request.headers.host ?? '').end(`${request.url} ${body}`));
      }),
    );
    fabric.service('frontend', { port: 80, targetPort: 8080, pods: [server] });

    const got = await ask(client, 'http://frontend/cart?a=1');
    const posted = await ask(client, 'http://frontend.shop/cart', { method: 'POST', body: 'hello' });
    const chunked = await ask(client, 'http://frontend.shop/cart', {
      method: 'POST',
      body: 'parts',
      headers: { 'transfer-encoding': 'chunked' },
    });

    expect(got).toMatchObject({ status: 200, body: '/cart?a=1 ' });
    expect(got.headers['x-seen']).toBe('frontend');
    expect(posted).toMatchObject({ status: 200, body: '/cart hello' });
    expect(chunked).toMatchObject({ status: 200, body: '/cart parts' });
    expect(samples(client, 'istio_requests_total')).toMatchInlineSnapshot(`
      [
        "istio_requests_total{reporter="source",source_workload="client",source_canonical_service="client",source_canonical_revision="latest",source_workload_namespace="shop",source_app="client",source_cluster="Kubernetes",destination_workload="frontend",destination_workload_namespace="shop",destination_app="frontend",destination_service="frontend.shop.svc.cluster.local",destination_canonical_service="frontend",destination_canonical_revision="latest",destination_service_name="frontend",destination_service_namespace="shop",destination_cluster="Kubernetes",request_protocol="http",response_code="200",grpc_response_status="",response_flags="-",} 3",
      ]
    `);
    expect(samples(server, 'istio_requests_total')).toMatchInlineSnapshot(`
      [
        "istio_requests_total{reporter="destination",source_workload="client",source_canonical_service="client",source_canonical_revision="latest",source_workload_namespace="shop",source_app="client",source_cluster="Kubernetes",destination_workload="frontend",destination_workload_namespace="shop",destination_app="frontend",destination_service="frontend.shop.svc.cluster.local",destination_canonical_service="frontend",destination_canonical_revision="latest",destination_service_name="frontend",destination_service_namespace="shop",destination_cluster="Kubernetes",request_protocol="http",response_code="200",grpc_response_status="",response_flags="-",connection_security_policy="none"} 3",
      ]
    `);
  });

  it('keeps connections and survives a server that closes them', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'web', sidecar: true });
    const ports = new Set<number | undefined>();
    let open: Socket | undefined;
    server.serve(
      8080,
      await bench.http((request, response) => {
        open = request.socket;
        ports.add(request.socket.remotePort);
        response.end('ok');
      }),
    );
    fabric.service('web', { port: 80, targetPort: 8080, pods: [server] });
    const local = await client.expose('web', 80);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    bench.onClose(() => agent.destroy());
    const get = () => askLocal(local, '/', { agent, headers: { host: 'web' } });

    for (let count = 0; count < 5; count++) await get();
    const usedBefore = ports.size;
    open?.destroy();
    await settle();
    const after = await get();

    expect(usedBefore).toBe(1);
    expect(after.status).toBe(200);
    expect(ports.size).toBe(2);
  });

  it('streams large bodies both ways', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'web', sidecar: true });
    server.serve(8080, await bench.http((request, response) => request.pipe(response)));
    fabric.service('web', { port: 80, targetPort: 8080, pods: [server] });
    const body = 'x'.repeat(3_000_000);

    const answer = await ask(client, 'http://web/', { method: 'POST', body });

    expect(answer.body.length).toBe(body.length);
  });

  it('passes HEAD, 204 and 304 answers without a body', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'web', sidecar: true });
    server.serve(
      8080,
      await bench.http((request, response) => response.writeHead(Number(request.url?.slice(1)), { etag: '"1"' }).end()),
    );
    fabric.service('web', { port: 80, targetPort: 8080, pods: [server] });

    const statuses = await Promise.all([
      ask(client, 'http://web/200', { method: 'HEAD' }),
      ask(client, 'http://web/204'),
      ask(client, 'http://web/304'),
    ]);

    expect(statuses.map(({ status, headers }) => [status, headers['etag']])).toEqual([
      [200, '"1"'],
      [204, '"1"'],
      [304, '"1"'],
    ]);
  });

  it('counts a client that goes away as code 0 with flag DC', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'web', sidecar: true });
    const arrived = new Promise<void>((resolve) => {
      bench
        .http(() => resolve())
        .then(
          (port) => server.serve(8080, port),
          () => {},
        );
    });
    fabric.service('web', { port: 80, targetPort: 8080, pods: [server] });
    const gone = new AbortController();

    const asked = ask(client, 'http://web/', { signal: gone.signal }).catch(() => 'aborted');
    await arrived;
    gone.abort();

    expect(await asked).toBe('aborted');
    await expect.poll(() => countsBy(client, 'response_code')).toEqual({ 0: 1 });
    expect(countsBy(client, 'response_flags')).toEqual({ DC: 1 });
    await expect.poll(() => countsBy(server, 'response_flags')).toEqual({ DC: 1 });
  });

  it('carries upgraded connections', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'web', sidecar: true });
    server.serve(
      8080,
      await bench.tcp((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n');
          socket.on('data', (chunk) => socket.write(chunk));
        });
      }),
    );
    fabric.service('web', { port: 80, targetPort: 8080, pods: [server] });
    const socket = connect(await client.expose('web', 80), '127.0.0.1');
    socket.write('GET /ws HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    socket.write('ping');
    const [echoed] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();

    expect(String(head)).toContain('101 Switching Protocols');
    expect(String(echoed)).toBe('ping');
    await expect.poll(() => countsBy(client, 'response_code')).toEqual({ 101: 1 });
  });
});

describe('who is counted', () => {
  it('leaves a client without a sidecar unknown, and a server without one uncounted at its side', async () => {
    const fabric = bench.fabric();
    const outside = fabric.pod({ name: 'outside', sidecar: false });
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'web', sidecar: true });
    const plain = fabric.pod({ name: 'plain', sidecar: false });
    const port = await bench.http((_request, response) => response.end('ok'));
    server.serve(8080, port);
    plain.serve(8080, port);
    fabric.service('web', { port: 80, targetPort: 8080, pods: [server] });
    fabric.service('plain', { port: 80, targetPort: 8080, pods: [plain] });

    await ask(outside, `http://${server.ip}:8080/`);
    await ask(client, 'http://plain/');
    await ask(client, `http://${server.ip}:8080/`);

    expect(countsBy(server, 'source_workload')).toEqual({ '': 1, client: 1 });
    expect(countsBy(client, 'destination_workload')).toEqual({ plain: 1, web: 1 });
    expect(countsBy(client, 'destination_service_name')).toEqual({ plain: 1, PassthroughCluster: 1 });
  });
});

describe('gRPC through two sidecars', () => {
  it('carries messages, trailers and status codes over one connection', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'cart', sidecar: true });
    server.serve(
      7070,
      await bench.grpc((call, callback) => {
        const text = String(call.request);
        if (text === 'no') callback({ code: 5, details: 'no such thing' });
        else callback(null, Buffer.from(`echo ${text}`));
      }),
    );
    fabric.service('cart', { port: 7070, targetPort: 7070, portName: 'grpc', pods: [server] });
    const echo = await bench.grpcClient(client, 'cart', 7070);

    await expect(echo('one')).resolves.toBe('echo one');
    await expect(Promise.all([echo('two'), echo('three')])).resolves.toEqual(['echo two', 'echo three']);
    await expect(echo('no')).rejects.toMatchObject({ code: 5, details: 'no such thing' });

    expect(countsBy(server, 'request_protocol')).toEqual({ grpc: 4 });
    expect(countsBy(server, 'response_code')).toEqual({ 200: 4 });
    expect(countsBy(server, 'grpc_response_status')).toEqual({ 0: 3, 5: 1 });
    expect(countsBy(client, 'grpc_response_status')).toEqual({ 0: 3, 5: 1 });
  });

  it('tells a client UNAVAILABLE where there is no server', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    fabric.service('cart', { port: 7070, targetPort: 7070, portName: 'grpc', pods: [] });
    const echo = await bench.grpcClient(client, 'cart', 7070);

    await expect(echo('one')).rejects.toMatchObject({
      code: 14,
      details: expect.stringContaining('no healthy upstream'),
    });
    expect(countsBy(client, 'response_flags')).toEqual({ UH: 1 });
    expect(countsBy(client, 'grpc_response_status')).toEqual({ 14: 1 });
  });

  it('tells a client UNAVAILABLE when the server goes away in the middle of an answer', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'cart', sidecar: true });
    const sessions: ServerHttp2Session[] = [];
    const half = createServer();
    half.on('session', (session) => sessions.push(session));
    half.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write(Buffer.from([0, 0, 0, 0, 1, 120]));
      setImmediate(() => sessions.map((session) => session.destroy()));
    });
    half.listen(0, '127.0.0.1');
    await once(half, 'listening');
    bench.onClose(() => half.close());
    server.serve(7070, (half.address() as AddressInfo).port);
    fabric.service('cart', { port: 7070, targetPort: 7070, portName: 'grpc', pods: [server] });
    const echo = await bench.grpcClient(client, 'cart', 7070);

    await expect(echo('one')).rejects.toMatchObject({ code: 14 });
    await expect.poll(() => countsBy(server, 'response_flags')).toEqual({ UC: 1 });
    expect(countsBy(server, 'grpc_response_status')).toEqual({ 14: 1 });
  });

  it('connects anew after the server restarted', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'cart', sidecar: true });
    const first = new Bench();
    server.serve(7070, await first.grpc((call, callback) => callback(null, call.request)));
    fabric.service('cart', { port: 7070, targetPort: 7070, portName: 'grpc', pods: [server] });
    const echo = await bench.grpcClient(client, 'cart', 7070);
    await echo('before');
    await first.close();
    server.serve(7070, await bench.grpc((_call, callback) => callback(null, Buffer.from('second'))));

    await expect(echo('after')).resolves.toBe('second');
  });

  it('notices a server that went away without a word', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'cart', sidecar: true });
    const port = await bench.grpc((call, callback) => callback(null, call.request));
    const sockets: Socket[] = [];
    // As a killed process leaves its connections: closed, with no GOAWAY before.
    const door = createTcpServer((socket) => {
      sockets.push(socket);
      const inner = connect(port, '127.0.0.1');
      socket
        .on('error', () => {})
        .pipe(inner.on('error', () => {}))
        .pipe(socket);
    });
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    bench.onClose(() => door.close());
    server.serve(7070, (door.address() as AddressInfo).port);
    fabric.service('cart', { port: 7070, targetPort: 7070, portName: 'grpc', pods: [server] });
    const echo = await bench.grpcClient(client, 'cart', 7070);
    await echo('before');
    for (const socket of sockets) socket.end();
    await settle();

    await expect(echo('after')).resolves.toBe('after');
  });
});

describe('tcp through two sidecars', () => {
  it('joins bytes and counts them, whoever speaks first', async () => {
    const fabric = bench.fabric();
    const client = fabric.pod({ name: 'client', sidecar: true });
    const server = fabric.pod({ name: 'store', sidecar: true });
    server.serve(
      6379,
      await bench.tcp((socket) => {
        socket.write('hello\n');
        socket.on('data', (chunk) => socket.end(`got ${String(chunk)}`));
      }),
    );
    fabric.service('store', { port: 6379, targetPort: 6379, portName: 'tcp-redis', pods: [server] });
    fabric.service('late', { port: 6380, targetPort: 6379, portName: 'undeclared', pods: [server] });

    for (const [host, port] of [
      ['store', 6379],
      ['late', 6380],
    ] as const) {
      const socket = connect(await client.expose(host, port), '127.0.0.1');
      const [greeting] = (await once(socket, 'data')) as [Buffer];
      socket.write('PING');
      const [reply] = (await once(socket, 'data')) as [Buffer];
      await once(socket, 'close');
      expect([String(greeting), String(reply)]).toEqual(['hello\n', 'got PING']);
    }

    await expect
      .poll(() => countsBy(client, 'destination_service_name', 'istio_tcp_connections_closed_total'))
      .toEqual({ store: 1, late: 1 });
    expect(countsBy(client, 'destination_workload', 'istio_tcp_sent_bytes_total')).toEqual({ store: 28 });
    expect(countsBy(server, 'source_workload', 'istio_tcp_received_bytes_total')).toEqual({ client: 8 });
  });
});
