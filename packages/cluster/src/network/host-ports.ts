/** Ports of the host: chosen free on first use, remembered in the data folder, used again. */

import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { codeOf, isRecord, type Logger } from '@towpath/kit';

export interface HostPorts {
  /** Listens on 127.0.0.1 for `use` (e.g. `istio-system/istio-ingressgateway:80`) and remembers the port. */
  listen(use: string, server: Server, preferred?: number): Promise<number>;
}

/** `file` holds a JSON object from use to port. An unreadable file counts as empty. */
export function createHostPorts(options: { file: string; log: Logger }): HostPorts {
  let loaded: Promise<Map<string, number>> | undefined;
  let writing: Promise<void> = Promise.resolve();
  const load = async (): Promise<Map<string, number>> => {
    try {
      const parsed: unknown = JSON.parse(await readFile(options.file, 'utf8'));
      const entries = isRecord(parsed) ? Object.entries(parsed) : [];
      return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
    } catch {
      return new Map();
    }
  };
  const save = (ports: Map<string, number>): Promise<void> => {
    writing = writing.then(async () => {
      await writeFile(`${options.file}.new`, `${JSON.stringify(Object.fromEntries(ports), undefined, 2)}\n`);
      await rename(`${options.file}.new`, options.file);
    });
    return writing;
  };
  return {
    async listen(use, server, preferred) {
      loaded ??= load();
      const ports = await loaded;
      for (const port of [ports.get(use), preferred, 0]) {
        if (port === undefined) continue;
        const bound = await tryListen(server, port);
        if (bound === undefined) {
          options.log.warn('a remembered port is taken, another is chosen', { use, port });
          continue;
        }
        if (ports.get(use) !== bound) {
          ports.set(use, bound);
          await save(ports);
        }
        return bound;
      }
      throw new Error(`no free port on 127.0.0.1 for ${use}`);
    },
  };
}

/** The port bound; undefined when it is taken or not permitted. */
function tryListen(server: Server, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      server.off('listening', listening);
      if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES') resolve(undefined);
      else reject(error);
    };
    const listening = (): void => {
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(port, '127.0.0.1');
  });
}
