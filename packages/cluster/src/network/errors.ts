/** Failures of the cluster network, with the codes programs know from the system. */

/** ENOTFOUND: no such name. ECONNREFUSED: no endpoint, or nobody listens. ETIMEDOUT: no answer in time. */
export type DialErrorCode = 'ENOTFOUND' | 'ECONNREFUSED' | 'ETIMEDOUT';

/** Thrown by the dialer; `code` is what a system call would have said. */
export class DialError extends Error {
  override readonly name = 'DialError';
  readonly code: DialErrorCode;
  readonly syscall: string;

  constructor(code: DialErrorCode, host: string, port: number, because: string) {
    super(
      code === 'ENOTFOUND'
        ? `getaddrinfo ENOTFOUND ${host}: ${because}`
        : `connect ${code} ${host}:${port}: ${because}`,
    );
    this.code = code;
    this.syscall = code === 'ENOTFOUND' ? 'getaddrinfo' : 'connect';
  }
}
