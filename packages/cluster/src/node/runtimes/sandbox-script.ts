/** The shell script that makes a container's root inside fresh namespaces and becomes its program. */

import type { HostTools } from './host-tools.ts';

/** Below this folder programs find the preload, the network's sockets and the host's Node. */
export const supportDir = '/.towpath';

export interface SandboxInput {
  readonly tools: HostTools & { readonly namespaces: NonNullable<HostTools['namespaces']> };
  /** An empty folder: everything is mounted below it, inside the namespace alone. */
  readonly dir: string;
  readonly rootfs: string;
  /** Top-level names in the image that are folders. */
  readonly imageFolders: readonly string[];
  /** System folders come from the host. */
  readonly thin: boolean;
  readonly runDir: string;
  readonly preload: string;
  /** The host's Node, when the program needs it. */
  readonly node: string | undefined;
  readonly hostname: string;
  /** Files of the host, copied to /etc. */
  readonly etc: Readonly<Record<string, string>>;
  /** `target` has no links and no leading slash. */
  readonly mounts: readonly {
    readonly source: string;
    readonly target: string;
    readonly isFile: boolean;
    readonly readOnly: boolean;
  }[];
  readonly workingDir: string;
  readonly command: readonly string[];
}

/** What containers find in /dev. Source: OCI runtime-spec, default devices. */
const devices = 'full null ptmx pts random tty urandom zero fd stdin stdout stderr'.split(' ');

/** Quotes one word for sh. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Writes `ready PID` (the id outside the namespace) to file descriptor 3 just before it becomes the program;
 * what fails before that is written there instead.
 */
export function sandboxScript(input: SandboxInput): string {
  const { mount, unshare } = input.tools.namespaces;
  const root = `${input.dir}/root`;
  const at = (path: string): string => quote(`${root}/${path}`);
  const m = quote(mount);
  return [
    'set -e',
    'exec 4>&2 2>&3',
    `program_path=$PATH; PATH=${quote(input.tools.path)}`,
    'read -r pid rest < /proc/self/stat',
    `${m} -t tmpfs -o mode=755 tmpfs ${quote(input.dir)}`,
    `cd ${quote(input.dir)}`,
    'mkdir root image upper work',
    `${m} --bind ${quote(input.rootfs)} image`,
    `${m} -t overlay -o lowerdir=image,upperdir=upper,workdir=work,userxattr overlay root`,
    ...(input.thin ? systemFolders(input, m) : []),
    'mkdir -p root/proc root/dev root/sys root/etc root/tmp root/run root/var/tmp',
    'chmod 1777 root/tmp root/var/tmp',
    `${m} -t proc proc root/proc`,
    // A folder of the container's own, in which files may be made; the devices are the host's.
    `${m} -t tmpfs -o mode=755 tmpfs root/dev`,
    'mkdir -m 1777 root/dev/shm; mkdir root/dev/.host',
    `${m} --rbind /dev root/dev/.host`,
    `ln -s ${devices.map((name) => `.host/${name}`).join(' ')} root/dev/`,
    `${m} --rbind /sys root/sys`,
    ...Object.entries(input.etc).map(
      ([name, source]) => `rm -f root/etc/${name}; cp ${quote(source)} root/etc/${name}`,
    ),
    ...hostnameLine(input),
    `mkdir -p root${supportDir}/run root${supportDir}/bin`,
    `${m} --bind ${quote(input.runDir)} root${supportDir}/run`,
    `cp ${quote(input.preload)} root${supportDir}/preload.cjs`,
    ...(input.node === undefined
      ? []
      : [`: > root${supportDir}/bin/node`, `${m} --bind ${quote(input.node)} root${supportDir}/bin/node`]),
    ...input.mounts.flatMap(({ source, target, isFile, readOnly }) => [
      isFile
        ? `mkdir -p "$(dirname ${at(target)})"; [ -e ${at(target)} ] || : > ${at(target)}`
        : `mkdir -p ${at(target)}`,
      `${m} --rbind ${quote(source)} ${at(target)}`,
      // A mount with locked flags cannot be made read-only by an ordinary user; it stays writable then.
      ...(readOnly ? [`${m} -o remount,bind,ro ${at(target)} 2>/dev/null || true`] : []),
    ]),
    `mkdir -p ${at(input.workingDir.replace(/^\/+/, ''))}`,
    'echo "ready $pid" >&3',
    'PATH=$program_path; exec 2>&4 3>&- 4>&-',
    `exec ${quote(unshare)} --root=${quote(root)} --wd=${quote(input.workingDir)} -- ${input.command.map(quote).join(' ')}`,
    '',
  ].join('\n');
}

function systemFolders(input: SandboxInput, mount: string): string[] {
  return input.tools.systemFolders.flatMap(({ name, link }) => {
    const inImage = input.imageFolders.includes(name);
    if (link !== undefined && !inImage) return [`[ -e root/${name} ] || ln -s ${quote(link)} root/${name}`];
    const lower = inImage ? `image/${name}:/${name}` : `/${name}`;
    return [
      `mkdir -p root/${name} upper.${name} work.${name}`,
      `${mount} -t overlay -o lowerdir=${lower},upperdir=upper.${name},workdir=work.${name},userxattr overlay root/${name}`,
    ];
  });
}

function hostnameLine(input: SandboxInput): string[] {
  const { hostname } = input.tools.namespaces;
  return hostname === undefined ? [] : [`${quote(hostname)} ${quote(input.hostname)} || true`];
}
