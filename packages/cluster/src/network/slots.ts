/** Slots: Unix sockets kept ready, each lent to one connection of a pod's program at a time. */

import { mkdir } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '@towpath/kit';

/** A slot lent out: whoever connects to `path` next is the program that asked. */
interface LentSlot {
  /** Below the run folder, e.g. `s/7`. */
  readonly path: string;
  /** The program's connection; rejects when it does not come in time. */
  readonly socket: Promise<Socket>;
}

export interface Slots {
  lend(): Promise<LentSlot>;
  dispose(): void;
}

interface Slot {
  readonly path: string;
  readonly server: Server;
  taken: ((socket: Socket) => void) | undefined;
}

/** A program asked for a connection and did not open it: its slot is closed, so that a late one cannot be mistaken. */
const takeWithinMs = 10_000;

/** `folder` is below the run folder, for these slots alone. */
export function createSlots(options: { runDir: string; clock: Clock; folder: string }): Slots {
  const { runDir, clock, folder } = options;
  const free: Slot[] = [];
  const all = new Set<Slot>();
  let made = 0;
  let disposed = false;

  async function make(): Promise<Slot> {
    await mkdir(join(runDir, folder), { recursive: true });
    const path = `${folder}/${++made}`;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const slot: Slot = { path, server, taken: undefined };
    server.on('connection', (socket) => {
      const taken = slot.taken;
      slot.taken = undefined;
      if (taken === undefined) socket.destroy();
      else taken(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(join(runDir, path), resolve);
    });
    all.add(slot);
    if (disposed) close(slot);
    return slot;
  }

  function close(slot: Slot): void {
    all.delete(slot);
    slot.server.close();
  }

  return {
    async lend() {
      const slot = free.pop() ?? (await make());
      const socket = new Promise<Socket>((resolve, reject) => {
        const timer = clock.startTimer(takeWithinMs, () => {
          slot.taken = undefined;
          close(slot);
          reject(new Error(`the program did not come to slot ${slot.path}`));
        });
        slot.taken = (taken) => {
          timer.cancel();
          if (!disposed) free.push(slot);
          resolve(taken);
        };
      });
      return { path: slot.path, socket };
    },
    dispose() {
      disposed = true;
      for (const slot of all) close(slot);
      free.length = 0;
    },
  };
}
