/** The abstract request and response that the in-process transport and the HTTPS adapter share. */

/** Who makes a request, after authentication. */
export interface UserInfo {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** One request. Header names are lower case; `path` is decoded only segment by segment. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Aborted when the client is gone. */
  readonly signal?: AbortSignal | undefined;
  /** Set by adapters that know the caller already; credentials in headers are then ignored. */
  readonly user?: UserInfo | undefined;
}

export type ApiBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ApiBody;
}

/** A JSON answer from text that is already serialised. */
export function jsonText(status: number, text: string, headers: Record<string, string> = {}): ApiResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: text };
}

/** A JSON answer. */
export function jsonResponse(status: number, value: unknown, headers: Record<string, string> = {}): ApiResponse {
  return jsonText(status, `${JSON.stringify(value)}\n`, headers);
}

/** A plain text answer. */
export function textResponse(status: number, text: string): ApiResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text };
}
