/** Where pods may connect to: a listener for each address and port, and the rules that let packets get there. */

import type { Server } from 'node:net';
import type { Opening, RelayPart } from './toolkit.ts';

/**
 * Every address of the world is local to the relay's namespace (a `local` route for 0.0.0.0/0), so that a listener may
 * have any. Which packets get that far the routing rules say: all for cluster IPs, where what has no listener is
 * refused at once, and one rule per address and port for the rest, where others are dropped until they are known.
 */
export const openingsPart: RelayPart = (kit) => {
  const { net } = kit;
  /** Met on the way and kept; each is one listener and one rule. */
  const maxMet = 512;
  const refuseMs = 3_000;
  interface Open {
    readonly server: Server;
    /** Said by Towpath, not met on the way. */
    known: boolean;
  }
  const open = new Map<string, Open>();
  const refused = new Set<string>();

  const keyOf = (opening: Opening): string => `${opening.host} ${opening.port}`;
  const openingOf = (key: string): Opening => {
    const [host = '', port = ''] = key.split(' ');
    return { host, port: Number(port) };
  };
  const ruleOf = ({ host, port }: Opening): string => `pref 20 to ${host}/32 ipproto tcp dport ${port} lookup local`;
  const needsRule = ({ host }: Opening): boolean => !/^10\.9[67]\./.test(host);

  kit.isOpen = (opening) => open.has(keyOf(opening)) || refused.has(keyOf(opening));

  /** True when it listens. */
  function listen(opening: Opening, known: boolean): Promise<boolean> {
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
    const server = net.createServer(options, (socket) => void kit.arrive(socket));
    const key = keyOf(opening);
    open.set(key, { server, known });
    return new Promise((resolve) => {
      server.once('error', () => {
        open.delete(key);
        resolve(false);
      });
      server.listen({ host: opening.host, port: opening.port }, () => resolve(true));
    });
  }

  async function make(openings: readonly Opening[], known: boolean): Promise<void> {
    const fresh = openings.filter((opening) => {
      const present = open.get(keyOf(opening));
      if (present !== undefined && known) present.known = true;
      return present === undefined;
    });
    const listening = await Promise.all(fresh.map((opening) => listen(opening, known)));
    const rules = fresh.filter((opening, index) => listening[index] === true && needsRule(opening));
    if (rules.length > 0) await kit.ip(rules.map((opening) => `rule add ${ruleOf(opening)}`));
  }

  async function drop(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      open.get(key)?.server.close();
      open.delete(key);
    }
    const rules = keys.map(openingOf).filter(needsRule);
    if (rules.length > 0) await kit.ip(rules.map((opening) => `rule del ${ruleOf(opening)}`));
  }

  // One after another, so that a rule is not taken away before it is there.
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => (turn = turn.then(work));

  kit.setOpenings = (openings) => inTurn(() => setAll(openings));
  kit.addOpenings = (openings) => inTurn(() => add(openings));

  async function setAll(openings: readonly Opening[]): Promise<void> {
    const wanted = new Set(openings.map(keyOf));
    await drop([...open].filter(([key, { known }]) => known && !wanted.has(key)).map(([key]) => key));
    await make(openings, true);
  }

  async function add(openings: readonly Opening[]): Promise<void> {
    await make(openings, false);
    const met = [...open].filter(([, { known }]) => !known).map(([key]) => key);
    await drop(met.slice(0, Math.max(0, met.length - maxMet)));
  }

  kit.refuse = async (opening) => {
    const key = keyOf(opening);
    if (kit.isOpen(opening)) return;
    refused.add(key);
    setTimeout(() => {
      refused.delete(key);
      void kit.ip([`rule del ${ruleOf(opening)}`]);
    }, refuseMs);
    await kit.ip([`rule add ${ruleOf(opening)}`]);
  };
};
