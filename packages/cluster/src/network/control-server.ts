/** The dialer's Unix socket for pod programs: one channel per process, one JSON line per question. */

import { mkdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { background, codeOf, isRecord, messageOf, type Clock, type Logger } from '@towpath/kit';
import type { NetworkDialer } from './dialer.ts';
import { podSocket, type NetworkPod, type PodTable } from './pods.ts';
import type { ControlAnswer } from './preload/toolkit.ts';
import type { Resolver } from './resolver.ts';
import { createSlots, type Slots } from './slots.ts';
import { splice } from './splice.ts';

export interface ControlServer {
  dispose(): Promise<void>;
}

export interface ControlServerDeps {
  readonly runDir: string;
  readonly pods: PodTable;
  readonly resolver: Resolver;
  readonly dialer: NetworkDialer;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A line that is longer is no question of ours. */
const maxLineBytes = 8192;

/** Listens on `run/d.sock`. A channel that does not begin with the token of a running pod is closed. */
export async function startControlServer(deps: ControlServerDeps): Promise<ControlServer> {
  const { runDir } = deps;
  const channels = new Set<Socket>();
  await mkdir(join(runDir, 'p'), { recursive: true, mode: 0o700 });
  const path = join(runDir, 'd.sock');
  await rm(path, { force: true });
  const answerer = new Answerer(deps);
  const server = createServer((socket) => {
    channels.add(socket);
    socket.on('close', () => channels.delete(socket));
    socket.on('error', () => socket.destroy());
    answerer.serve(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    async dispose() {
      answerer.dispose();
      for (const socket of channels) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Answers questions; owns the slots it lends. */
class Answerer {
  readonly #deps: ControlServerDeps;
  readonly #slots: Slots;

  constructor(deps: ControlServerDeps) {
    this.#deps = deps;
    this.#slots = createSlots({ runDir: deps.runDir, clock: deps.clock, folder: 's' });
  }

  dispose(): void {
    this.#slots.dispose();
  }

  /** One program's channel, until it ends. */
  serve(socket: Socket): void {
    let rest = '';
    let pod: NetworkPod | undefined;
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > maxLineBytes) return void socket.destroy();
      for (const line of lines) {
        const message = parse(line);
        if (message === undefined) return void socket.destroy();
        if (pod === undefined) {
          pod = this.#deps.pods.byToken(String(message['token']));
          if (pod === undefined) {
            this.#deps.log.warn('a program without the token of a running pod asked for the network');
            return void socket.destroy();
          }
          continue;
        }
        background('answer a pod', this.#answer(pod, message, socket), this.#deps.log);
      }
    });
  }

  async #answer(pod: NetworkPod, message: Record<string, unknown>, socket: Socket): Promise<void> {
    const id = Number(message['id']);
    const host = String(message['host']);
    let reply: Omit<ControlAnswer, 'id'>;
    try {
      reply =
        message['op'] === 'lookup' ? this.#lookup(pod, host) : await this.#connect(pod, host, Number(message['port']));
    } catch (error) {
      this.#deps.log.debug('connection refused', { pod: pod.caller.pod, host, because: messageOf(error) });
      reply = { code: codeOf(error) ?? 'ECONNREFUSED' };
    }
    if (!socket.destroyed) socket.write(`${JSON.stringify({ id, ...reply })}\n`);
  }

  #lookup(pod: NetworkPod, host: string): Omit<ControlAnswer, 'id'> {
    const found = this.#deps.resolver.lookup(host, pod.caller.namespace);
    if (found.type === 'unknown') return { code: 'ENOTFOUND' };
    if (found.type === 'addresses') return { addresses: found.addresses };
    return { outside: true, ...(found.name !== host && { name: found.name }) };
  }

  async #connect(pod: NetworkPod, host: string, port: number): Promise<Omit<ControlAnswer, 'id'>> {
    const target = { host, port, caller: pod.caller };
    let passage = await this.#deps.dialer.pass(target);
    if (passage.type === 'socket') {
      if (existsSync(podSocket(this.#deps.runDir, passage.pod, passage.port))) {
        return {
          path: `p/${passage.pod.key}/${passage.port}.sock`,
          addresses: [this.#addressOf(pod, host) ?? passage.pod.ip],
        };
      }
      const stream = await this.#deps.dialer.dialPastOwnSidecar({
        ...target,
        host: passage.pod.ip,
        port: passage.port,
      });
      passage = { type: 'stream', stream, address: passage.pod.ip };
    }
    if (passage.type === 'outside') return { outside: true, ...(passage.host !== host && { name: passage.host }) };
    const { stream, address } = passage;
    const shown = this.#addressOf(pod, host) ?? address;
    const slot = await this.#slots.lend();
    slot.socket.then(
      (program) => splice(program, stream),
      () => stream.destroy(),
    );
    return { path: slot.path, ...(shown !== undefined && { addresses: [shown] }) };
  }

  /** What the program sees as the other end: the cluster IP, or nothing when a name has several addresses. */
  #addressOf(pod: NetworkPod, host: string): string | undefined {
    const found = this.#deps.resolver.lookup(host, pod.caller.namespace);
    return found.type === 'addresses' && found.addresses.length === 1 ? found.addresses[0] : undefined;
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
