/** An OCI registry as a request handler. Source: OCI distribution specification 1.1. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { background, messageOf, codeOf, type Clock, type Logger, type Random } from '@towpath/kit';
import { digestOf, algorithmOf, isDigest } from '../digest.ts';
import { mediaTypes } from '../media-types.ts';
import { OciStore, type StoredTag } from '../store.ts';
import { checkManifest, maxManifestBytes, referrerDescriptor } from './manifests.ts';
import { Problem, sendProblem } from './problem.ts';
import { parseRoute, type Route } from './route.ts';
import { isTag } from '../reference.ts';
import { Uploads } from './uploads.ts';

/** A repository's tags as they stand after a change. */
export interface TagEvent {
  /** e.g. acme/frontend */
  readonly repository: string;
  readonly tags: readonly StoredTag[];
  /** The tag that was pushed; absent when the repository is reported as it stands or a tag was deleted. */
  readonly pushed?: { readonly name: string; readonly digest: string };
}

export interface RegistryOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
  /** Called after each change of tags, outside the request. It must be idempotent: it is also called by `publish`. */
  readonly onTag?: (event: TagEvent) => Promise<void> | void;
  /** Default: everybody may read and write, as suits a server on loopback. */
  readonly authorize?: (
    authorization: string | undefined,
    access: { repository: string | undefined; write: boolean },
  ) => boolean;
  /** The challenge of a 401; default Basic. */
  readonly challenge?: string;
}

export interface Registry {
  /** Answers every path below /v2/; other paths are a 404. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  readonly store: OciStore;
  /** Calls `onTag` for every repository with its present tags: after a start, when a push may have been missed. */
  publish(): Promise<void>;
  /** Resolves when no request runs any more. */
  idle(): Promise<void>;
}

/** Blobs and manifests live in `dir`; digests are checked on the way in. */
export function createRegistry(options: RegistryOptions): Registry {
  return new HttpRegistry(options);
}

interface Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly query: URLSearchParams;
}

