/** The programs and system folders of the host that the process runtime builds on, found once at start. */

import { accessSync, constants, lstatSync, readlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A folder of the host that programs need when their image does not bring it. */
interface SystemFolder {
  readonly name: string;
  /** The link's target, e.g. `usr/bin` for /bin. */
  readonly link?: string;
}

export interface HostTools {
  readonly sh: string;
  /** The host's own search path, system folders last. */
  readonly path: string;
  /** Absent where the system has no namespaces. */
  readonly namespaces?: {
    readonly unshare: string;
    readonly mount: string;
    readonly setpriv: string;
    readonly nsenter: string;
    readonly hostname: string | undefined;
    /** Of iproute2: without it pods have no network namespaces. */
    readonly ip: string | undefined;
  };
  /** Container engines. */
  readonly engines: { readonly podman: string | undefined; readonly docker: string | undefined };
  /** util-linux `script`, which gives a command a terminal. */
  readonly script: string | undefined;
  readonly systemFolders: readonly SystemFolder[];
}

const folderNames = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'opt', 'nix', 'gnu'];

export function findHostTools(options: { path: string; platform: string }): HostTools {
  const folders = [...new Set([...options.path.split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin'])];
  const find = (name: string): string | undefined => folders.map((folder) => join(folder, name)).find(isExecutable);
  const [unshare, mount, setpriv, nsenter] = ['unshare', 'mount', 'setpriv', 'nsenter'].map(find);
  const complete =
    options.platform === 'linux' &&
    unshare !== undefined &&
    mount !== undefined &&
    setpriv !== undefined &&
    nsenter !== undefined;
  return {
    sh: find('sh') ?? '/bin/sh',
    path: folders.join(delimiter),
    ...(complete && { namespaces: { unshare, mount, setpriv, nsenter, hostname: find('hostname'), ip: find('ip') } }),
    engines: { podman: find('podman'), docker: find('docker') },
    script: options.platform === 'linux' ? find('script') : undefined,
    systemFolders: folderNames.flatMap(systemFolder),
  };
}

function systemFolder(name: string): SystemFolder[] {
  try {
    const found = lstatSync(`/${name}`);
    if (found.isSymbolicLink()) return [{ name, link: readlinkSync(`/${name}`) }];
    return found.isDirectory() ? [{ name }] : [];
  } catch {
    return [];
  }
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return lstatSync(path).isDirectory() === false;
  } catch {
    return false;
  }
}
