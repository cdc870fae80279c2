/** System folders of the host for an image that does not bring its own. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable, type HostTools } from '../host-tools.ts';

interface SystemMount {
  readonly source: string;
  readonly target: string;
}

/** Of /etc programs need what names users, certificates and libraries; the rest is the container's own. */
const etcNames = [
  'alternatives',
  'ca-certificates',
  'group',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'nsswitch.conf',
  'passwd',
  'pki',
  'protocols',
  'services',
  'ssl',
];

/** A folder that the image has, too, is put together from the parts the image does not have. */
export function systemMounts(tools: Pick<HostTools, 'systemFolders'>, rootfs: string): SystemMount[] {
  const present = namesIn(rootfs);
  return tools.systemFolders.flatMap(({ name }) => {
    if (name !== 'etc' && !present.includes(name)) return [{ source: `/${name}`, target: `/${name}` }];
    const own = namesIn(join(rootfs, name));
    const parts = name === 'etc' ? etcNames.filter((part) => namesIn('/etc').includes(part)) : namesIn(`/${name}`);
    return parts
      .filter((part) => !own.includes(part))
      .map((part) => ({ source: `/${name}/${part}`, target: `/${name}/${part}` }));
  });
}

/** True when the image has the program where its search path says. */
export function hasProgram(rootfs: string, program: string, path: string): boolean {
  if (program.includes('/')) return isExecutable(join(rootfs, program));
  return path.split(':').some((folder) => isExecutable(join(rootfs, folder, program)));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
