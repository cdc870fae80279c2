/** The proxy's own answers as HTTP and as gRPC see them. */

import type { LocalReply } from '../route/plan.ts';
import type { FlatHeaders } from '../route/rewrite.ts';
import type { ResponseHead } from './messages.ts';

/** gRPC's code for an HTTP status. Source: grpc doc/http-grpc-status-mapping.md. */
const grpcCodes: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** gRPC clients get status 200 with the code in the headers, everybody else the status and a text. */
export function localResponse(
  local: LocalReply,
  options: { grpc: boolean },
): { head: ResponseHead; body: Buffer; grpcStatus: number | undefined } {
  const headers: FlatHeaders = local.headers.flatMap(([name, value]) => [name, value]);
  const given = local.headers.find(([name]) => name === 'grpc-status')?.[1];
  if (options.grpc) {
    const grpcStatus = given === undefined ? (grpcCodes[local.status] ?? 2) : Number(given);
    headers.push('content-type', 'application/grpc');
    if (given === undefined) headers.push('grpc-status', String(grpcStatus));
    if (local.body !== '') headers.push('grpc-message', encodeURIComponent(local.body).replaceAll('%20', ' '));
    return { head: { status: 200, reason: undefined, headers }, body: Buffer.alloc(0), grpcStatus };
  }
  const body = Buffer.from(local.body);
  if (body.length > 0) headers.push('content-type', 'text/plain');
  headers.push('content-length', String(body.length));
  return { head: { status: local.status, reason: undefined, headers }, body, grpcStatus: undefined };
}
