/** The process runtime, first level: user, mount, pid and host name namespaces with a root made for the container. */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf, type Clock } from '@towpath/kit';
import type { NetworkPod } from '../../network/pods.ts';
import type { PodNamespace } from '../../network/relay/relay.ts';
import { StartError, startFailure } from '../errors.ts';
import { resolveInside } from '../images/unpack.ts';
import { runCommand, spawned, watchChild } from './child.ts';
import { isExecutable, type HostTools } from './host-tools.ts';
import { sendSignal, startTimeOf, treeUsage } from './proc.ts';
import { hasOwnNode, isNodeProgram, nodeFlags, notCaptured, preloadSettings, withPreload } from './program.ts';
import { createDelivery } from './signals.ts';
import type { ContainerPlan, Output, RunningContainer, RuntimeKind } from './runtime.ts';
import { sandboxScript, supportDir, type SandboxInput } from './sandbox-script.ts';

export interface SandboxDeps {
  readonly clock: Clock;
  readonly tools: HostTools;
  readonly runDir: string;
  /** The preload's file on the host. */
  readonly preload: string;
  /** The host's Node. */
  readonly node: string;
  /** The host's resolv.conf, for names outside the cluster. */
  readonly resolvConf: string;
  /** Makes the network namespace of a pod; rejects with why there is none. */
  readonly isolate: (pod: NetworkPod) => Promise<PodNamespace>;
}

type Namespaces = NonNullable<HostTools['namespaces']>;

/** Undefined where the tools for namespaces are missing; `probeSandbox` tells whether they may be used. */
export function createSandboxRuntime(deps: SandboxDeps): RuntimeKind | undefined {
  const namespaces = deps.tools.namespaces;
  return namespaces === undefined ? undefined : { start: (plan, output) => start(deps, namespaces, plan, output) };
}

