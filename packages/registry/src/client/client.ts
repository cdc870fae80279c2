/** A client of one registry over the OCI distribution API. */

import { codeOf, isRecord, messageOf } from '@towpath/kit';
import { createDigest, digestOf, algorithmOf, isDigest } from '../digest.ts';
import { registryError } from '../errors.ts';
import { manifestAccept, mediaTypes } from '../media-types.ts';
import { basicHeader, fetchToken, isLoopback, parseChallenge, type Credentials } from './auth.ts';

export interface RegistryClientOptions {
  /** e.g. https://registry.example or http://127.0.0.1:5000; plain http only for loopback or with `insecure`. */
  readonly url: string;
  readonly credentials?: Credentials | undefined;
  readonly insecure?: boolean;
  readonly fetch?: typeof fetch;
  /** Until an answer's headers; bodies may take longer. Default 10 s. */
  readonly timeoutMs?: number;
}

export interface RemoteManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** Bytes that can be sent more than once. */
export interface BlobSource {
  readonly digest: string;
  readonly sizeBytes: number;
  open(): AsyncIterable<Uint8Array>;
}

const maxManifestBytes = 8 * 1024 * 1024;
const maxTagPages = 100;

/** Speaks to one registry; tokens are kept per scope. */
export class RegistryClient {
  readonly url: URL;
  readonly #options: RegistryClientOptions;
  readonly #tokens = new Map<string, string>();

  constructor(options: RegistryClientOptions) {
    this.url = new URL(options.url);
    if (this.url.protocol === 'http:' && options.insecure !== true && !isLoopback(this.url.hostname)) {
      throw registryError('REGISTRY_DENIED', `the registry ${this.url.host} is plain http`, {
        next: 'use https, or allow it as an insecure registry',
      });
    }
    this.#options = options;
  }

  /** True when the registry answers (also when it wants credentials). */
  async ping(): Promise<boolean> {
    try {
      const response = await this.#fetch('/v2/', {}, undefined);
      await response.body?.cancel();
      return response.status < 500;
    } catch {
      return false;
    }
  }

  /** Checks the credentials. Throws `REGISTRY_DENIED` or `REGISTRY_UNREACHABLE`. */
  async login(): Promise<void> {
    const response = await this.#fetch('/v2/', {}, undefined);
    await response.body?.cancel();
    if (response.status !== 401) return;
    const challenge = parseChallenge(response.headers.get('www-authenticate'));
    if (challenge === undefined) throw this.#denied('/v2/');
    const authorization = await this.#authorization(challenge, '', '/v2/');
    const again = await this.#fetch('/v2/', {}, authorization);
    await again.body?.cancel();
    if (!again.ok) throw this.#denied('/v2/');
  }

