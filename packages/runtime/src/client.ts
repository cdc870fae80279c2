/** A typed client of the Kubernetes API over any Transport. */

import {
  apiVersionOf,
  keyOf,
  parseApiVersion,
  resourcePath,
  type Key,
  type KubeObject,
  type ResourceType,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '@towpath/api';
import { isRecord } from '@towpath/kit';
import { apiErrorFrom, apiErrorFromStatus, isNotFound } from './api-error.ts';

export interface ClientOptions {
  readonly transport: Transport;
  /** Field manager of every write; defaults to `towpath`. */
  readonly fieldManager?: string;
  readonly userAgent?: string;
}

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface ListResult<Object extends KubeObject> {
  readonly items: Object[];
  readonly resourceVersion: string;
  readonly continue: string | undefined;
}

export interface WatchOptions extends ListOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutSeconds?: number | undefined;
}

export interface WatchEvent<Object extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: Object;
}

export interface WriteOptions {
  readonly dryRun?: boolean | undefined;
  readonly fieldManager?: string | undefined;
  /** What becomes of members the kind does not know; the server's default is Warn. */
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict' | undefined;
}

export interface PatchOptions extends WriteOptions {
  readonly kind: 'merge' | 'strategic' | 'json' | 'apply';
  readonly subresource?: string | undefined;
  /** Takes fields from other managers; only with `apply`. */
  readonly force?: boolean | undefined;
}

export interface DeleteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  /** Preconditions: 409 when the live object has another uid or resourceVersion. */
  readonly uid?: string;
  readonly resourceVersion?: string;
}

const patchContentTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

type Query = Record<string, string | undefined>;

/** Every method throws `ApiError` with the server's Status. Objects come with apiVersion and kind filled in. */
export class Client {
  readonly transport: Transport;
  readonly fieldManager: string;
  readonly #headers: Record<string, string>;
  #discovered = new Map<string, Promise<ResourceType[]>>();

  constructor(options: ClientOptions) {
    this.transport = options.transport;
    this.fieldManager = options.fieldManager ?? 'towpath';
    this.#headers = { accept: 'application/json', 'user-agent': options.userAgent ?? `${this.fieldManager}/0.1` };
  }

  /** The object, or undefined when it does not exist. */
  async get<Object extends KubeObject>(type: ResourceType<Object>, key: Key): Promise<Object | undefined> {
    try {
      return await this.#object(type, { method: 'GET', path: pathOf(type, key) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** One page; without `limit`, everything. */
  async list<Object extends KubeObject>(
    type: ResourceType<Object>,
    options: ListOptions = {},
  ): Promise<ListResult<Object>> {
    const body = await this.#json({
      method: 'GET',
      path: resourcePath(type, { namespace: options.namespace }),
      query: listQuery(options),
    });
    const list = isRecord(body) ? body : {};
    const metadata = isRecord(list['metadata']) ? list['metadata'] : {};
    const items = Array.isArray(list['items']) ? (list['items'] as Object[]) : [];
    return {
      items: items.map((item) => withType(type, item)),
      resourceVersion: String(metadata['resourceVersion'] ?? ''),
      continue: typeof metadata['continue'] === 'string' ? metadata['continue'] : undefined,
    };
  }

  /** Events until the server ends the watch. An ERROR event is thrown as `ApiError` (410 Expired: list again). */
  async *watch<Object extends KubeObject>(
    type: ResourceType<Object>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<Object>, void, undefined> {
    const response = await this.request({
      method: 'GET',
      path: resourcePath(type, { namespace: options.namespace }),
      query: {
        ...listQuery(options),
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: options.timeoutSeconds?.toString(),
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (response.status >= 400) throw apiErrorFrom(response.status, await response.text());
    for await (const line of lines(response.chunks())) {
      const event = JSON.parse(line) as { type: string; object: Object };
      if (event.type === 'ERROR') throw apiErrorFromStatus(event.object as unknown as Record<string, unknown>);
      yield { type: event.type as WatchEvent<Object>['type'], object: withType(type, event.object) };
    }
  }

  create<Object extends KubeObject>(
    type: ResourceType<Object>,
    object: Object,
    options: WriteOptions = {},
  ): Promise<Object> {
    return this.#object(type, {
      method: 'POST',
      path: resourcePath(type, { namespace: type.namespaced ? object.metadata.namespace : undefined }),
      query: this.#writeQuery(options),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(withType(type, object)),
    });
  }

  /** Replaces the object; 409 when its resourceVersion is stale. */
  update<Object extends KubeObject>(
    type: ResourceType<Object>,
    object: Object,
    options: WriteOptions & { subresource?: string } = {},
  ): Promise<Object> {
    return this.#object(type, {
      method: 'PUT',
      path: pathOf(type, keyOf(object), options.subresource),
      query: this.#writeQuery(options),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(withType(type, object)),
    });
  }

