/** Why a container does not start, with the reasons the kubelet shows. */

/** `reason` becomes `state.waiting.reason`; `eventReason` the event's, when one is written. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly reason: string;

  constructor(reason: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
  }
}

/** Something a container refers to is missing or cannot be read. */
export function configError(message: string): StartError {
  return new StartError('CreateContainerConfigError', message);
}
