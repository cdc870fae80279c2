/** Programs for tests: HTTP and gRPC servers on local ports, and clients that live in a pod. */

import { once } from 'node:events';
import { createServer, request as httpRequest, type Agent, type RequestListener } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { Fabric, type FabricPod } from './fabric.ts';

/** Collects what a test has to close; `close` runs in reverse order. */
export class Bench {
  readonly #closers: (() => unknown)[] = [];

  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  fabric(): Fabric {
    const fabric = new Fabric();
    this.onClose(() => fabric.close());
    return fabric;
  }

  /** The local port of an HTTP/1.1 server. */
  async http(listener: RequestListener): Promise<number> {
    const server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.onClose(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** The local port of a TCP server. */
  async tcp(onSocket: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createTcp((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.onClose(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** The local port of a gRPC server with one method. */
  async grpc(handler: grpc.handleUnaryCall<Buffer, Buffer>): Promise<number> {
    const server = new grpc.Server();
    server.addService(echoService, { echo: handler });
    this.onClose(() => server.forceShutdown());
    return new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
  }

  /** Calls the method of `grpc` at `host:port` from a program of `pod`, over one channel. */
  async grpcClient(pod: FabricPod, host: string, port: number): Promise<(text: string) => Promise<string>> {
    const local = await pod.expose(host, port);
    const Client = grpc.makeGenericClientConstructor(echoService, 'Echo');
    const client = new Client(`127.0.0.1:${local}`, grpc.credentials.createInsecure(), {
      'grpc.default_authority': `${host}:${port}`,
    });
    this.onClose(() => client.close());
    return (text) =>
      new Promise((resolve, reject) => {
        client['echo']?.(Buffer.from(text), (error: grpc.ServiceError | null, value?: Buffer) => {
          if (error === null) resolve(String(value));
          else reject(error);
        });
      });
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close();
  }
}

const pass = (value: Buffer): Buffer => value;
const echoService = {
  echo: {
    path: '/test.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  },
} as const;

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** A request as a program of `pod` makes it. */
export async function ask(pod: FabricPod, url: string, options: AskOptions = {}): Promise<Answer> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const local = await pod.expose(hostname, Number(port === '' ? 80 : port));
  return askLocal(local, `${pathname}${search}`, { ...options, headers: { host, ...options.headers } });
}

/** A request to a local port. */
export function askLocal(port: number, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, agent, body, signal } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...headers },
        ...(agent && { agent }),
        ...(signal && { signal }),
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** The samples of a metric with their values, past the zero that is shown first; labels that are `unknown` are left out. */
export function samples(pod: FabricPod, metric: string, only: RegExp = /./): string[] {
  pod.telemetry?.expose({ announce: true });
  const text = pod.telemetry?.expose({ announce: true }) ?? '';
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) && only.test(line))
    .map((line) => line.replaceAll(/[a-z_]+="unknown",?/g, ''));
}

/** One label of each sample of a metric, with the sample's value. */
export function countsBy(pod: FabricPod, label: string, metric = 'istio_requests_total'): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of samples(pod, metric)) {
    const value = new RegExp(`[{,]${label}="([^"]*)"`).exec(line)?.[1] ?? '';
    counts[value] = (counts[value] ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return counts;
}