  /** The digest a tag stands for, or undefined. */
  async resolve(repository: string, reference: string): Promise<string | undefined> {
    const response = await this.#call(repository, `manifests/${reference}`, {
      method: 'HEAD',
      headers: { accept: manifestAccept },
    });
    if (response.status === 404) return undefined;
    this.#expect(response, [200], `the manifest ${repository}:${reference}`);
    const digest = response.headers.get('docker-content-digest');
    if (digest !== null && isDigest(digest)) return digest;
    return (await this.manifest(repository, reference))?.digest;
  }

  /** A manifest by tag or digest, its digest checked; undefined when there is none. */
  async manifest(repository: string, reference: string): Promise<RemoteManifest | undefined> {
    const response = await this.#call(repository, `manifests/${reference}`, { headers: { accept: manifestAccept } });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    this.#expect(response, [200], `the manifest ${repository}:${reference}`);
    const bytes = await readLimited(response, maxManifestBytes);
    const digest = digestOf(bytes, isDigest(reference) ? algorithmOf(reference) : 'sha256');
    if (isDigest(reference) && digest !== reference) throw mismatch(this.url, reference, digest);
    const mediaType = response.headers.get('content-type')?.split(';')[0]?.trim() ?? mediaTypes.ociManifest;
    return { digest, mediaType, bytes };
  }

  /** All tags, in the registry's order; undefined when the repository does not exist. */
  async tags(repository: string): Promise<string[] | undefined> {
    const tags: string[] = [];
    let path: string | undefined = `tags/list?n=1000`;
    for (let page = 0; page < maxTagPages && path !== undefined; page++) {
      const response: Response = await this.#call(repository, path, {});
      if (response.status === 404) {
        await response.body?.cancel();
        return undefined;
      }
      this.#expect(response, [200], `the tags of ${repository}`);
      const body: unknown = JSON.parse((await readLimited(response, maxManifestBytes)).toString('utf8'));
      const listed = isRecord(body) && Array.isArray(body['tags']) ? (body['tags'] as unknown[]) : [];
      tags.push(...listed.filter((tag): tag is string => typeof tag === 'string'));
      path = nextPage(response.headers.get('link'));
    }
    return tags;
  }

  /** A blob as it arrives; the iteration throws at its end when the digest is wrong. */
  async *blob(repository: string, digest: string): AsyncGenerator<Uint8Array, void, undefined> {
    const response = await this.#call(repository, `blobs/${digest}`, {});
    this.#expect(response, [200], `the blob ${digest} of ${repository}`);
    const running = createDigest(algorithmOf(digest));
    if (response.body !== null) {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        running.update(chunk);
        yield chunk;
      }
    }
    const actual = running.digest();
    if (actual !== digest) throw mismatch(this.url, digest, actual);
  }

  async hasBlob(repository: string, digest: string): Promise<boolean> {
    const response = await this.#call(repository, `blobs/${digest}`, { method: 'HEAD' });
    if (response.status === 404) return false;
    this.#expect(response, [200], `the blob ${digest} of ${repository}`);
    return true;
  }

  /** Uploads what the repository does not hold; `existed` when nothing was sent. */
  async pushBlob(
    repository: string,
    blob: BlobSource,
    options: { readonly mountFrom?: string } = {},
  ): Promise<'existed' | 'mounted' | 'pushed'> {
    if (await this.hasBlob(repository, blob.digest)) return 'existed';
    const mount = new URLSearchParams({ mount: blob.digest, ...(options.mountFrom && { from: options.mountFrom }) });
    const started = await this.#call(repository, `blobs/uploads/?${mount.toString()}`, { method: 'POST', write: true });
    await started.body?.cancel();
    if (started.status === 201) return 'mounted';
    this.#expect(started, [202], `an upload to ${repository}`);
    const location = new URL(started.headers.get('location') ?? '', started.url);
    location.searchParams.set('digest', blob.digest);
    const finished = await this.#call(repository, location, {
      method: 'PUT',
      write: true,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.sizeBytes) },
      body: () => toBody(blob.open()),
    });
    await finished.body?.cancel();
    this.#expect(finished, [201], `the blob ${blob.digest} to ${repository}`);
    return 'pushed';
  }

  /** Stores a manifest under a tag or its digest and returns the digest. */
  async pushManifest(repository: string, reference: string, manifest: Omit<RemoteManifest, 'digest'>): Promise<string> {
    const response = await this.#call(repository, `manifests/${reference}`, {
      method: 'PUT',
      write: true,
      headers: { 'content-type': manifest.mediaType },
      body: () => manifest.bytes,
    });
    const text = response.ok ? '' : (await readLimited(response, 64 * 1024)).toString('utf8');
    if (response.ok) await response.body?.cancel();
    this.#expect(response, [201], `the manifest ${repository}:${reference}`, text);
    return digestOf(manifest.bytes);
  }

  async #call(repository: string, path: string | URL, call: Call): Promise<Response> {
    const target = typeof path === 'string' ? `/v2/${repository}/${path}` : path;
    const scope = `repository:${repository}:${call.write === true ? 'pull,push' : 'pull'}`;
    const response = await this.#fetch(target, call, this.#tokens.get(scope));
    if (response.status !== 401) return response;
    const challenge = parseChallenge(response.headers.get('www-authenticate'));
    await response.body?.cancel();
    if (challenge === undefined) throw this.#denied(repository);
    this.#tokens.set(scope, await this.#authorization(challenge, scope, repository));
    const again = await this.#fetch(target, call, this.#tokens.get(scope));
    if (again.status === 401 || again.status === 403) {
      await again.body?.cancel();
      this.#tokens.delete(scope);
      throw this.#denied(repository);
    }
    return again;
  }

  async #authorization(
    challenge: NonNullable<ReturnType<typeof parseChallenge>>,
    scope: string,
    repository: string,
  ): Promise<string> {
    const { credentials } = this.#options;
    if (challenge.scheme === 'bearer') {
      const token = await fetchToken({
        challenge,
        registry: this.url,
        scope,
        credentials,
        fetch: this.#options.fetch ?? fetch,
        timeoutMs: this.#options.timeoutMs ?? defaultTimeoutMs,
      });
      return `Bearer ${token}`;
    }
    if (credentials === undefined) throw this.#denied(repository);
    return basicHeader(credentials);
  }

  async #fetch(target: string | URL, call: Call, authorization: string | undefined): Promise<Response> {
    const url = typeof target === 'string' ? new URL(target, this.url) : target;
    const answered = new AbortController();
    // Only the wait for headers is limited: the timer is cleared when they are there.
    const timer = setTimeout(() => answered.abort(), this.#options.timeoutMs ?? defaultTimeoutMs);
    const sameOrigin = url.origin === this.url.origin;
    const body = call.body?.();
    try {
      return await (this.#options.fetch ?? fetch)(url, {
        method: call.method ?? 'GET',
        headers: { ...call.headers, ...(authorization !== undefined && sameOrigin && { authorization }) },
        signal: answered.signal,
        ...(body !== undefined && { body, duplex: 'half' }),
      } as RequestInit);
    } catch (cause) {
      throw unreachable(this.url, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  #expect(response: Response, statuses: readonly number[], what: string, detail = ''): void {
    if (statuses.includes(response.status)) return;
    void response.body?.cancel();
    if (response.status === 403) throw this.#denied(what);
    const said = detail === '' ? '' : `: ${detail.slice(0, 300)}`;
    throw registryError(
      'REGISTRY_FAILED',
      `the registry ${this.url.host} answered ${response.status} for ${what}${said}`,
      {
        next: response.status === 429 ? 'wait: the registry limits requests' : 'check the name and the registry',
      },
    );
  }

  #denied(what: string): Error {
    return registryError('REGISTRY_DENIED', `the registry ${this.url.host} refused access to ${what}`, {
      next: 'log in with towpath docker login, or check the pull secret',
    });
  }
}

