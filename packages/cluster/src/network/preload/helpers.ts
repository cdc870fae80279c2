/** Small things the other parts share. */

import type { ConnectTarget, PreloadPart } from './toolkit.ts';

/** Sets the toolkit's pure functions. */
export const helpersPart: PreloadPart = (kit) => {
  const { settings } = kit;

  kit.isLoopback = (host) =>
    host === 'localhost' ||
    host === '::1' ||
    host === '::' ||
    host === '0.0.0.0' ||
    host === settings.ip ||
    host === settings.pod ||
    /^(::ffff:)?127\./.test(host);

  kit.failure = (call, options) => {
    const { code, host, port } = options;
    const where = port === undefined ? host : `${host}:${port}`;
    const numbers: Record<string, number> = { ECONNREFUSED: -111, ETIMEDOUT: -110, ENOTFOUND: -3008, EADDRINUSE: -98 };
    return Object.assign(
      new Error(call === 'listen' ? `${call} ${code}: address already in use ${where}` : `${call} ${code} ${where}`),
      {
        errno: numbers[code] ?? -1,
        code,
        syscall: call,
        ...(call === 'getaddrinfo' ? { hostname: host } : { address: host, port }),
      },
    );
  };

  kit.targetOf = (args) => {
    const [first, second] = args;
    if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
      return { port: first, ...(typeof second === 'string' && { host: second }) };
    }
    if (typeof first !== 'object' || first === null) return undefined;
    const target = first as ConnectTarget;
    return typeof target.path === 'string' ? undefined : target;
  };

  kit.listenTargetOf = (args) => {
    const [first, second] = args;
    if (first === undefined || first === null || typeof first === 'function') return {};
    if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
      return { port: first, ...(typeof second === 'string' && { host: second }) };
    }
    if (typeof first !== 'object') return undefined;
    const options = first as ConnectTarget;
    const named = options.path !== undefined || options['fd'] !== undefined;
    if (named || '_handle' in options || typeof options['readStart'] === 'function') return undefined;
    return 'port' in options ? options : undefined;
  };

  kit.showEnds = (socket, ends) => {
    for (const [name, value] of Object.entries({ ...ends, remoteFamily: 'IPv4' })) {
      Object.defineProperty(socket, name, { configurable: true, value });
    }
  };
};
