/** `connect(host, port)` asks the dialer where to go. */

import type { Socket } from 'node:net';
import type { ConnectTarget, ControlAnswer, PreloadPart } from './toolkit.ts';

/** The answer is a Unix socket that is already joined to the destination, so that Node's own code does the rest. */
export const connectPart: PreloadPart = (kit) => {
  const { net, settings, folder } = kit;
  let localPort = 32768;

  const connect = function (this: Socket, ...args: unknown[]): Socket {
    const list = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
    const callback = list.find((arg): arg is () => void => typeof arg === 'function');
    const target = kit.targetOf(list);
    const port = Number(target?.port);
    // A socket that has its handle already cannot be led elsewhere.
    if ((this as { _handle?: unknown })._handle) return kit.connect.apply(this, args);
    if (target === undefined || !(port > 0 && port < 65536)) return kit.connect.apply(this, args);
    const host = target.host ?? 'localhost';
    if (!kit.isLoopback(host)) {
      if (callback !== undefined) this.once('connect', callback);
      Object.assign(this, { connecting: true });
      if (!kit.isForTls) kit.holdPlace(this);
      void kit.ask({ op: 'connect', host, port }).then((answer) => follow(this, target, answer));
      return this;
    }
    const path = [`${folder}/${port}.sock`, `${folder}/l${port}.sock`].find((file) => kit.exists(file));
    if (path === undefined && settings.hostLoopback) return kit.connect.apply(this, args);
    if (callback !== undefined) this.once('connect', callback);
    return join(this, target, { path: path ?? `${folder}/${port}.sock`, shown: net.isIP(host) ? host : '127.0.0.1' });
  };
  net.Socket.prototype.connect = connect as typeof net.Socket.prototype.connect;

  function follow(socket: Socket, target: ConnectTarget, answer: ControlAnswer): void {
    if (socket.destroyed) return;
    kit.leavePlace(socket);
    const host = target.host ?? 'localhost';
    if (answer.code !== undefined) {
      const call = answer.code === 'ENOTFOUND' ? 'getaddrinfo' : 'connect';
      Object.assign(socket, { connecting: false });
      const port = call === 'connect' ? { port: Number(target.port) } : {};
      socket.destroy(kit.failure(call, { code: answer.code, host, ...port }));
    } else if (answer.path === undefined) {
      kit.connect.call(socket, { ...target, host: answer.name ?? host });
    } else {
      const shown = answer.addresses?.[0] ?? host;
      if (!net.isIP(host)) socket.emit('lookup', null, shown, 4, host);
      join(socket, target, { path: `${settings.run}/${answer.path}`, shown });
    }
  }

  /** Connects by path; a failure shows the address the program asked for. */
  function join(socket: Socket, target: ConnectTarget, to: { path: string; shown: string }): Socket {
    const { host = 'localhost', port, lookup: _, ...others } = target;
    const remotePort = Number(port);
    const ends = { remoteAddress: to.shown, remotePort, localAddress: settings.ip, localPort: localPort++ };
    kit.showEnds(socket, ends);
    const destroy = socket.destroy.bind(socket);
    const restore = (): void => void Reflect.deleteProperty(socket, 'destroy');
    socket.destroy = (error?: Error) => {
      restore();
      const failed = socket.connecting && error !== undefined && 'code' in error && 'syscall' in error;
      return destroy(failed ? kit.failure('connect', { code: 'ECONNREFUSED', host, port: remotePort }) : error);
    };
    socket.once('connect', restore);
    return kit.connect.call(socket, { ...others, path: to.path });
  }
};
