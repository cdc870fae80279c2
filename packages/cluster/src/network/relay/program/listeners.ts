/** A listener for each address and port pods may connect to, and the rule that lets its packets get there. */

import type { Server } from 'node:net';
import type { Opening, RelayPart } from './toolkit.ts';

/**
 * Every address of the world is local to the relay's namespace (a `local` route for 0.0.0.0/0), so that a listener may
 * have any. Which packets get that far the routing rules say: all for cluster IPs, where what has no listener is
 * refused at once, and one rule per address and port for the rest, where others are dropped until they are known.
 */
export const listenersPart: RelayPart = (kit) => {
  const { net } = kit;
  const servers = new Map<string, Server>();
  const needsRule = ({ host }: Opening): boolean => !/^10\.9[67]\./.test(host);

  kit.keyOf = (opening) => `${opening.host} ${opening.port}`;
  kit.rule = (change, openings) => {
    const lines = openings.map(
      ({ host, port }) => `rule ${change} pref 20 to ${host}/32 ipproto tcp dport ${port} lookup local`,
    );
    return lines.length === 0 ? Promise.resolve(undefined) : kit.ip(lines);
  };

  /** True when it listens. */
  function listen(opening: Opening): Promise<boolean> {
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
    const server = net.createServer(options, (socket) => void kit.arrive(socket));
    const key = kit.keyOf(opening);
    servers.set(key, server);
    return new Promise((resolve) => {
      server.once('error', () => {
        servers.delete(key);
        resolve(false);
      });
      server.listen({ host: opening.host, port: opening.port }, () => resolve(true));
    });
  }

  kit.listen = async (openings) => {
    const fresh = openings.filter((opening) => !servers.has(kit.keyOf(opening)));
    const listening = await Promise.all(fresh.map(listen));
    const open = fresh.filter((_, index) => listening[index] === true);
    await kit.rule('add', open.filter(needsRule));
  };

  kit.unlisten = async (openings) => {
    const gone = openings.filter((opening) => servers.has(kit.keyOf(opening)));
    for (const opening of gone) {
      servers.get(kit.keyOf(opening))?.close();
      servers.delete(kit.keyOf(opening));
    }
    await kit.rule('del', gone.filter(needsRule));
  };
};
