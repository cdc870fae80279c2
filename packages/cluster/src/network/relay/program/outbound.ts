/** Connections of pods that have arrived: the dialer's way from there, by a slot. */

import type { Socket } from 'node:net';
import type { RelayPart } from './toolkit.ts';

/** What cannot be reached after all is reset. */
export const outboundPart: RelayPart = (kit) => {
  const { net, settings } = kit;
  const holdMs = 5_000;
  const held = new Map<string, Socket[]>();

  kit.follow = (answer) => {
    if (answer.path === undefined) return undefined;
    const socket = net.connect({ path: `${settings.run}/${answer.path}`, allowHalfOpen: true });
    socket.on('error', () => socket.destroy());
    return socket;
  };

  kit.hold = ({ from, host, port }, answer) => {
    const key = `${from} ${host} ${port}`;
    const socket = kit.follow(answer);
    if (socket === undefined) return;
    held.set(key, [...(held.get(key) ?? []), socket]);
    setTimeout(() => {
      if (take(key, socket) !== undefined) socket.destroy();
    }, holdMs).unref();
  };

  /** One of the sockets held for `key`: the wanted one, or the first. */
  function take(key: string, wanted?: Socket): Socket | undefined {
    const all = held.get(key) ?? [];
    const found = wanted === undefined ? all[0] : all.find((socket) => socket === wanted);
    const left = all.filter((socket) => socket !== found);
    if (left.length === 0) held.delete(key);
    else held.set(key, left);
    return found;
  }

  kit.arrive = async (socket) => {
    socket.on('error', () => socket.destroy());
    const from = socket.remoteAddress ?? '';
    const host = socket.localAddress ?? '';
    const port = socket.localPort ?? 0;
    const way = take(`${from} ${host} ${port}`) ?? kit.follow(await kit.ask({ op: 'connect', from, host, port }));
    if (way === undefined) socket.resetAndDestroy();
    else kit.join(socket, way);
  };
};
