/** OpenAPI: v3 with one document per group and version, and v2 with all in one; with what kubectl looks for in them. */

import { createHash } from 'node:crypto';
import type { UnknownRecord } from '@towpath/kit';
import { jsonResponse, jsonText, type ApiResponse } from '../http/message.ts';
import type { ResourceRegistry } from '../resources/registry.ts';
import type { Resource } from '../resources/resource.ts';
import { versionInfo } from './discovery.ts';
import { swaggerProtobuf } from './openapi-v2-proto.ts';
import { toSwagger, type Swagger } from './openapi-v2.ts';
import { collectType, customSchema, publishedName } from './openapi-schemas.ts';

const yearSeconds = 365 * 24 * 3600;

interface Document {
  readonly text: string;
  readonly hash: string;
}

interface SwaggerDocument {
  readonly swagger: Swagger;
  readonly text: string;
  readonly hash: string;
  protobuf?: Uint8Array;
}

/** Documents are made when asked for and kept until the served resources change. */
export class OpenApiDocuments {
  readonly #registry: ResourceRegistry;
  #revision = 0;
  #index: string | undefined;
  readonly #documents = new Map<string, Document>();
  #v2: SwaggerDocument | undefined;

  constructor(registry: ResourceRegistry) {
    this.#registry = registry;
  }

