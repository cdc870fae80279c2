/** Failures of a source, in the terms of its conditions. */

import { TowpathError } from '@towpath/kit';

export const sourcesErrorCodes = ['SOURCE_FAILED', 'FLAG_UNKNOWN'] as const;

/** Which condition says it. */
export type FailureCondition = 'FetchFailed' | 'BuildFailed' | 'StorageOperationFailed' | 'IncludeUnavailable';

/** Why a source has no new artifact. Source: source-controller, internal/error. */
export class SourceFailure extends TowpathError {
  readonly condition: FailureCondition;
  readonly reason: string;
  /** Nothing helps but a change of the object. */
  readonly isStalled: boolean;
  /** Something else has to come first: told as an event that is no warning. */
  readonly isWaiting: boolean;
  /** Members of the status that tell what was looked at. */
  readonly observed: Readonly<Record<string, unknown>>;

  constructor(
    reason: string,
    message: string,
    options: {
      condition?: FailureCondition;
      isStalled?: boolean;
      isWaiting?: boolean;
      observed?: Readonly<Record<string, unknown>>;
      cause?: unknown;
    } = {},
  ) {
    super('SOURCE_FAILED', message, { cause: options.cause });
    this.reason = reason;
    this.condition = options.condition ?? 'FetchFailed';
    this.isStalled = options.isStalled ?? false;
    this.isWaiting = options.isWaiting ?? false;
    this.observed = options.observed ?? {};
  }
}
