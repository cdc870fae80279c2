/** Failures of the image kinds, in the terms of their conditions. */

import { TowpathError } from '@towpath/kit';

/** Why an object is not ready. */
export class ImageFailure extends TowpathError {
  readonly reason: string;
  /** Nothing helps but a change of the object. */
  readonly isStalled: boolean;
  /** When it is looked at again, where that does not grow with each failure. */
  readonly afterMs: number | undefined;

  constructor(
    reason: string,
    message: string,
    options: { isStalled?: boolean; afterMs?: number; cause?: unknown } = {},
  ) {
    super('IMAGE_FAILED', message, { cause: options.cause });
    this.reason = reason;
    this.isStalled = options.isStalled ?? false;
    this.afterMs = options.afterMs;
  }
}

/** What these controllers do not do, said on the object. */
export function notSupported(members: string): ImageFailure {
  const message = `${members}: not supported by Towpath; remove it, or let Flux look after this object`;
  return new ImageFailure('NotSupported', message, { isStalled: true });
}