class HttpRegistry implements Registry {
  readonly store: OciStore;
  readonly #options: RegistryOptions;
  readonly #uploads: Uploads;
  readonly #running = new Set<Promise<void>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.store = new OciStore(options);
    this.#uploads = new Uploads(this.store);
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.#track(
      'registry request',
      this.#answer(req, res).catch((error: unknown) => this.#fail(req, res, error)),
    );
  }

  async publish(): Promise<void> {
    for (const repository of await this.store.repositories()) {
      const tags = await this.store.tags(repository);
      if (tags.length > 0) await this.#options.onTag?.({ repository, tags });
    }
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://registry');
    const method = req.method ?? 'GET';
    res.setHeader('docker-distribution-api-version', 'registry/2.0');
    if (req.headers['sec-fetch-site'] === 'cross-site') throw new Problem(403, 'DENIED', 'browsers may not write here');
    const route = parseRoute(url.pathname);
    if (route === undefined)
      throw new Problem(404, 'UNSUPPORTED', `${url.pathname.slice(0, 200)} is no path of a registry`);
    this.#checkAccess(req, res, route, method);
    await this.#dispatch({ req, res, method, query: url.searchParams }, route);
  }

  #checkAccess(req: IncomingMessage, res: ServerResponse, route: Route, method: string): void {
    const { authorize, challenge } = this.#options;
    if (authorize === undefined) return;
    const write = method !== 'GET' && method !== 'HEAD';
    const repository = 'repository' in route ? route.repository : undefined;
    if (authorize(req.headers.authorization, { repository, write })) return;
    res.setHeader('www-authenticate', challenge ?? 'Basic realm="towpath registry"');
    throw new Problem(401, 'UNAUTHORIZED', 'credentials are needed');
  }

  async #dispatch(call: Call, route: Route): Promise<void> {
    const { method, res } = call;
    const reads = method === 'GET' || method === 'HEAD';
    switch (route.type) {
      case 'base':
        if (reads) return sendJson(res, {});
        break;
      case 'catalog':
        if (reads) return this.#catalog(call);
        break;
      case 'tags':
        if (reads) return this.#tags(call, route.repository);
        break;
      case 'blob':
        if (reads) return this.#blob(call, route);
        if (method === 'DELETE') return this.#deleteBlob(call, route);
        break;
      case 'uploads':
        if (method === 'POST') return this.#uploads.start({ ...call, repository: route.repository });
        break;
      case 'upload':
        return this.#upload(call, route);
      case 'manifest':
        if (reads) return this.#manifest(call, route);
        if (method === 'PUT') return this.#putManifest(call, route);
        if (method === 'DELETE') return this.#deleteManifest(call, route);
        break;
      case 'referrers':
        if (reads) return this.#referrers(call, route);
        break;
    }
    throw new Problem(405, 'UNSUPPORTED', `${method} is not supported here`);
  }

  async #upload(call: Call, route: { repository: string; id: string }): Promise<void> {
    const upload = { ...call, ...route };
    if (call.method === 'PATCH') return this.#uploads.append(upload);
    if (call.method === 'PUT') return this.#uploads.finish(upload);
    if (call.method === 'GET') return this.#uploads.status(upload);
    if (call.method === 'DELETE') return this.#uploads.cancel(upload);
    throw new Problem(405, 'UNSUPPORTED', `${call.method} is not supported here`);
  }

  async #catalog({ res, query }: Call): Promise<void> {
    const page = pageOf(await this.store.repositories(), query);
    if (page.next !== undefined) res.setHeader('link', `</v2/_catalog?${page.next}>; rel="next"`);
    sendJson(res, { repositories: page.items });
  }

  async #tags({ res, query }: Call, repository: string): Promise<void> {
    if (!(await this.store.hasRepository(repository))) {
      throw new Problem(404, 'NAME_UNKNOWN', `the repository ${repository} does not exist`);
    }
    const names = (await this.store.tags(repository)).map((tag) => tag.name);
    const page = pageOf(names, query);
    if (page.next !== undefined) res.setHeader('link', `</v2/${repository}/tags/list?${page.next}>; rel="next"`);
    sendJson(res, { name: repository, tags: page.items });
  }

  async #blob(
    { req, res, method }: Call,
    { repository, digest }: { repository: string; digest: string },
  ): Promise<void> {
    const size = await this.store.blobSize(repository, digest);
    if (size === undefined) throw new Problem(404, 'BLOB_UNKNOWN', `${repository} holds no blob ${digest}`);
    const range = rangeOf(req.headers.range, size);
    const length = range === undefined ? size : range.end - range.start + 1;
    res.writeHead(range === undefined ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'content-length': length,
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
      ...(range !== undefined && { 'content-range': `bytes ${range.start}-${range.end}/${size}` }),
    });
    if (method === 'HEAD' || length === 0) {
      res.end();
      return;
    }
    const stream = this.store.readBlob(digest, range ?? {});
    await new Promise<void>((resolve, reject) => {
      stream.on('error', reject);
      res.on('close', () => {
        stream.destroy();
        resolve();
      });
      stream.pipe(res);
    });
  }

  async #deleteBlob({ res }: Call, { repository, digest }: { repository: string; digest: string }): Promise<void> {
    if (!(await this.store.unlinkBlob(repository, digest))) {
      throw new Problem(404, 'BLOB_UNKNOWN', `${repository} holds no blob ${digest}`);
    }
    res.writeHead(202, { 'content-length': 0 }).end();
  }

  async #manifest({ res, method }: Call, route: { repository: string; reference: string }): Promise<void> {
    const found = await this.store.manifest(route.repository, route.reference);
    if (found === undefined) {
      throw new Problem(404, 'MANIFEST_UNKNOWN', `${route.repository} has no manifest ${route.reference}`);
    }
    res.writeHead(200, {
      'content-type': found.mediaType,
      'content-length': found.bytes.length,
      'docker-content-digest': found.digest,
      etag: `"${found.digest}"`,
    });
    res.end(method === 'HEAD' ? undefined : found.bytes);
  }

  async #putManifest(call: Call, { repository, reference }: { repository: string; reference: string }): Promise<void> {
    const { req, res, query } = call;
    const bytes = await readBody(req, maxManifestBytes);
    const byDigest = isDigest(reference);
    const digest = digestOf(bytes, byDigest ? algorithmOf(reference) : 'sha256');
    if (byDigest && digest !== reference) {
      throw new Problem(400, 'DIGEST_INVALID', `the manifest has the digest ${digest}, not ${reference}`);
    }
    const checked = checkManifest(bytes, req.headers['content-type']);
    for (const blob of checked.blobs) {
      if ((await this.store.blobSize(repository, blob)) !== undefined) continue;
      throw new Problem(
        404,
        'MANIFEST_BLOB_UNKNOWN',
        `${repository} holds no blob ${blob}: push it before the manifest`,
      );
    }
    const tags = byDigest ? query.getAll('tag').slice(0, 64) : [reference];
    const badTag = tags.find((tag) => !isTag(tag));
    if (badTag !== undefined) throw new Problem(400, 'TAG_INVALID', `the tag ${badTag.slice(0, 200)} is malformed`);
    const manifest = { digest, mediaType: checked.mediaType, bytes };
    const { subject } = checked;
    await this.store.putManifest(repository, manifest, {
      tags,
      ...(subject !== undefined && { subject: referrerDescriptor(manifest, subject) }),
    });
    if (subject !== undefined) res.setHeader('oci-subject', subject.digest);
    if (byDigest && tags.length > 0) res.setHeader('oci-tag', tags);
    res.writeHead(201, {
      location: `/v2/${repository}/manifests/${digest}`,
      'docker-content-digest': digest,
      'content-length': 0,
    });
    res.end();
    for (const name of tags) this.#track('tag event', this.#tell(repository, { name, digest }));
  }

  async #deleteManifest(
    { res }: Call,
    { repository, reference }: { repository: string; reference: string },
  ): Promise<void> {
    const removed = isDigest(reference)
      ? await this.store.deleteManifest(repository, reference)
      : await this.store.deleteTag(repository, reference);
    if (!removed) throw new Problem(404, 'MANIFEST_UNKNOWN', `${repository} has no manifest ${reference}`);
    res.writeHead(202, { 'content-length': 0 }).end();
    this.#track('tag event', this.#tell(repository, undefined));
  }

  async #referrers(
    { res, query }: Call,
    { repository, digest }: { repository: string; digest: string },
  ): Promise<void> {
    const wanted = query.get('artifactType');
    const all = await this.store.referrers(repository, digest);
    if (wanted !== null) res.setHeader('oci-filters-applied', 'artifactType');
    const manifests = wanted === null ? all : all.filter((descriptor) => descriptor.artifactType === wanted);
    sendJson(res, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, mediaTypes.ociIndex);
  }

  async #tell(repository: string, pushed: TagEvent['pushed']): Promise<void> {
    const tags = await this.store.tags(repository);
    if (pushed !== undefined)
      this.#options.log.info('image pushed', { repository, tag: pushed.name, digest: pushed.digest });
    await this.#options.onTag?.({ repository, tags, ...(pushed !== undefined && { pushed }) });
  }

  #fail(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    req.resume();
    const limit = codeOf(error) === 'REGISTRY_LIMIT';
    const problem =
      error instanceof Problem
        ? error
        : new Problem(limit ? 413 : 500, limit ? 'SIZE_INVALID' : 'UNKNOWN', messageOf(error));
    if (problem.status >= 500)
      this.#options.log.error('registry request failed', { url: req.url, error: problem.message });
    if (res.headersSent) res.destroy();
    else sendProblem(res, problem, req.method === 'HEAD');
  }

  #track(name: string, work: Promise<void>): void {
    const quiet = work.catch(() => {}).finally(() => this.#running.delete(quiet));
    this.#running.add(quiet);
    background(name, work, this.#options.log);
  }
}

