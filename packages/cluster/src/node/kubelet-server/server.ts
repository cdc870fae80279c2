/**
 * The kubelet's own HTTPS server: what an API server that is not ours asks a node for. Paths and answers are those of the
 * kubelet. Source: Kubernetes pkg/kubelet/server/server.go.
 */

import type { Pod } from '@towpath/api';
import type { Clock, Logger } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { jsonResponse, textResponse, type ApiRequest, type ApiResponse } from '../../apiserver/http/message.ts';
import { StatusError } from '../../apiserver/http/status.ts';
import type { PodStreams } from '../../apiserver/pod-streams.ts';
import { loadServingPair } from '../../apiserver/serving/credentials.ts';
import { listenHttps } from '../../apiserver/serving/https-server.ts';
import { handleUpgrade } from '../../apiserver/serving/upgrade.ts';
import { connectTo, type PodConnection } from '../../apiserver/subresources/pod-connect.ts';
import { logOptionsOf, logResponse } from '../../apiserver/subresources/pod-log.ts';
import { createAccess, type Access } from './access.ts';
import { parseKubeletPath, type KubeletPath } from './paths.ts';
import { resourceMetrics } from './resource-metrics.ts';

export interface KubeletServerOptions {
  /** Its certificate is kept there. */
  readonly dataDir: string;
  /** Where it listens; the API server must reach it. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM; callers with a certificate of it are known by that. */
  readonly clientAuthority: string;
  /** Asks the API server who callers with a token are, and what callers may do. */
  readonly client: Client;
  readonly nodeName: string;
  readonly pods: () => readonly Pod[];
  readonly streams: PodStreams;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface KubeletServer {
  readonly port: number;
  dispose(): Promise<void>;
}

/** Rejects with Node's error when the port cannot be had. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { dataDir, host, port, clientAuthority, client, nodeName, clock, log } = options;
  const names = { dnsNames: [nodeName, 'localhost'], ips: [host] };
  const certificate = await loadServingPair({ dataDir, clock, names });
  const access = createAccess({ client, clock, nodeName });
  const connect = (request: ApiRequest): Promise<PodConnection> => connectPod(request, access, options);
  return listenHttps({
    host,
    port,
    certificate,
    clientAuthority,
    handle: (request) => answer(request, access, options),
    upgrade: (request, incoming, socket, head) => handleUpgrade(connect, request, { incoming, socket, head, log }),
    log,
  });
}

async function answer(request: ApiRequest, access: Access, options: KubeletServerOptions): Promise<ApiResponse> {
  try {
    const path = parseKubeletPath(request.path);
    await access.check(request, path);
    return await answerPath(request, path, options);
  } catch (error) {
    if (error instanceof StatusError) return jsonResponse(error.status.code, error.status);
    throw error;
  }
}

async function answerPath(request: ApiRequest, path: KubeletPath, options: KubeletServerOptions): Promise<ApiResponse> {
  const { pods, streams, clock } = options;
  switch (path.type) {
    case 'health':
      return textResponse(200, 'ok');
    case 'pods':
      return jsonResponse(200, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods() });
    case 'resource-metrics':
      return textResponse(200, await resourceMetrics(pods(), streams, clock.nowMs()));
    case 'log': {
      const pod = podOf(path, options);
      const asked = logOptionsOf(pod, path.container, request.query);
      return logResponse(pod, { options: asked, streams, left: request.signal });
    }
    case 'connect':
      return textResponse(400, 'this path is for upgrade requests: SPDY/3.1 or WebSocket\n');
    case 'unknown':
      return textResponse(404, '404 page not found\n');
  }
}

async function connectPod(request: ApiRequest, access: Access, options: KubeletServerOptions): Promise<PodConnection> {
  const path = parseKubeletPath(request.path);
  await access.check(request, path);
  if (path.type !== 'connect') {
    throw new StatusError({ code: 404, reason: 'NotFound', message: `${request.path} cannot be upgraded` });
  }
  const { query } = request;
  const flag = (name: string): boolean => query.get(name) === '1' || query.get(name) === 'true';
  return connectTo(podOf(path, options), options.streams, {
    subresource: path.subresource,
    container: path.container,
    command: query.getAll('command'),
    tty: flag('tty'),
    // The kubelet's names of them.
    stdin: flag('input'),
    stdout: flag('output'),
    stderr: flag('error'),
  });
}

function podOf(path: { namespace: string; pod: string }, { pods }: KubeletServerOptions): Pod {
  const { namespace, pod: name } = path;
  const found = pods().find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  if (found !== undefined) return found;
  const message = `pod ${name}.${namespace} does not run on this node`;
  throw new StatusError({ code: 404, reason: 'NotFound', message });
}
