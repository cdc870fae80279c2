/** What the program is told about its machine. */

import type { PreloadPart } from './toolkit.ts';

/** The pod's name and address. */
export const processPart: PreloadPart = (kit) => {
  const { os, settings } = kit;
  os.hostname = Object.assign(() => settings.pod, os.hostname);
  os.networkInterfaces = () => {
    const loopback = { address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4' as const, mac: '00:00:00:00:00:00' };
    const pod = { address: settings.ip, netmask: '255.255.255.0', family: 'IPv4' as const, mac: '0a:00:00:00:00:01' };
    return {
      lo: [{ ...loopback, internal: true, cidr: '127.0.0.1/8' }],
      eth0: [{ ...pod, internal: false, cidr: `${settings.ip}/24` }],
    };
  };
};