function sendJson(res: ServerResponse, value: unknown, contentType = 'application/json'): void {
  const body = JSON.stringify(value);
  res.writeHead(200, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  res.end(res.req.method === 'HEAD' ? undefined : body);
}

const maxPage = 10_000;

/** One page of a sorted list: `n` items after `last`. */
function pageOf(names: readonly string[], query: URLSearchParams): { items: string[]; next: string | undefined } {
  const n = query.get('n');
  if (n !== null && !/^\d{1,9}$/.test(n)) throw new Problem(400, 'UNSUPPORTED', 'n must be a whole number');
  const last = query.get('last');
  const after = last === null ? [...names] : names.filter((name) => name > last);
  const count = Math.min(n === null ? maxPage : Number(n), maxPage);
  const items = after.slice(0, count);
  const end = items.at(-1);
  const more = end !== undefined && after.length > items.length;
  return { items, next: more ? new URLSearchParams({ n: String(count), last: end }).toString() : undefined };
}

/** One byte range; undefined for none or a form that is ignored. Throws 416 when it lies outside. */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const suffix = match[1] === '';
  const start = suffix ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = suffix || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start > end || start >= size) throw new Problem(416, 'SIZE_INVALID', 'the range lies outside the blob');
  return { start, end };
}

async function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of req) {
    const bytes = chunk as Buffer;
    sizeBytes += bytes.length;
    if (sizeBytes > maxBytes) throw new Problem(413, 'SIZE_INVALID', `the manifest is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
