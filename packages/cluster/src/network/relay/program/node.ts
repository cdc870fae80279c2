/** The relay as a node of the network: pods attached to it, connections into them, and the name server. */

import type { RelayPart } from './toolkit.ts';

export const nodePart: RelayPart = (kit) => {
  const { net, dgram, settings, pods } = kit;
  const gateways = new Set<string>();
  let links = 0;

  kit.onCommand = (command) => {
    if (command.op === 'openings') void kit.setOpenings(command.openings);
    else if (command.op === 'detach') pods.delete(command.podIP);
    else if (command.op === 'attach') {
      const { id, podIP, gateway, pid } = command;
      const link = `v${++links}`;
      const lines = [
        `link add ${link} type veth peer name eth0 netns ${pid}`,
        `link set ${link} up`,
        `route replace ${podIP}/32 dev ${link} src ${gateway}`,
      ];
      if (!gateways.has(gateway)) {
        lines.unshift(`addr replace ${gateway}/32 dev lo`, `rule add pref 10 to ${gateway}/32 lookup local`);
        gateways.add(gateway);
      }
      pods.set(podIP, { podIP, gateway, pid });
      void kit.ip(lines).then((error) => {
        kit.send({ op: 'attached', id, ...(error !== undefined && { error }) });
      });
    }
  };

  // `IP PORT`, answered by `ok` or a code, then the connection's own bytes.
  const inbound = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (chunk) => {
      socket.pause();
      const text = chunk.toString('latin1');
      const end = text.indexOf('\n');
      const [host = '', port = ''] = text.slice(0, end).split(' ');
      if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1));
      const program = net.connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
      const failed = (error: NodeJS.ErrnoException): void => void socket.end(`${error.code ?? 'ECONNREFUSED'}\n`);
      program.once('error', failed);
      program.once('connect', () => {
        program.off('error', failed);
        socket.write('ok\n');
        kit.join(socket, program);
      });
    });
  });

  const names = dgram.createSocket('udp4');
  names.on('error', () => {});
  names.on('message', (packet, { address, port }) => {
    void (async () => {
      const answer = await kit.ask({ op: 'names', from: address, packet: packet.toString('base64') });
      if (answer.packet === undefined) return;
      const ports = [80, 443, ...kit.outsidePorts];
      const openings = (answer.outside ?? []).flatMap((host) => ports.map((one) => ({ host, port: one })));
      if (openings.length > 0) await kit.addOpenings(openings);
      names.send(Buffer.from(answer.packet, 'base64'), port, address);
    })();
  });

  kit.fs.rmSync(`${settings.run}/r.sock`, { force: true });
  inbound.listen(`${settings.run}/r.sock`, () => {
    names.bind(53, settings.nameServer, () => kit.send({ op: 'ready' }));
  });
};
