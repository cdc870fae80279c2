/** The preload's line to the dialer: questions with answers, and the lifeline of the program. */

import type { Socket } from 'node:net';
import type { ControlAnswer, PreloadPart } from './toolkit.ts';

interface Handle {
  close(): void;
}
type WithHandle = Socket & { _handle?: Handle | null };

/**
 * Opens one connection per process (and worker thread): the first line is the pod's token, then one JSON line per
 * question. When it ends Towpath is gone, and the program ends with it.
 */
export const controlPart: PreloadPart = (kit) => {
  const { settings, net } = kit;
  const waiting = new Map<number, (answer: ControlAnswer) => void>();
  let lastId = 0;
  let rest = '';

  const channel: Socket = new net.Socket();
  channel.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer = JSON.parse(line) as ControlAnswer;
      const settle = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (waiting.size === 0) channel.unref();
      settle?.(answer);
    }
  });
  channel.on('error', () => {});
  // The first process of a pid namespace cannot kill itself with a signal.
  channel.on('close', () => (process.pid === 1 ? process.exit(137) : process.kill(process.pid, 'SIGKILL')));
  kit.connect.call(channel, { path: `${settings.run}/d.sock` });
  channel.write(`${JSON.stringify({ token: settings.token })}\n`);
  channel.unref();

  // The class of pipe handles, taken from a pipe: there is no other public way to it.
  const Pipe = (channel as WithHandle)._handle?.constructor as (new (kind: number) => Handle) | undefined;
  const held = new WeakSet<Socket>();
  kit.holdPlace = (socket: WithHandle) => {
    if (Pipe === undefined || socket._handle) return;
    socket._handle = new Pipe(0);
    held.add(socket);
  };
  kit.leavePlace = (socket: WithHandle) => {
    if (!held.delete(socket) || !socket._handle) return;
    socket._handle.close();
    socket._handle = null;
  };

  kit.ask = (request) =>
    new Promise((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      channel.ref();
      channel.write(`${JSON.stringify({ id, ...request })}\n`);
    });
};
