/** The API server: one handler from an abstract request to an abstract response. */

import type { AnyObject, Dialer } from '@towpath/api';
import {
  background,
  messageOf,
  toTimestamp,
  uuid,
  type Clock,
  type Disposable,
  type Logger,
  type Random,
} from '@towpath/kit';
import type { Store } from '../store/store.ts';
import { createAdmission } from './admission/chain.ts';
import { Webhooks } from './admission/webhooks.ts';
import { Authenticator } from './auth/authenticate.ts';
import { ensurePriorityClasses } from './strategies/system-priorities.ts';
import { ensureBootstrapRoles } from './auth/bootstrap-roles.ts';
import { Authorizer, pathRefusal, refusal, type ResourceAttributes } from './auth/rbac.ts';
import { ServiceAccountTokens } from './auth/service-account-tokens.ts';
import { podConnection, type PodConnection } from './subresources/pod-connect.ts';
import { answerSpecial, type SubresourceDeps } from './subresources/index.ts';
import { CustomResources } from './custom/lifecycle.ts';
import { QuotaStatuses } from './quota/statuses.ts';
import { metricsText } from './discovery/metrics.ts';
import { answerDiscovery } from './discovery/discovery.ts';
import { answerVersion, OpenApiDocuments } from './discovery/openapi.ts';
import { dispatch } from './handlers/dispatch.ts';
import type { ApiContext, Target } from './handlers/context.ts';
import { ListSnapshots } from './handlers/snapshots.ts';
import { jsonResponse, textResponse, type ApiRequest, type ApiResponse, type UserInfo } from './http/message.ts';
import { badRequest, internalError, methodNotAllowed, StatusError, unknownPath } from './http/status.ts';
import type { PodStreams } from './pod-streams.ts';
import { parseRequest, type PathRequest, type ResourceRequest } from './request-info.ts';
import type { Resource } from './resources/resource.ts';
import { ResourceRegistry } from './resources/registry.ts';
import { startEventExpiry } from './storage/event-expiry.ts';
import { ObjectStore } from './storage/object-store.ts';
import { strategyFor } from './strategies/index.ts';

export interface ApiServerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Reaches admission webhooks that are Services of the cluster. */
  readonly dialer?: Dialer | undefined;
  /** Bearer tokens and whom they stand for. */
  readonly staticTokens?: ReadonlyMap<string, UserInfo> | undefined;
  /** Pods get a service account and its token; defaults to true. */
  readonly serviceAccountAdmission?: boolean | undefined;
  /** Statuses of resource quotas are kept; defaults to true. Without it somebody else counts. */
  readonly countsQuotas?: boolean | undefined;
  /** Logs, exec and port-forward; without it they answer 501. */
  readonly podStreams?: PodStreams | undefined;
}

/** Where the key that signs service account tokens is kept. */
const tokenKey = 'm/service-account-key';

function isHealthPath(path: string): boolean {
  return path === '/healthz' || path === '/readyz' || path === '/livez';
}

/** Namespaces that exist from the start and cannot be deleted. */
const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const lastAnswersLimitMs = 3_000;

/** States: serving, then (from `dispose` on) stopping: new requests are answered 503, running ones are waited for. */
export class ApiServer {
  readonly registry = new ResourceRegistry();
  readonly objects: ObjectStore;
  readonly #deps: ApiServerDeps;
  readonly #context: ApiContext;
  readonly #snapshots: ListSnapshots;
  readonly #openApi = new OpenApiDocuments(this.registry);
  readonly #customResources: CustomResources;
  readonly #quotaStatuses: QuotaStatuses | undefined;
  readonly #eventExpiry: Disposable;
  readonly #authorizer: Authorizer;
  readonly #authenticator: Authenticator;
  readonly #special: SubresourceDeps;
  /** Issues and reads service account tokens. */
  readonly tokens: ServiceAccountTokens;
  readonly #running = new Set<Promise<ApiResponse>>();
  #isStopping = false;

