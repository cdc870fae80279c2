/** The process runtime, second level: plain child processes, image paths mapped into a folder of the container. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, lstat, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Writable } from 'node:stream';
import { StartError } from '../errors.ts';
import { resolveInside } from '../images/unpack.ts';
import { runCommand, spawned, watchChild } from './child.ts';
import { sendSignal, startTimeOf, treeUsage } from './proc.ts';
import { isNodeProgram, nodeFlags, notCaptured, preloadSettings, withPreload } from './program.ts';
import type { ContainerPlan, Output, RunningContainer, RuntimeKind } from './runtime.ts';

export interface PlainDeps {
  readonly sh: string;
  readonly script: string | undefined;
  readonly runDir: string;
  readonly preload: string;
  readonly node: string;
  /** Set where the kernel can end a whole tree: `setpriv … unshare …` before a command. */
  readonly treePrefix: readonly string[];
  /** The host's search path. */
  readonly path: string;
}

/**
 * Reads file descriptor 3 to its end, then kills the process group: when Towpath dies, and when the program ended
 * and left others behind. The program itself never sees the descriptor.
 */
const lifelineScript = '( exec </dev/null >/dev/null 2>&1; read -r line <&3; kill -9 -$$ ) & exec 3<&-; exec "$@"';

export function createPlainRuntime(deps: PlainDeps): RuntimeKind {
  return { start: (plan, output) => start(deps, plan, output) };
}

/** For the reserved image whose containers are the host's shell and tools; their folder is `work`. */
export function createHostShellRuntime(deps: PlainDeps): RuntimeKind {
  return {
    async start(plan, output) {
      const cwd = join(plan.dir, 'work');
      await mkdir(cwd, { recursive: true });
      const map = mapper(plan, undefined);
      const env = mapEnv(plan.env, map);
      const command = plan.command.length === 0 ? [deps.sh] : plan.command.map(map);
      return launch(deps, { plan, command, cwd, env, prefix: deps.treePrefix }, output);
    },
  };
}

async function start(deps: PlainDeps, plan: ContainerPlan, output: Output): Promise<RunningContainer> {
  if (plan.image === undefined) throw new StartError('CreateContainerError', 'a process container needs an image');
  const rootfs = join(plan.dir, 'rootfs');
  await cp(plan.image.rootfs, rootfs, { recursive: true, verbatimSymlinks: true, mode: 2 });
  for (const mount of plan.mounts) await linkMount(rootfs, mount);
  const map = mapper(plan, rootfs);
  const [program = '', ...args] = plan.command;
  const isNode = isNodeProgram(plan);
  const command = isNode
    ? [deps.node, ...nodeFlags(plan.memoryLimitBytes), ...args.map(map)]
    : [map(program), ...args.map(map)];
  const cwd = join(rootfs, await resolveInside(rootfs, plan.workingDir));
  await mkdir(cwd, { recursive: true });
  const mapped = mapEnv(plan.env, map);
  const path = [dirname(deps.node), mapped['PATH'] ?? '', deps.path].filter(Boolean).join(':');
  const settings = preloadSettings(plan, deps.runDir);
  const env = withPreload({ ...mapped, PATH: path }, { preload: deps.preload, settings });
  const running = await launch(deps, { plan, command, cwd, env, prefix: [] }, output);
  return isNode ? running : { ...running, limitation: notCaptured(plan.name) };
}

interface Launch {
  readonly plan: ContainerPlan;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly prefix: readonly string[];
}

async function launch(deps: PlainDeps, launch: Launch, output: Output): Promise<RunningContainer> {
  const { plan, command, cwd, env } = launch;
  const words = [...launch.prefix, deps.sh, '-c', lifelineScript, deps.sh, ...command];
  const child = spawn(words[0] ?? deps.sh, words.slice(1), {
    cwd,
    env,
    detached: true,
    stdio: [plan.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const lifeline = child.stdio[3] as Writable;
  lifeline.on('error', () => {});
  child.on('exit', () => lifeline.destroy());
  const exited = watchChild(child, output);
  await spawned(child);
  child.stdin?.on('error', () => {});
  const pid = child.pid ?? 0;
  return {
    exited,
    signal(signal) {
      // The group holds what the program started, too; a tree in a namespace of its own ends with its first process.
      if (!sendSignal(-pid, signal)) sendSignal(pid, signal);
    },
    exec: (words, terminal) => runCommand(words, { cwd, env, script: deps.script }, terminal),
    stdin: child.stdin ?? undefined,
    process: { pid, startTime: startTimeOf(pid) },
    usage: () => treeUsage(pid),
  };
}

/** A link in the container's copy of the image leads to the volume. */
async function linkMount(rootfs: string, mount: ContainerPlan['mounts'][number]): Promise<void> {
  const target = join(rootfs, await resolveInside(rootfs, mount.mountPath));
  await mkdir(dirname(target), { recursive: true });
  if ((await lstat(target).catch(() => undefined)) !== undefined) await rm(target, { recursive: true, force: true });
  await symlink(mount.hostPath, target);
}

/** Rewrites a word that names a volume's path, or an absolute path of the image. */
function mapper(plan: ContainerPlan, rootfs: string | undefined): (word: string) => string {
  const mounts = plan.mounts.toSorted((left, right) => right.mountPath.length - left.mountPath.length);
  return (word) => {
    for (const { mountPath, hostPath } of mounts) {
      if (word === mountPath) return hostPath;
      if (word.startsWith(`${mountPath}/`)) return hostPath + word.slice(mountPath.length);
    }
    const inImage = rootfs !== undefined && isAbsolute(word) && existsSync(join(rootfs, word));
    return inImage ? join(rootfs, word) : word;
  };
}

function mapEnv(env: Readonly<Record<string, string>>, map: (word: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, name === 'PATH' ? value : map(value)]));
}
