/** `listen(port)` becomes a Unix socket of the pod; the address shown is the pod's. */

import type { AddressInfo, Server } from 'node:net';
import type { PreloadPart } from './toolkit.ts';

type Method = (this: Server, ...args: unknown[]) => Server;

/** Ports open to the pod alone (bound to loopback) get the prefix `l`. */
export const listenPart: PreloadPart = (kit) => {
  const { net, settings, folder } = kit;
  const original = Reflect.get(net.Server.prototype, 'listen') as Method;

  const listen = function (this: Server, ...args: unknown[]): Server {
    const callback = args.find((arg): arg is () => void => typeof arg === 'function');
    const options = kit.listenTargetOf(args);
    if (options === undefined) return original.apply(this, args);
    const { port: asked, host, ...others } = options;
    const port = Number(asked ?? 0) === 0 ? freePort() : Number(asked);
    if (!(port >= 0 && port < 65536)) return original.apply(this, args);
    const own =
      host !== undefined && host !== '0.0.0.0' && host !== '::' && host !== settings.ip && kit.isLoopback(host);
    const path = `${folder}/${own ? 'l' : ''}${port}.sock`;
    showAddress(this, { port, host: own ? host : settings.ip });
    const start = (): Server => original.call(this, { ...others, path }, ...(callback === undefined ? [] : [callback]));
    if (!kit.exists(path)) return start();
    replaceStale(this, { path, port, start });
    return this;
  };
  net.Server.prototype.listen = listen as typeof net.Server.prototype.listen;

  function freePort(): number {
    for (let port = 32768; ; port++) {
      if (!kit.exists(`${folder}/${port}.sock`) && !kit.exists(`${folder}/l${port}.sock`)) return port;
    }
  }

  // The dialer stands between the two ends, as the node's gateway does where addresses are translated.
  const remoteAddress = settings.ip.replace(/\d+$/, '1');
  let remotePort = 32768;

  function showAddress(server: Server, shown: { port: number; host: string }): void {
    server.prependListener('connection', (socket) => {
      const local = { localAddress: shown.host, localPort: shown.port };
      kit.showEnds(socket, { remoteAddress, remotePort: remotePort++, ...local });
    });
    const own = Reflect.get(server, 'address') as () => AddressInfo;
    server.address = () => {
      if (!server.listening) return own.call(server);
      const info: AddressInfo = {
        address: shown.host,
        family: shown.host.includes(':') ? 'IPv6' : 'IPv4',
        port: shown.port,
      };
      return info;
    };
  }

  /** A socket file whose program is gone is removed; a live one means that the port is taken. */
  function replaceStale(server: Server, options: { path: string; port: number; start: () => void }): void {
    const probe = new net.Socket();
    probe.on('connect', () => {
      probe.destroy();
      server.emit('error', kit.failure('listen', { code: 'EADDRINUSE', host: settings.ip, port: options.port }));
    });
    probe.on('error', () => {
      kit.unlink(options.path);
      options.start();
    });
    kit.connect.call(probe, { path: options.path });
  }
};