async function start(
  deps: SandboxDeps,
  namespaces: Namespaces,
  plan: ContainerPlan,
  output: Output,
): Promise<RunningContainer> {
  const image = plan.image;
  if (image === undefined) throw new StartError('CreateContainerError', 'a container in namespaces needs an image');
  // A Node program that is by itself needs no namespace: its preload leads its connections.
  const needsNetwork = !isNodeProgram(plan) || !plan.alone;
  let because: string | undefined;
  const inside = needsNetwork
    ? await deps.isolate(plan.network).catch((error: unknown) => void (because = messageOf(error)))
    : undefined;
  const input = await sandboxInput(deps, { namespaces, plan, image, hasNetwork: inside !== undefined });
  const settings = inside === undefined ? preloadSettings(plan, `${supportDir}/run`) : ({ signalsOnly: true } as const);
  const env = withPreload(plan.env, { preload: `${supportDir}/preload.cjs`, settings });
  if (input.node !== undefined || image.thin) env['PATH'] = `${env['PATH'] ?? ''}:${supportDir}/bin`;
  await mkdir(input.dir, { recursive: true });
  const script = join(plan.dir, 'start.sh');
  await writeFile(script, sandboxScript(input));
  const child = spawn(namespaces.setpriv, [...unshareArgs(namespaces, inside), deps.tools.sh, script], {
    env,
    cwd: plan.dir,
    detached: true,
    stdio: [plan.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = watchChild(child, output);
  await spawned(child);
  const pid = await readyPid(child.stdio[3] as Readable);
  child.stdin?.on('error', () => {});
  const delivery = createDelivery({ clock: deps.clock, pid, send: (signal) => void sendSignal(pid, signal) });
  void inside?.ended.then(() => delivery.ended() || sendSignal(pid, 'SIGKILL'));
  return {
    exited: exited.then((exit) => delivery.exit(exit)),
    signal: (signal) => delivery.deliver(signal),
    exec: (command, terminal) =>
      runCommand(
        enterArgs(namespaces, { pid, hasNetwork: inside !== undefined }, command),
        { env, script: deps.tools.script },
        terminal,
      ),
    stdin: child.stdin ?? undefined,
    process: { pid, startTime: startTimeOf(pid) },
    usage: () => treeUsage(pid),
    ...(!isNodeProgram(plan) && inside === undefined && { limitation: notCaptured(plan.name, because) }),
  };
}

/** The whole tree ends with Towpath: setpriv asks the kernel to kill unshare, unshare asks it to kill its child. */
function unshareArgs(namespaces: Namespaces, inside: PodNamespace | undefined): string[] {
  // A pod's network namespace belongs to the user namespace it was made in.
  const user =
    inside === undefined
      ? [namespaces.unshare, '--user', '--map-root-user']
      : [
          namespaces.nsenter,
          '--target',
          String(inside.pid),
          '--user',
          '--net',
          '--preserve-credentials',
          '--',
          namespaces.unshare,
        ];
  return ['--no-new-privs', '--pdeathsig', 'KILL', ...user, '--mount', '--pid', '--uts', '--fork', '--kill-child'];
}

function enterArgs(
  namespaces: Namespaces,
  target: { pid: number; hasNetwork: boolean },
  command: readonly string[],
): string[] {
  return [
    namespaces.setpriv,
    '--pdeathsig',
    'KILL',
    namespaces.nsenter,
    '--target',
    String(target.pid),
    '--user',
    '--preserve-credentials',
    '--mount',
    '--pid',
    '--uts',
    ...(target.hasNetwork ? ['--net'] : []),
    '--root',
    '--wd',
    '--',
    ...command,
  ];
}

async function sandboxInput(
  deps: SandboxDeps,
  made: {
    namespaces: Namespaces;
    plan: ContainerPlan;
    image: NonNullable<ContainerPlan['image']>;
    hasNetwork: boolean;
  },
): Promise<SandboxInput> {
  const { namespaces, plan, image, hasNetwork } = made;
  const [program = '', ...args] = plan.command;
  const isNode = isNodeProgram(plan);
  const hostNode = image.thin || (isNode && !hasOwnNode(image.rootfs, program));
  if (!isNode) checkProgram(plan, image);
  const command = isNode
    ? [hostNode ? `${supportDir}/bin/node` : program, ...nodeFlags(plan.memoryLimitBytes), ...args]
    : [...plan.command];
  const hosts = join(plan.dir, 'hosts');
  const hostname = join(plan.dir, 'hostname');
  await writeFile(hosts, plan.hosts);
  await writeFile(hostname, `${plan.hostname}\n`);
  const resolvConf = join(plan.dir, 'resolv.conf');
  if (hasNetwork) await writeFile(resolvConf, plan.resolvConf);
  const mounts: SandboxInput['mounts'][number][] = [];
  for (const mount of plan.mounts) {
    const target = await resolveInside(image.rootfs, mount.mountPath);
    const isFile = (await stat(mount.hostPath)).isFile();
    mounts.push({ source: mount.hostPath, target, isFile, readOnly: mount.readOnly });
  }
  return {
    tools: { ...deps.tools, namespaces },
    dir: join(plan.dir, 'fs'),
    rootfs: image.rootfs,
    imageFolders: readdirSync(image.rootfs, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    ),
    thin: image.thin,
    runDir: deps.runDir,
    preload: deps.preload,
    node: hostNode ? deps.node : undefined,
    hostname: plan.hostname,
    etc: { hosts, hostname, 'resolv.conf': hasNetwork ? resolvConf : deps.resolvConf },
    mounts,
    workingDir: plan.workingDir,
    command,
  };
}

/** A program that is nowhere is named before the container starts, in runc's words. */
function checkProgram(plan: ContainerPlan, image: NonNullable<ContainerPlan['image']>): void {
  const program = plan.command[0] ?? '';
  const roots = image.thin ? [image.rootfs, '/'] : [image.rootfs];
  const folders = program.includes('/') ? [''] : (plan.env['PATH'] ?? '').split(':');
  const base = program.includes('/') && !program.startsWith('/') ? plan.workingDir : '';
  const mounted = plan.mounts.some(({ mountPath }) => join(base, program).startsWith(`${mountPath}/`));
  // A link may lead anywhere inside the image, so that only a plain absence is an error here.
  const found = roots.some((root) => folders.some((folder) => isPresent(join(root, base, folder, program))));
  if (found || mounted) return;
  const because = program.includes('/') ? 'no such file or directory' : 'executable file not found in $PATH';
  throw new StartError('StartError', startFailure(`exec: "${program}": ${because}: unknown`));
}

function isPresent(path: string): boolean {
  return isExecutable(path);
}

/** Waits for `ready PID`; anything else is why the container could not be made. */
async function readyPid(channel: Readable): Promise<number> {
  let text = '';
  for await (const chunk of channel) {
    text += String(chunk);
    const ready = /^ready (\d+)$/m.exec(text);
    if (ready !== null) return Number(ready[1]);
  }
  throw new StartError('CreateContainerError', `the container's root could not be made: ${text.trim()}`);
}