  /** Replaces the status subresource. */
  updateStatus<Object extends KubeObject>(
    type: ResourceType<Object>,
    object: Object,
    options: WriteOptions = {},
  ): Promise<Object> {
    return this.update(type, object, { ...options, subresource: 'status' });
  }

  patch<Object extends KubeObject>(
    type: ResourceType<Object>,
    key: Key,
    body: unknown,
    options: PatchOptions,
  ): Promise<Object> {
    return this.#object(type, {
      method: 'PATCH',
      path: pathOf(type, key, options.subresource),
      query: { ...this.#writeQuery(options), force: options.force === true ? 'true' : undefined },
      headers: { 'content-type': patchContentTypes[options.kind] },
      body: JSON.stringify(body),
    });
  }

  /** Resolves also when the object is already gone. */
  async delete(type: ResourceType, key: Key, options: DeleteOptions = {}): Promise<void> {
    const { propagationPolicy, gracePeriodSeconds, uid, resourceVersion } = options;
    const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      ...(propagationPolicy && { propagationPolicy }),
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      ...(Object.keys(preconditions).length > 0 && { preconditions }),
    };
    try {
      await this.#json({
        method: 'DELETE',
        path: pathOf(type, key),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** A raw request; failures of the API are not thrown. */
  request(request: TransportRequest): Promise<TransportResponse> {
    return this.transport.request({ ...request, headers: { ...this.#headers, ...request.headers } });
  }

  /** The resource of a kind, by discovery (cached); undefined when the server does not serve it. */
  async resourceFor(target: { apiVersion: string; kind: string }): Promise<ResourceType | undefined> {
    const known = await this.#groupResources(target.apiVersion);
    const found = known.find((resource) => resource.kind === target.kind);
    if (found !== undefined) return found;
    this.#discovered.delete(target.apiVersion);
    return (await this.#groupResources(target.apiVersion)).find((resource) => resource.kind === target.kind);
  }

  /** Every resource of one `apiVersion`, subresources left out; empty when it is not served. */
  resourcesOf(apiVersion: string): Promise<ResourceType[]> {
    return this.#groupResources(apiVersion);
  }

  /** Forgets what discovery answered. */
  invalidate(): void {
    this.#discovered.clear();
  }

  #groupResources(apiVersion: string): Promise<ResourceType[]> {
    const cached = this.#discovered.get(apiVersion);
    if (cached !== undefined) return cached;
    const pending = this.#discover(apiVersion);
    this.#discovered.set(apiVersion, pending);
    pending.catch(() => this.#discovered.delete(apiVersion));
    return pending;
  }

  async #discover(apiVersion: string): Promise<ResourceType[]> {
    const { group, version } = parseApiVersion(apiVersion);
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    let body: unknown;
    try {
      body = await this.#json({ method: 'GET', path });
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
    const resources = isRecord(body) && Array.isArray(body['resources']) ? body['resources'] : [];
    return resources
      .filter((resource): resource is { name: string; kind: string; namespaced: boolean } => isRecord(resource))
      .filter((resource) => !resource.name.includes('/'))
      .map(({ name, kind, namespaced }) => ({ group, version, kind, plural: name, namespaced }));
  }

  #writeQuery(options: WriteOptions): Query {
    return {
      fieldManager: options.fieldManager ?? this.fieldManager,
      dryRun: options.dryRun === true ? 'All' : undefined,
      fieldValidation: options.fieldValidation,
    };
  }

  async #json(request: TransportRequest): Promise<unknown> {
    const response = await this.request(request);
    const text = await response.text();
    if (response.status >= 400) throw apiErrorFrom(response.status, text);
    return JSON.parse(text) as unknown;
  }

  async #object<Object extends KubeObject>(type: ResourceType<Object>, request: TransportRequest): Promise<Object> {
    return withType(type, (await this.#json(request)) as Object);
  }
}

function pathOf(type: ResourceType, key: Key, subresource?: string): string {
  return resourcePath(type, {
    namespace: type.namespaced ? key.namespace : undefined,
    name: key.name,
    subresource,
  });
}

function listQuery(options: ListOptions): Query {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    limit: options.limit?.toString(),
    continue: options.continue,
  };
}

/** List items of built-in kinds come without apiVersion and kind. */
function withType<Object extends KubeObject>(type: ResourceType<Object>, object: Object): Object {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object;
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

async function* lines(chunks: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') yield part;
  }
  if (rest.trim() !== '') yield rest;
}
