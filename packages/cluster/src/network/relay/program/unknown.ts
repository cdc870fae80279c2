/** Connections to addresses and ports nobody has named yet. */

import type { RelayPart } from './toolkit.ts';

/**
 * Their first packet is dropped, the system sends it again after a second, and until then the destination has a
 * listener: the kernel counts what it drops, and the pod's own table of sockets names who waits for an answer.
 */
export const unknownPart: RelayPart = (kit) => {
  const { fs } = kit;
  const lookMs = 200;
  const maxPorts = 16;
  const busy = new Set<string>();
  let droppedBefore = 0;

  /** Packets this namespace had no way for. One small file, whatever the number of pods. */
  function dropped(): number {
    const lines = fs
      .readFileSync('/proc/self/net/snmp', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('Ip: '));
    const [names = [], values = []] = lines.map((line) => line.split(' '));
    return ['InAddrErrors', 'InNoRoutes', 'InDiscards'].reduce(
      (sum, name) => sum + Number(values[names.indexOf(name)] ?? 0),
      0,
    );
  }

  /** `0707F40A:270F`, the address in the byte order of the machine. Source: Linux, net/ipv4/tcp_ipv4.c. */
  function addressOf(text: string): { host: string; port: number } {
    const [address = '', port = ''] = text.split(':');
    const bytes = address.match(/../g) ?? [];
    const ordered = kit.littleEndian ? bytes.toReversed() : bytes;
    return { host: ordered.map((byte) => parseInt(byte, 16)).join('.'), port: parseInt(port, 16) };
  }

  function look(): void {
    if (kit.pods.size === 0) return;
    const now = dropped();
    if (now === droppedBefore && busy.size === 0) return;
    droppedBefore = now;
    for (const { podIP, pid } of kit.pods.values()) {
      let table: string;
      try {
        table = fs.readFileSync(`/proc/${pid}/net/tcp`, 'utf8');
      } catch {
        continue;
      }
      for (const line of table.split('\n').slice(1)) {
        const [, local = '', remote = '', state] = line.trim().split(/\s+/);
        // 02 is SYN_SENT: no answer yet.
        if (state !== '02' || addressOf(local).host !== podIP) continue;
        void meet(podIP, addressOf(remote));
      }
    }
  }

  async function meet(from: string, to: { host: string; port: number }): Promise<void> {
    const key = `${to.host} ${to.port}`;
    if (busy.has(key) || kit.isOpen(to)) return;
    busy.add(key);
    const question = { op: 'connect' as const, from, ...to };
    const answer = await kit.ask(question);
    if (answer.path !== undefined) {
      kit.hold(question, answer);
      if (!to.host.startsWith('10.244.')) kit.outsidePorts.add(to.port);
      if (kit.outsidePorts.size > maxPorts)
        for (const first of kit.outsidePorts) {
          kit.outsidePorts.delete(first);
          break;
        }
      await kit.addOpenings([to]);
    } else if (answer.code === 'ECONNREFUSED') await kit.refuse(to);
    busy.delete(key);
  }

  setInterval(look, lookMs);
};
