/** HTTP messages between the two sides of a proxy, the same for HTTP/1.1 and HTTP/2. */

import type { Readable, Writable } from 'node:stream';
import type { FlatHeaders } from '../route/rewrite.ts';

/** A request without connection headers and pseudo headers; `authority` stands for Host. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** With the query. */
  readonly path: string;
  readonly headers: FlatHeaders;
  readonly version: 'http1' | 'http2';
  readonly hasBody: boolean;
}

/** A response without connection headers. `reason` is HTTP/1.1's, when it had one. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string | undefined;
  readonly headers: FlatHeaders;
}

/** The client's side of one exchange. */
export interface Downstream {
  readonly head: RequestHead;
  readonly body: Readable;
  /** Sends the head; bytes go to `sink`. `last` means that nothing follows. */
  respond(head: ResponseHead, options: { last: boolean }): void;
  readonly sink: Writable;
  /** Ends the response, with trailers where the protocol has them. */
  finish(trailers: FlatHeaders): void;
  /** Breaks the exchange off so that the client notices. */
  reset(): void;
  /** The client went away before `finish`. Called at most once. */
  onGone(listener: () => void): void;
}

/**
 * Why there is no (whole) response: `connect` nobody answered the dial, `stale` a pooled connection was closed just
 * as it was used, `refused` the server did not process it, `reset` the stream broke.
 */
export type UpstreamFailure = 'connect' | 'stale' | 'refused' | 'reset';

export interface UpstreamListener {
  /** The request's body goes to `sink`, which the caller ends; undefined when it has none. */
  onOpen(sink: Writable | undefined): void;
  /** `trailers` is to be read after `body` ended. */
  onResponse(head: ResponseHead, body: Readable, trailers: () => FlatHeaders): void;
  /** Called at most once, also after `onResponse` when the body breaks off. */
  onFailure(failure: UpstreamFailure, error: Error): void;
}

/** The server's side of one exchange. */
export interface UpstreamCall {
  /** Ends it; the listener hears nothing more. */
  abort(): void;
}

/** Headers of one connection, never forwarded. Source: RFC 9110 section 7.6.1. */
export const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** True for gRPC in all its encodings. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType?.startsWith('application/grpc') === true && !contentType.startsWith('application/grpc-web');
}

/** About what the headers take on the wire. */
export function headerBytes(headers: readonly string[]): number {
  let bytes = 0;
  for (const text of headers) bytes += text.length + 2;
  return bytes;
}
