/** `tls.connect(host, port)` gets its plain socket from the patched `connect`. */

import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { ConnectTarget, PreloadPart } from './toolkit.ts';

/** A TLS socket makes its own handle when it is made, too early to be led anywhere. */
export const tlsPart: PreloadPart = (kit) => {
  const { net, tls } = kit;
  const original = tls.connect as (...args: unknown[]) => TLSSocket;

  const connect = (...args: unknown[]): TLSSocket => {
    const callback = args.find((arg): arg is () => void => typeof arg === 'function');
    const extra = args.find((arg, index) => index > 0 && typeof arg === 'object' && arg !== null);
    const named = kit.targetOf(args);
    const options = { ...named, ...(extra as ConnectTarget | undefined) } as ConnectTarget & ConnectionOptions;
    if (named === undefined || options.socket || typeof options.path === 'string') return original(...args);
    const { timeout, signal } = options as { timeout?: number; signal?: AbortSignal };
    kit.isForTls = true;
    const socket = net.connect({
      host: options.host ?? 'localhost',
      port: Number(options.port),
      ...(timeout !== undefined && { timeout }),
      ...(signal !== undefined && { signal }),
    });
    kit.isForTls = false;
    return original({ ...options, socket }, ...(callback === undefined ? [] : [callback]));
  };
  tls.connect = connect as typeof tls.connect;
};
