/** A failed API request, as the server's Status object tells it. */

import { isRecord } from '@towpath/kit';

/** `metav1.Status` of a failure: `reason` is the machine word, `details` names fields and causes. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(options: { status: number; reason: string; message: string; details?: Record<string, unknown> }) {
    super(options.message);
    this.status = options.status;
    this.reason = options.reason;
    this.details = options.details;
  }
}

/** Reads a Status from a body; a body that is none becomes the message. */
export function apiErrorFrom(status: number, body: string): ApiError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = undefined;
  }
  if (!isRecord(parsed) || parsed['kind'] !== 'Status') {
    const text = body.trim().slice(0, 300);
    return new ApiError({ status, reason: 'Unknown', message: text === '' ? `the server answered ${status}` : text });
  }
  return apiErrorFromStatus(parsed, status);
}

/** Converts a `metav1.Status` object. */
export function apiErrorFromStatus(status: Record<string, unknown>, fallbackCode = 500): ApiError {
  const { code, reason, message, details } = status;
  return new ApiError({
    status: typeof code === 'number' ? code : fallbackCode,
    reason: typeof reason === 'string' ? reason : 'Unknown',
    message: typeof message === 'string' ? message : 'unknown failure',
    ...(isRecord(details) ? { details } : {}),
  });
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** A stale resourceVersion, or a field manager conflict. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason === 'Conflict';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'AlreadyExists';
}

/** The watch's or list's resourceVersion is gone: list again. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired');
}

/** The request itself is wrong: trying again cannot help. */
export function isInvalid(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 422 || error.status === 400);
}