  constructor(deps: ApiServerDeps) {
    this.#deps = deps;
    this.objects = new ObjectStore({ store: deps.store, log: deps.log });
    this.#snapshots = new ListSnapshots({ clock: deps.clock, objects: this.objects });
    const { clock, random, log, dialer } = deps;
    const webhooks = new Webhooks({ objects: this.objects, dialer, clock, random, log });
    this.#context = {
      clock: deps.clock,
      random: deps.random,
      log: deps.log,
      objects: this.objects,
      registry: this.registry,
      admission: createAdmission({
        context: () => this.#context,
        webhooks,
        serviceAccounts: deps.serviceAccountAdmission !== false,
      }),
      strategyOf: (resource) => strategyFor(resource.collection),
    };
    this.#authorizer = new Authorizer(this.objects);
    this.tokens = new ServiceAccountTokens({
      clock: deps.clock,
      random: deps.random,
      loadKey: () => deps.store.get(tokenKey),
      saveKey: (pem) =>
        background('saving the token key', deps.store.commit([{ key: tokenKey, value: pem }]), deps.log),
    });
    this.#authenticator = new Authenticator({
      objects: this.objects,
      tokens: this.tokens,
      authorizer: this.#authorizer,
      staticTokens: deps.staticTokens ?? new Map(),
    });
    this.#special = {
      authorizer: this.#authorizer,
      authenticator: this.#authenticator,
      tokens: this.tokens,
      podStreams: deps.podStreams,
    };
    this.#customResources = new CustomResources(this.#context);
    this.#quotaStatuses = deps.countsQuotas === false ? undefined : new QuotaStatuses(this.#context);
    this.#eventExpiry = startEventExpiry({ objects: this.objects, clock, log });
  }

  /** Creates what every cluster has. Resolves when it is on disk. */
  async start(): Promise<void> {
    const namespaces = this.objects.collection('core/namespaces');
    const missing = systemNamespaces.filter((name) => namespaces.get(name) === undefined);
    await Promise.all(missing.map((name) => this.#createNamespace(name)));
    const deps = { objects: this.objects, clock: this.#deps.clock, random: this.#deps.random };
    await Promise.all([ensureBootstrapRoles(deps), ensurePriorityClasses(deps)]);
  }

  async #createNamespace(name: string): Promise<void> {
    const { clock, random } = this.#deps;
    const object: AnyObject = {
      kind: 'Namespace',
      apiVersion: 'v1',
      metadata: {
        name,
        uid: uuid(random),
        creationTimestamp: toTimestamp(clock.nowMs()),
        labels: { 'kubernetes.io/metadata.name': name },
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
    await this.objects.commit({ collection: 'core/namespaces', key: name, object });
  }

  /** Answers one request; never throws. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    // Nobody's fault and nothing to log: clients that outlive the server try again, and the next start answers.
    if (this.#isStopping) return unavailable();
    const answer = this.#answer(request);
    this.#running.add(answer);
    try {
      return await answer;
    } finally {
      this.#running.delete(answer);
    }
  }

  async #answer(request: ApiRequest): Promise<ApiResponse> {
    try {
      const info = parseRequest(request.method, request.path, request.query);
      if (info.kind === 'path' && isHealthPath(info.path)) return textResponse(200, 'ok');
      const user = this.#authenticator.authenticate(request);
      if (info.kind === 'path') return this.#path(info, user, request);
      const answer = await this.#resource(request, info, user);
      return isForPeople(request) ? inLines(answer) : answer;
    } catch (error) {
      return this.#failure(error, request);
    }
  }

  #failure(error: unknown, request: ApiRequest): ApiResponse {
    if (error instanceof StatusError) {
      const seconds = error.status.details?.retryAfterSeconds;
      const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) };
      const response = jsonResponse(error.status.code, error.status);
      return { ...response, headers: { ...response.headers, ...headers } };
    }
    this.#deps.log.error('request failed', { method: request.method, path: request.path, error: messageOf(error) });
    const status = internalError(messageOf(error)).status;
    return jsonResponse(status.code, status);
  }

  #path(info: PathRequest, user: UserInfo, request: ApiRequest): ApiResponse {
    if (!this.#authorizer.allowsPath(user, info.verb, info.path)) throw pathRefusal(user, info.verb, info.path);
    if (info.path === '/version' || info.path === '/version/') {
      if (info.verb !== 'get') throw methodNotAllowed();
      return answerVersion();
    }
    if (info.verb !== 'get') return textResponse(404, '404 page not found\n');
    if (info.path === '/metrics') return textResponse(200, metricsText(this.registry, this.objects));
    const answer =
      info.segments[0] === 'openapi'
        ? this.#openApi.answer(info.segments, request.query, request.headers)
        : answerDiscovery(this.registry, info.segments, request.headers['accept']);
    if (answer !== undefined) return answer;
    if (namesVersion(info.segments, this.registry)) throw unknownPath();
    return textResponse(404, '404 page not found\n');
  }

  async #resource(request: ApiRequest, info: ResourceRequest, user: UserInfo): Promise<ApiResponse> {
    this.#authorize(info, user);
    const resource = this.registry.find(info.group, info.version, info.plural);
    if (resource === undefined) {
      if (namesVersion([info.group === '' ? 'api' : 'apis', info.group, info.version], this.registry))
        throw unknownPath();
      return textResponse(404, '404 page not found\n');
    }
    const { subresource } = info;
    if (subresource !== undefined && !resource.subresources.has(subresource)) throw unknownPath();
    if (resource.namespaced && info.namespace === undefined && info.name !== undefined) throw unknownPath();
    if (!resource.namespaced && info.namespace !== undefined && resource.plural !== 'namespaces') throw unknownPath();
    const verbs = subresource === undefined ? resource.verbs : (resource.subresources.get(subresource)?.verbs ?? []);
    checkShape(resource, info);
    if (!verbs.includes(info.verb)) throw methodNotAllowed();
    const target = targetFor(resource, info, request, user);
    const special = answerSpecial(this.#context, target, info.verb, this.#special);
    const answer = special ?? dispatch(this.#context, target, info.verb, this.#snapshots);
    const deprecation = deprecationOf(resource);
    if (deprecation === undefined) return answer;
    // Refusals warn too.
    const response = await Promise.resolve(answer).catch((error: unknown) => this.#failure(error, request));
    return withDeprecation(response, deprecation);
  }

  /** The pod an upgrade request (exec, attach, portforward) connects to. Throws a `StatusError`. */
  connectPod(request: ApiRequest): PodConnection {
    const user = this.#authenticator.authenticate(request);
    const info = parseRequest(request.method, request.path, request.query);
    if (info.kind === 'path') throw unknownPath();
    this.#authorize(info, user);
    const resource = this.registry.find(info.group, info.version, info.plural);
    if (resource?.collection !== 'core/pods') throw badRequest('only pods can be connected to');
    return podConnection(this.#context, targetFor(resource, info, request, user), this.#deps.podStreams);
  }

  #authorize(info: ResourceRequest, user: UserInfo): void {
    const attributes: ResourceAttributes = {
      verb: info.verb,
      group: info.group,
      resource: info.subresource === undefined ? info.plural : `${info.plural}/${info.subresource}`,
      name: info.name,
      namespace: info.namespace,
    };
    if (!this.#authorizer.allows(user, attributes)) throw refusal(user, attributes);
  }

  /** A request that has begun may still write, so the store is closed after the last of them. */
  async dispose(): Promise<void> {
    this.#isStopping = true;
    await this.#eventExpiry.dispose();
    this.#customResources.dispose();
    this.#quotaStatuses?.dispose();
    await endOf(this.#running, this.#deps.clock);
    this.#authorizer.dispose();
    await this.objects.settled().catch(() => {});
    await this.#deps.store.close();
  }
}

/** Resolves when all have ended, or after the limit: a webhook that does not answer must not hold up the end. */
function endOf(running: ReadonlySet<Promise<ApiResponse>>, clock: Clock): Promise<void> {
  if (running.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const limit = clock.startTimer(lastAnswersLimitMs, resolve);
    void Promise.allSettled(running).then(() => {
      limit.cancel();
      resolve();
    });
  });
}

/** A version of the core group, or of a group that is served: what is not there is told as a Status. */
function namesVersion(segments: readonly string[], registry: ResourceRegistry): boolean {
  const [root, group = ''] = segments;
  if (segments.length < 2) return false;
  return (
    root === 'api' ||
    (root === 'apis' &&
      segments.length > 2 &&
      registry.all().some((resource) => resource.group === group && resource.custom === undefined))
  );
}

/** Methods that do not go with the form of the path: a collection is not replaced, nothing is created at an object. */
function checkShape(resource: Resource, { verb, name, namespace, subresource }: ResourceRequest): void {
  if (name === undefined && (verb === 'update' || verb === 'patch')) throw methodNotAllowed();
  if (name !== undefined && verb === 'create' && subresource === undefined) throw methodNotAllowed();
  const isCollectionWrite = name === undefined && (verb === 'create' || verb === 'deletecollection');
  if (!isCollectionWrite || !resource.namespaced || namespace !== undefined) return;
  throw resource.verbs.includes('list') ? methodNotAllowed() : unknownPath();
}

/** What every answer about a resource warns of. */
function deprecationOf(resource: Resource): string | undefined {
  if (resource.collection === 'core/endpoints')
    return 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice';
  return resource.custom?.deprecation;
}

function withDeprecation(response: ApiResponse, sentence: string): ApiResponse {
  const others = response.headers['warning'];
  const own = `299 - ${JSON.stringify(sentence)}`;
  const warning = others === undefined ? own : `${own}, ${others}`;
  return { ...response, headers: { ...response.headers, warning } };
}

/** Clients for people get JSON in lines. Source: apiserver, handlers/negotiation, isPrettyPrint. */
function isForPeople(request: ApiRequest): boolean {
  const wish = request.query.get('pretty');
  if (wish !== null && wish !== '') return wish === '1' || wish === 'true';
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test(request.headers['user-agent'] ?? '');
}

function inLines(response: ApiResponse): ApiResponse {
  const { body, headers } = response;
  if (typeof body !== 'string' || !/^application\/json\b/.test(headers['content-type'] ?? '')) return response;
  return { ...response, body: JSON.stringify(JSON.parse(body), undefined, 2) };
}

function unavailable(): ApiResponse {
  const message = 'the API server is stopping';
  const { status } = new StatusError({ code: 503, reason: 'ServiceUnavailable', message });
  return jsonResponse(status.code, status);
}

function targetFor(resource: Resource, info: ResourceRequest, request: ApiRequest, user: UserInfo): Target {
  return {
    resource,
    namespace: resource.namespaced ? info.namespace : undefined,
    name: info.name ?? '',
    subresource: info.subresource,
    user,
    query: request.query,
    headers: request.headers,
    body: request.body,
    // Asked for only where it is needed: making one costs as much as a small read.
    get signal() {
      return request.signal;
    },
  };
}
