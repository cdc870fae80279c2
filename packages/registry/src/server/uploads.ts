/** The upload endpoints: monolithic, chunked and mounted blobs. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OciStore } from '../store.ts';
import type { Upload } from '../upload.ts';
import { isRepository } from '../reference.ts';
import { Problem } from './problem.ts';
import { digestParameter } from './route.ts';

/** A blob may not be larger. */
const maxBlobBytes = 8 * 1024 * 1024 * 1024;
/** Uploads in progress; the oldest is forgotten first (it can still go on from its file). */
const maxOpenUploads = 256;

interface Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly repository: string;
  readonly query: URLSearchParams;
}

export class Uploads {
  readonly #store: OciStore;
  readonly #open = new Map<string, Upload>();
  readonly #busy = new Set<string>();

  constructor(store: OciStore) {
    this.#store = store;
  }

  /** POST /v2/NAME/blobs/uploads/ */
  async start(call: Call): Promise<void> {
    const { res, repository, query } = call;
    const mount = query.get('mount');
    if (mount !== null && (await this.#mount(repository, digestParameter(mount), query.get('from')))) {
      created(res, repository, digestParameter(mount));
      return;
    }
    const digest = query.get('digest');
    if (digest !== null && mount === null) digestParameter(digest);
    const upload = await this.#store.upload();
    if (upload === undefined) throw new Problem(500, 'UNKNOWN', 'no upload could be started');
    this.#remember(upload);
    if (digest !== null && mount === null) {
      await this.finish({ ...call, id: upload.id });
      return;
    }
    call.req.resume();
    progress(res, repository, upload, 202);
  }

  /** PATCH /v2/NAME/blobs/uploads/ID */
  async append(call: Call & { id: string }): Promise<void> {
    const upload = await this.#get(call.id);
    await this.#exclusively(call.id, async () => {
      const range = /^(?:bytes[ =])?(\d+)-(\d+)/.exec(call.req.headers['content-range'] ?? '');
      if (range !== null && Number(range[1]) !== upload.sizeBytes) {
        call.req.resume();
        throw new Problem(416, 'BLOB_UPLOAD_INVALID', `the next chunk must start at byte ${upload.sizeBytes}`);
      }
      await upload.append(call.req, maxBlobBytes);
    });
    progress(call.res, call.repository, upload, 202);
  }

  /** PUT /v2/NAME/blobs/uploads/ID?digest=… with the last bytes, if any. */
  async finish(call: Call & { id: string }): Promise<void> {
    const given = call.query.get('digest');
    if (given === null) throw new Problem(400, 'DIGEST_INVALID', 'the digest is missing');
    const digest = digestParameter(given);
    const upload = await this.#get(call.id);
    await this.#exclusively(call.id, async () => {
      const range = /^(?:bytes[ =])?(\d+)-(\d+)/.exec(call.req.headers['content-range'] ?? '');
      if (range !== null && Number(range[1]) !== upload.sizeBytes) {
        throw new Problem(416, 'BLOB_UPLOAD_INVALID', `the next chunk must start at byte ${upload.sizeBytes}`);
      }
      await upload.append(call.req, maxBlobBytes);
      this.#open.delete(call.id);
      if (await this.#store.finishUpload(call.repository, upload, digest)) return;
      throw new Problem(400, 'DIGEST_INVALID', `the bytes do not have the digest ${digest}`);
    });
    created(call.res, call.repository, digest);
  }

  /** GET /v2/NAME/blobs/uploads/ID */
  async status(call: Call & { id: string }): Promise<void> {
    progress(call.res, call.repository, await this.#get(call.id), 204);
  }

  /** DELETE /v2/NAME/blobs/uploads/ID */
  async cancel(call: Call & { id: string }): Promise<void> {
    const upload = await this.#get(call.id);
    this.#open.delete(call.id);
    await upload.cancel();
    call.res.writeHead(204).end();
  }

  /** Without `from`, any repository's blob will do: they are all of one user. */
  async #mount(repository: string, digest: string, from: string | null): Promise<boolean> {
    if (from !== null && (!isRepository(from) || (await this.#store.blobSize(from, digest)) === undefined))
      return false;
    return this.#store.linkBlob(repository, digest);
  }

  async #get(id: string): Promise<Upload> {
    const upload = this.#open.get(id) ?? (await this.#store.upload(id));
    if (upload === undefined) throw new Problem(404, 'BLOB_UPLOAD_UNKNOWN', `there is no upload ${id.slice(0, 64)}`);
    this.#remember(upload);
    return upload;
  }

  #remember(upload: Upload): void {
    if (this.#open.size >= maxOpenUploads && !this.#open.has(upload.id)) {
      this.#open.delete(this.#open.keys().next().value ?? '');
    }
    this.#open.set(upload.id, upload);
  }

  async #exclusively(id: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(id)) throw new Problem(416, 'BLOB_UPLOAD_INVALID', 'another request is writing to this upload');
    this.#busy.add(id);
    try {
      await work();
    } finally {
      this.#busy.delete(id);
    }
  }
}

function created(res: ServerResponse, repository: string, digest: string): void {
  res.writeHead(201, {
    location: `/v2/${repository}/blobs/${digest}`,
    'docker-content-digest': digest,
    'content-length': 0,
  });
  res.end();
}

function progress(res: ServerResponse, repository: string, upload: Upload, status: number): void {
  res.writeHead(status, {
    location: `/v2/${repository}/blobs/uploads/${upload.id}`,
    range: `0-${Math.max(0, upload.sizeBytes - 1)}`,
    'docker-upload-uuid': upload.id,
    ...(status !== 204 && { 'content-length': 0 }),
  });
  res.end();
}
