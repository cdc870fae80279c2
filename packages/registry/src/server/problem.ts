/** Errors of the distribution API. Source: OCI distribution specification, "Error Codes". */

import type { ServerResponse } from 'node:http';

export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'UNKNOWN';

/** Thrown by handlers, answered as JSON. */
export class Problem extends Error {
  readonly status: number;
  readonly code: OciErrorCode;

  constructor(status: number, code: OciErrorCode, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Answers with one error. */
export function sendProblem(res: ServerResponse, problem: Problem, head: boolean): void {
  const body = JSON.stringify({ errors: [{ code: problem.code, message: problem.message }] });
  res.writeHead(problem.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res.end(head ? undefined : body);
}
