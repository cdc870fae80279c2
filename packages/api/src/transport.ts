/** How a Kubernetes API is reached: over HTTPS, or in process through the same chain of handlers. */

/** One HTTP-shaped request to the API. `path` has no query; header names are lower case. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** The answer. Exactly one of `text` and `chunks` is called, once. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body. */
  text(): Promise<string>;
  /** The body as it arrives (watches, followed logs); ends or throws when the connection does. */
  chunks(): AsyncIterable<string>;
}

/** Carries requests with fixed credentials. Rejects only when the API cannot be reached at all. */
export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>;
}
