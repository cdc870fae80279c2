/** The HTTP API of fluxd that fluxctl uses for syncing, and the endpoint for push webhooks. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { maxWebhookBytes, readWebhook, repositoryIdentity } from '@towpath/git';
import { messageOf, uuid, type Random } from '@towpath/kit';
import type { FluxLog } from '../flux-log.ts';

export interface ApiDeps {
  readonly url: string;
  readonly branch: string;
  readonly paths: readonly string[];
  readonly random: Random;
  readonly logLine: FluxLog;
  /** Secret of the push webhook; empty refuses every delivery. */
  readonly webhookSecret: string;
  readonly publicKey: () => Promise<string>;
  /** False until the first fetch succeeded. */
  readonly isReady: () => boolean;
  /** Fetches now and answers the branch's commit. */
  readonly refresh: () => Promise<string>;
  readonly requestFetch: () => void;
  readonly requestSync: () => void;
  /** Commits up to `revision` that were not applied yet, newest first. */
  readonly pending: (revision: string) => Promise<string[]>;
}

interface Job {
  readonly done: boolean;
  readonly revision: string;
  readonly error: string;
}

const rememberedMax = 500;

/** Serves on connections given to it with `emit('connection')`; it binds nothing. */
export function createFluxApi(deps: ApiDeps): Server {
  const jobs = new Map<string, Job>();
  const deliveries = new Set<string>();
  return createServer((request, response) => {
    answer(deps, jobs, deliveries, request, response).catch((error: unknown) => {
      reply(response, 500, messageOf(error));
    });
  });
}

async function answer(
  deps: ApiDeps,
  jobs: Map<string, Job>,
  deliveries: Set<string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://flux');
  const route = `${request.method} ${url.pathname.replace(/^\/api\/flux/, '')}`;
  const queryOf = (name: string): string => url.searchParams.get(name) ?? '';
  switch (route) {
    case 'GET /v11/ping':
    case 'GET /healthz':
      return reply(response, 204);
    case 'POST /hook':
      return receiveHook(deps, deliveries, request, response);
    case 'POST /v11/notify':
      deps.requestFetch();
      return reply(response, 202);
    case 'GET /v6/identity.pub':
      return reply(response, 200, { key: await deps.publicKey() });
    case 'POST /v9/git-repo-config':
    case 'POST /v6/git-repo-config':
      return reply(response, 200, await repositoryConfig(deps));
    case 'POST /v9/update-manifests':
      return startSync(deps, jobs, request, response);
    case 'GET /v6/jobs':
      return reply(response, 200, jobStatus(jobs.get(queryOf('id'))));
    case 'GET /v6/sync':
      return reply(response, 200, await deps.pending(queryOf('ref')));
    default:
      return reply(response, 404, `flux does not serve ${route}: use towpath sync, identity or get`);
  }
}

async function repositoryConfig(deps: ApiDeps): Promise<unknown> {
  const remote = { url: deps.url, branch: deps.branch, paths: deps.paths };
  const publicSSHKey = { key: await deps.publicKey().catch(() => '') };
  return {
    remote,
    branch: deps.branch,
    path: deps.paths.join(','),
    publicSSHKey,
    status: deps.isReady() ? 'ready' : 'cloned',
  };
}

/** Only manual syncs are jobs here; other updates are edits in Git, which people make with git. */
async function startSync(
  deps: ApiDeps,
  jobs: Map<string, Job>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const spec = JSON.parse((await bodyOf(request, maxWebhookBytes)).toString('utf8') || '{}') as { type?: string };
  if (spec.type !== undefined && spec.type !== 'sync') {
    return reply(response, 422, `flux does not do updates of type ${spec.type}: commit the change with git`);
  }
  const id = uuid(deps.random);
  if (jobs.size >= rememberedMax) jobs.delete(jobs.keys().next().value ?? '');
  jobs.set(id, { done: false, revision: '', error: '' });
  const finish = (job: Job): void => {
    jobs.set(id, job);
  };
  deps.refresh().then(
    (revision) => {
      deps.requestSync();
      finish({ done: true, revision, error: '' });
    },
    (error: unknown) => finish({ done: true, revision: '', error: messageOf(error) }),
  );
  return reply(response, 200, id);
}

function jobStatus(job: Job | undefined): unknown {
  if (job === undefined) return { Result: {}, Err: 'unknown job', StatusString: 'failed' };
  if (!job.done) return { Result: {}, Err: '', StatusString: 'running' };
  return {
    Result: { revision: job.revision },
    Err: job.error,
    StatusString: job.error === '' ? 'succeeded' : 'failed',
  };
}

/** A verified push for our repository leads to a fetch; nothing else is taken from the delivery. */
async function receiveHook(
  deps: ApiDeps,
  deliveries: Set<string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request, maxWebhookBytes + 1);
  const result = readWebhook({ headers: request.headers, body, secret: deps.webhookSecret });
  if (result.type === 'refused') return reply(response, result.status, result.message);
  if (result.type === 'ignored') return reply(response, 200, result.because);
  const { deliveryId } = result;
  if (deliveryId !== undefined && deliveries.has(deliveryId)) return reply(response, 200, 'seen before');
  if (deliveryId !== undefined) {
    if (deliveries.size >= rememberedMax) deliveries.delete(deliveries.values().next().value ?? '');
    deliveries.add(deliveryId);
  }
  const ours = repositoryIdentity(deps.url);
  if (!result.urls.some((url) => repositoryIdentity(url) === ours)) return reply(response, 200, 'another repository');
  if (result.ref !== `refs/heads/${deps.branch}`) return reply(response, 200, 'another branch');
  deps.logLine('loop.go:120', { component: 'sync-loop', event: 'webhook', provider: result.provider, ref: result.ref });
  deps.requestFetch();
  return reply(response, 202, 'fetching');
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    chunks.push(chunk);
    if (sizeBytes > maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function reply(response: ServerResponse, status: number, body?: unknown): void {
  if (response.headersSent) return;
  const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
