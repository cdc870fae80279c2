/** Typed errors: a stable code, one clear sentence, and what to do next. */

/**
 * An expected failure of the world (a bad file, an absent server), as opposed to a bug.
 * The message names what failed and on which object; lower case, no full stop, no secrets.
 */
export class TowpathError extends Error {
  override readonly name = 'TowpathError';
  /** Stable, e.g. `CHART_NOT_FOUND`; declared in the package's `errors.ts`. */
  readonly code: string;
  /** What the user should do next, as a sentence without a full stop. */
  readonly next: string | undefined;
  /** The same for machines: JSON data whose shape the code decides; never a secret. */
  readonly details: object | undefined;

  constructor(code: string, message: string, options: TowpathErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.next = options.next;
    this.details = options.details;
  }
}

export interface TowpathErrorOptions {
  readonly next?: string;
  readonly details?: object;
  readonly cause?: unknown;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a thrown error: ours, or Node's (`ENOENT`), else undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** True when the error is the rejection of an aborted signal: expected at shutdown. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || codeOf(error) === 'ABORT_ERR');
}
