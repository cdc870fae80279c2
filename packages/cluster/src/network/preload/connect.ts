/** `connect(host, port)` asks the dialer where to go, for plain and for TLS sockets. */

import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { ControlAnswer, PreloadPart } from './toolkit.ts';

interface ConnectOptions {
  port?: number | string;
  host?: string;
  path?: string;
  [member: string]: unknown;
}

/** The answer is a Unix socket that is already joined to the destination, so that Node's own code does the rest. */
export const connectPart: PreloadPart = (kit) => {
  const { net, tls, settings, folder } = kit;
  // A TLS socket binds to the handle it finds, so that a place holder must not be there.
  let forTls = false;
  let localPort = 32768;

  const connect = function (this: Socket, ...args: unknown[]): Socket {
    const list = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
    const callback = list.find((arg): arg is () => void => typeof arg === 'function');
    const options = optionsOf(list);
    const port = Number(options?.port);
    // A socket that has its handle already cannot be led elsewhere.
    if ((this as { _handle?: unknown })._handle) return kit.connect.apply(this, args);
    if (options === undefined || !(port > 0 && port < 65536)) return kit.connect.apply(this, args);
    const host = options.host ?? 'localhost';
    if (!kit.isLoopback(host)) {
      if (callback !== undefined) this.once('connect', callback);
      Object.assign(this, { connecting: true });
      if (!forTls) kit.holdPlace(this);
      void kit.ask({ op: 'connect', host, port }).then((answer) => follow(this, options, answer));
      return this;
    }
    const path = [`${folder}/${port}.sock`, `${folder}/l${port}.sock`].find((file) => kit.exists(file));
    if (path === undefined && settings.hostLoopback) return kit.connect.apply(this, args);
    if (callback !== undefined) this.once('connect', callback);
    show(this, { host: kit.isLoopback(host) && !/^\d/.test(host) ? '127.0.0.1' : host, port });
    return join(this, options, path ?? `${folder}/${port}.sock`);
  };
  net.Socket.prototype.connect = connect as typeof net.Socket.prototype.connect;

  const secure = tls.connect as (...args: unknown[]) => TLSSocket;
  const secureConnect = (...args: unknown[]): TLSSocket => {
    const callback = args.find((arg): arg is () => void => typeof arg === 'function');
    const extra = args.find((arg, index) => index > 0 && typeof arg === 'object' && arg !== null);
    const named = optionsOf(args);
    const options = { ...named, ...(extra as ConnectOptions | undefined) } as ConnectOptions & ConnectionOptions;
    if (named === undefined || options.socket || typeof options.path === 'string') return secure(...args);
    const { timeout, signal } = options as { timeout?: number; signal?: AbortSignal };
    forTls = true;
    const socket = net.connect({
      host: options.host ?? 'localhost',
      port: Number(options.port),
      ...(timeout !== undefined && { timeout }),
      ...(signal !== undefined && { signal }),
    });
    forTls = false;
    return secure({ ...options, socket }, ...(callback === undefined ? [] : [callback]));
  };
  tls.connect = secureConnect as typeof tls.connect;

  function optionsOf(list: unknown[]): ConnectOptions | undefined {
    const [first, second] = list;
    if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
      return { port: first, ...(typeof second === 'string' && { host: second }) };
    }
    if (typeof first !== 'object' || first === null) return undefined;
    const options = first as ConnectOptions;
    return typeof options.path === 'string' ? undefined : options;
  }

  function follow(socket: Socket, options: ConnectOptions, answer: ControlAnswer): void {
    if (socket.destroyed) return;
    kit.leavePlace(socket);
    const host = options.host ?? 'localhost';
    const port = Number(options.port);
    if (answer.code !== undefined) {
      const call = answer.code === 'ENOTFOUND' ? 'getaddrinfo' : 'connect';
      Object.assign(socket, { connecting: false });
      socket.destroy(kit.failure(call, { code: answer.code, host, ...(call === 'connect' && { port }) }));
    } else if (answer.path === undefined) {
      kit.connect.call(socket, { ...options, host: answer.name ?? host });
    } else {
      const address = answer.addresses?.[0] ?? host;
      show(socket, { host: address, port });
      if (!net.isIP(host)) socket.emit('lookup', null, address, 4, host);
      join(socket, options, `${settings.run}/${answer.path}`);
    }
  }

  /** Connects by path; a failure shows the address the program asked for. */
  function join(socket: Socket, options: ConnectOptions, path: string): Socket {
    const { host = 'localhost', port, lookup: _, ...others } = options;
    const destroy = socket.destroy.bind(socket);
    const restore = (): void => {
      Reflect.deleteProperty(socket, 'destroy');
    };
    socket.destroy = (error?: Error) => {
      restore();
      const failed = socket.connecting && error !== undefined && 'code' in error && 'syscall' in error;
      return destroy(failed ? kit.failure('connect', { code: 'ECONNREFUSED', host, port: Number(port) }) : error);
    };
    socket.once('connect', restore);
    return kit.connect.call(socket, { ...others, path });
  }

  function show(socket: Socket, remote: { host: string; port: number }): void {
    const shown = {
      remoteAddress: remote.host,
      remotePort: remote.port,
      remoteFamily: 'IPv4',
      localAddress: settings.ip,
      localPort: localPort++,
    };
    for (const [name, value] of Object.entries(shown))
      Object.defineProperty(socket, name, { configurable: true, value });
  }
};