interface Call {
  readonly method?: string;
  readonly write?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called once for each attempt. */
  readonly body?: () => Uint8Array | ReadableStream<Uint8Array>;
}

const defaultTimeoutMs = 10_000;

function toBody(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

async function readLimited(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      throw registryError(
        'REGISTRY_LIMIT',
        `the answer of ${new URL(response.url).host} is larger than ${maxBytes} bytes`,
        {
          next: 'check the registry',
        },
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Only a path of the same registry is followed. */
function nextPage(link: string | null): string | undefined {
  const match = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '');
  if (match === null) return undefined;
  const query = (match[1] ?? '').split('?')[1];
  return query === undefined ? undefined : `tags/list?${query}`;
}

function unreachable(url: URL, cause: unknown): Error {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  const detail = codeOf(inner) ?? messageOf(inner);
  return registryError('REGISTRY_UNREACHABLE', `the registry ${url.host} cannot be reached: ${detail}`, {
    next: 'check its address and the network',
    cause,
  });
}

function mismatch(url: URL, wanted: string, actual: string): Error {
  return registryError(
    'IMAGE_DIGEST_MISMATCH',
    `the registry ${url.host} sent bytes with the digest ${actual} for ${wanted}`,
    {
      next: 'push the image again',
    },
  );
}
