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

/** What containerd with runc says of a program that cannot be started. */
export function startFailure(because: string): string {
  const task = 'failed to create containerd task: failed to create shim task: OCI runtime create failed';
  return `${task}: runc create failed: unable to start container process: ${because}`;
}