  /** Answers a path below /openapi, or undefined when there is no such document. */
  answer(
    segments: readonly string[],
    query: URLSearchParams,
    headers: Readonly<Record<string, string>>,
  ): ApiResponse | undefined {
    this.#refresh();
    if (segments[1] === 'v2' && segments.length === 2) return this.#answerV2(headers);
    if (segments[1] !== 'v3') return undefined;
    const name = segments.slice(2).join('/');
    if (name === '') {
      this.#index ??= this.#makeIndex();
      return jsonText(200, this.#index);
    }
    const document = this.#document(name);
    if (document === undefined) return undefined;
    const etag = `"${document.hash}"`;
    if (headers['if-none-match'] === etag) return { status: 304, headers: { etag }, body: '' };
    const immutable = query.get('hash') === document.hash;
    const caching: Record<string, string> = immutable
      ? { 'cache-control': `public, immutable, max-age=${yearSeconds}`, expires: 'Thu, 31 Dec 2037 23:55:55 GMT' }
      : { 'cache-control': 'no-cache, private' };
    return jsonText(200, document.text, { etag, vary: 'Accept', ...caching });
  }

  #answerV2(headers: Readonly<Record<string, string>>): ApiResponse {
    this.#v2 ??= this.#makeV2();
    const { swagger, hash } = this.#v2;
    const etag = `"${hash}"`;
    if (headers['if-none-match'] === etag) return { status: 304, headers: { etag }, body: '' };
    const common = { etag, vary: 'Accept' };
    if (headers['accept']?.includes('com.github.proto-openapi.spec.v2') !== true)
      return jsonText(200, this.#v2.text, common);
    this.#v2.protobuf ??= swaggerProtobuf(swagger);
    const contentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
    return { status: 200, headers: { 'content-type': contentType, ...common }, body: this.#v2.protobuf };
  }

  #makeV2(): SwaggerDocument {
    const parts: Parts = { schemas: {}, paths: {} };
    const custom = new Set<string>();
    for (const resource of this.#registry.all()) {
      addResource(this.#registry, resource, parts);
      if (resource.custom !== undefined) custom.add(schemaName(resource));
    }
    const swagger = toSwagger(parts, custom);
    const text = JSON.stringify(swagger);
    return { swagger, text, hash: createHash('sha512').update(text).digest('hex').toUpperCase() };
  }

  #refresh(): void {
    if (this.#revision === this.#registry.revision) return;
    this.#revision = this.#registry.revision;
    this.#index = undefined;
    this.#v2 = undefined;
    // Built-in documents do not change; those with custom resources are made again.
    for (const name of this.#documents.keys())
      if (this.#resources(name).some((resource) => resource.custom !== undefined) || this.#resources(name).length === 0)
        this.#documents.delete(name);
  }

  #resources(name: string): Resource[] {
    return this.#registry.all().filter((resource) => documentName(resource) === name);
  }

  #makeIndex(): string {
    const names = new Set(this.#registry.all().map(documentName));
    const paths = Object.fromEntries(
      [...names].map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${this.#hashOf(name)}` }]),
    );
    return JSON.stringify({ paths });
  }

  /** A hash that does not need the document: what it is made of. */
  #hashOf(name: string): string {
    const parts = this.#resources(name).map((resource) => [
      resource.plural,
      resource.kind,
      resource.custom?.openApi ?? '',
    ]);
    return createHash('sha512')
      .update(JSON.stringify([versionInfo.gitVersion, parts]))
      .digest('hex')
      .toUpperCase();
  }

  #document(name: string): Document | undefined {
    const known = this.#documents.get(name);
    if (known !== undefined) return known;
    const resources = this.#resources(name);
    if (resources.length === 0) return undefined;
    const schemas: Record<string, UnknownRecord> = {};
    const paths: UnknownRecord = {};
    for (const resource of resources) addResource(this.#registry, resource, { schemas, paths });
    const value = {
      openapi: '3.0.0',
      info: { title: 'Kubernetes', version: 'unversioned' },
      paths,
      components: { schemas },
    };
    const document = { text: JSON.stringify(value), hash: this.#hashOf(name) };
    this.#documents.set(name, document);
    return document;
  }
}

function documentName(resource: Resource): string {
  return resource.group === '' ? `api/${resource.version}` : `apis/${resource.apiVersion}`;
}

interface Parts {
  readonly schemas: Record<string, UnknownRecord>;
  readonly paths: UnknownRecord;
}

function addResource(registry: ResourceRegistry, resource: Resource, parts: Parts): void {
  const gvk = { group: resource.group, version: resource.version, kind: resource.kind };
  const name = schemaName(resource);
  if (resource.schema.typeName === '' && resource.custom === undefined) parts.schemas[name] = { type: 'object' };
  else if (resource.custom === undefined) collectType(registry.types, resource.schema.typeName, parts);
  else parts.schemas[name] = customSchema(resource.custom.openApi, registry.types, parts);
  const schema = parts.schemas[name];
  if (schema !== undefined) schema['x-kubernetes-group-version-kind'] = [gvk];
  const listName = `${name}List`;
  const metadata = { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta' }] };
  collectType(registry.types, 'meta.v1.ListMeta', parts);
  parts.schemas[listName] = {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata,
      items: { type: 'array', items: { allOf: [{ $ref: `#/components/schemas/${name}` }] } },
    },
    'x-kubernetes-group-version-kind': [{ ...gvk, kind: resource.listKind }],
  };
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.apiVersion}`;
  const collection = resource.namespaced
    ? `${root}/namespaces/{namespace}/${resource.plural}`
    : `${root}/${resource.plural}`;
  parts.paths[collection] = collectionOperations(resource, { gvk, name, listName });
  if (resource.verbs.includes('get'))
    parts.paths[`${collection}/{name}`] = objectOperations(resource, { gvk, name, listName });
}

function schemaName(resource: Resource): string {
  if (resource.custom === undefined && resource.schema.typeName !== '') return publishedName(resource.schema.typeName);
  return `${resource.group.split('.').reverse().join('.')}.${resource.version}.${resource.kind}`;
}

interface Names {
  readonly gvk: UnknownRecord;
  readonly name: string;
  readonly listName: string;
}

function parameter(name: string, type = 'string', place = 'query'): UnknownRecord {
  return { name, in: place, schema: { type, uniqueItems: true }, ...(place === 'path' ? { required: true } : {}) };
}

const writeParameters = [parameter('dryRun'), parameter('fieldManager'), parameter('fieldValidation')];

function operation(action: string, names: Names, more: UnknownRecord = {}): UnknownRecord {
  const ref = { schema: { $ref: `#/components/schemas/${action === 'list' ? names.listName : names.name}` } };
  return {
    responses: { 200: { description: 'OK', content: { 'application/json': ref } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': names.gvk,
    ...more,
  };
}

function bodyOf(names: Names): UnknownRecord {
  return { content: { '*/*': { schema: { $ref: `#/components/schemas/${names.name}` } } }, required: true };
}

function collectionOperations(resource: Resource, names: Names): UnknownRecord {
  const operations: UnknownRecord = {
    parameters: resource.namespaced ? [parameter('namespace', 'string', 'path')] : [],
  };
  if (resource.verbs.includes('list')) operations['get'] = operation('list', names);
  if (resource.verbs.includes('create')) {
    operations['post'] = operation('post', names, { parameters: writeParameters, requestBody: bodyOf(names) });
  }
  return operations;
}

function objectOperations(resource: Resource, names: Names): UnknownRecord {
  const patch = { schema: { type: 'object' } };
  const kinds = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
  // Clients take the absence of the strategic kind as the sign of a custom resource.
  if (resource.custom === undefined) kinds.push('application/strategic-merge-patch+json');
  return {
    parameters: [
      parameter('name', 'string', 'path'),
      ...(resource.namespaced ? [parameter('namespace', 'string', 'path')] : []),
    ],
    get: operation('get', names),
    put: operation('put', names, { parameters: writeParameters, requestBody: bodyOf(names) }),
    patch: operation('patch', names, {
      parameters: [...writeParameters, parameter('force', 'boolean')],
      requestBody: { content: Object.fromEntries(kinds.map((kind) => [kind, patch])), required: true },
    }),
    delete: operation('delete', names, { parameters: [parameter('dryRun')] }),
  };
}

/** Answers /version. */
export function answerVersion(): ApiResponse {
  return jsonResponse(200, versionInfo);
}
