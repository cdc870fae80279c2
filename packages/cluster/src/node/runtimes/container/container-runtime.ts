/** The container runtime: each container is one of podman's, in the network namespace of its pod. */

import { spawn } from 'node:child_process';
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { background, messageOf, type Clock, type Logger } from '@towpath/kit';
import type { NetworkPod } from '../../../network/pods.ts';
import type { PodNamespace } from '../../../network/relay/relay.ts';
import { StartError, startFailure } from '../../errors.ts';
import { resolveInside } from '../../images/unpack.ts';
import { runCommand, spawned, watchChild } from '../child.ts';
import type { HostTools } from '../host-tools.ts';
import { startTimeOf, treeUsage } from '../proc.ts';
import { notCaptured, withPreload } from '../program.ts';
import { createDelivery } from '../signals.ts';
import type { ContainerExit, ContainerPlan, Output, RunningContainer, RuntimeKind } from '../runtime.ts';
import { limitArgs, type Engine } from './engine.ts';
import { hasProgram, systemMounts } from './system-mounts.ts';

export interface ContainerDeps {
  readonly engine: Engine;
  readonly tools: HostTools;
  readonly clock: Clock;
  readonly log: Logger;
  /** The host's Node, for images without a base. */
  readonly node: string;
  /** The preload's file on the host. */
  readonly preload: string;
  /** Tells the containers of this data folder from others. */
  readonly owner: string;
  /** Makes the network namespace of a pod; rejects with why there is none. */
  readonly isolate: (pod: NetworkPod) => Promise<PodNamespace>;
}

const killSignal = 9;
/** States of a container whose program does not run yet. */
const notStarted: ReadonlySet<string> = new Set(['created', 'initialized']);
const startedPollMs = 20;
const ownerLabel = 'towpath.dev/owner';
const hostNode = '/.towpath/bin/node';
const preloadPath = '/.towpath/preload.cjs';
/** Variables that the engine's own command reads: they are given by value, all others by name, out of sight of `ps`. */
const engineVariables =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|NO_PROXY|(?:CONTAINERS?|STORAGE|PODMAN|BUILDAH|DOCKER|XDG|DBUS|LD|GO|NOTIFY|REGISTRY|TLS|SSL|HTTPS?)_?.*)$/i;

export function createContainerRuntime(deps: ContainerDeps): RuntimeKind {
  return { start: (plan, output) => start(deps, plan, output) };
}

/** Removes containers that an earlier run left behind. */
export async function removeContainers(engine: Engine, owner: string): Promise<void> {
  const { stdout } = await engine.run(['ps', '--all', '--quiet', '--filter', `label=${ownerLabel}=${owner}`]);
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await engine.run(['rm', '--force', '--time', '0', ...ids]);
}

/** A process that removes all containers of `owner` when Towpath ends, however it ends. Returns its end. */
export function startReaper(engine: Engine, tools: HostTools, owner: string): { dispose(): Promise<void> } {
  const script =
    'read -r line; ids=$("$0" ps --all --quiet --filter "label=$1"); [ -z "$ids" ] || "$0" rm --force --time 0 $ids';
  const child = spawn(tools.sh, ['-c', script, engine.command, `${ownerLabel}=${owner}`], {
    env: engine.env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
  return {
    dispose: () => {
      child.stdin.end();
      return ended;
    },
  };
}

async function start(deps: ContainerDeps, plan: ContainerPlan, output: Output): Promise<RunningContainer> {
  const { engine, clock } = deps;
  let because: string | undefined;
  const network = await deps.isolate(plan.network).catch((error: unknown) => void (because = messageOf(error)));
  const name = `towpath-${plan.id.slice(0, 16)}`;
  const { args, env } = await createArgs(deps, plan, { name, network });
  const made = await engine.run(args, { env });
  if (made.code !== 0) throw new StartError('CreateContainerError', reasonOf(made.stderr));
  // Its monitor writes a file `oom` into the folder it is started in.
  const inited = await engine.run(['init', name], { cwd: plan.dir });
  const pid = Number(await readFile(pidFile(plan), 'utf8').catch(() => ''));
  if (inited.code !== 0 || !(pid > 0)) {
    await engine.run(['rm', '--force', name]);
    const reason = reasonOf(inited.stderr).replace(/^.*unable to start container process: /, '');
    throw new StartError('StartError', startFailure(`${reason}: unknown`));
  }
  const attach = ['start', '--attach', '--sig-proxy=false', ...(plan.stdin ? ['--interactive'] : []), name];
  const child = spawn(engine.command, attach, {
    env: engine.env,
    detached: true,
    stdio: [plan.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const attached = watchChild(child, output);
  await spawned(child);
  child.stdin?.on('error', () => {});
  await untilStarted({ engine, clock, name, attached });
  let killed = false;
  const kill = (signal: NodeJS.Signals): void => {
    killed ||= signal === 'SIGKILL';
    background('signal a container', engine.run(['kill', '--signal', signal, name]), deps.log);
  };
  const delivery = createDelivery({ clock, pid, send: kill });
  void network?.ended.then(() => delivery.ended() || kill('SIGKILL'));
  const exited = attached.then(async (exit) => {
    const end = await endOf(engine, name, exit);
    background('remove a container', engine.run(['rm', '--force', '--time', '0', name]), deps.log);
    // Nothing inside its namespace can kill the first process of one, and nobody here did: it was the kernel, for memory.
    const isOutOfMemory =
      end.signal === killSignal && !killed && engine.hasLimits && plan.memoryLimitBytes !== undefined;
    return delivery.exit(isOutOfMemory ? { ...end, reason: 'OOMKilled' } : end);
  });
  return {
    exited,
    signal: (signal) => delivery.deliver(signal),
    exec: (command, terminal) => {
      const words = [...(terminal.stdin === undefined ? [] : ['--interactive']), ...(terminal.tty ? ['--tty'] : [])];
      const whole = [engine.command, 'exec', ...words, name, ...command];
      return runCommand(whole, { env: engine.env, script: deps.tools.script, cwd: plan.dir }, terminal);
    },
    stdin: child.stdin ?? undefined,
    process: { pid, startTime: startTimeOf(pid) },
    usage: () => treeUsage(pid),
    ...(network === undefined && { limitation: notCaptured(plan.name, because) }),
  };
}

/** The engine refuses signals and commands until it has written down that the program runs, a moment after it does. */
async function untilStarted(options: {
  engine: Engine;
  clock: Clock;
  name: string;
  attached: Promise<unknown>;
}): Promise<void> {
  const { engine, clock, name, attached } = options;
  let hasEnded = false;
  const ended = (): void => void (hasEnded = true);
  attached.then(ended, ended);
  while (!hasEnded) {
    const { code, stdout } = await engine.run(['inspect', '--format', '{{.State.Status}}', name]);
    if (code !== 0 || !notStarted.has(stdout.trim())) return;
    await clock.sleep(startedPollMs);
  }
}

/** Reads how it ended, while it is still there. */
async function endOf(engine: Engine, name: string, exit: ContainerExit): Promise<ContainerExit> {
  const format = '{{.State.ExitCode}} {{.State.OOMKilled}}';
  const { code, stdout } = await engine.run(['inspect', '--format', format, name]);
  const [exitCode = '', outOfMemory = ''] = stdout.trim().split(' ');
  if (code !== 0) return exit;
  const known = Number(exitCode);
  return {
    exitCode: known,
    ...(known > 128 && known < 160 && { signal: known - 128 }),
    ...(outOfMemory === 'true' && { reason: 'OOMKilled' }),
  };
}

async function createArgs(
  deps: ContainerDeps,
  plan: ContainerPlan,
  made: { name: string; network: PodNamespace | undefined },
): Promise<{ args: string[]; env: Record<string, string> }> {
  const { engine, tools, node } = deps;
  const { image } = plan;
  if (image === undefined) throw new StartError('CreateContainerError', 'a container of podman needs an image');
  const files = { hosts: plan.hosts, hostname: `${plan.hostname}\n`, 'resolv.conf': plan.resolvConf };
  const volumes: string[] = [];
  for (const [file, text] of Object.entries(files)) {
    await writeFile(join(plan.dir, file), text);
    volumes.push(`${join(plan.dir, file)}:/etc/${file}`);
  }
  const variables = withPreload(plan.env, { preload: preloadPath, settings: { signalsOnly: true } });
  volumes.push(`${deps.preload}:${preloadPath}:ro`);
  if (image.thin) {
    for (const { source, target } of systemMounts(tools, image.rootfs)) volumes.push(`${source}:${target}:ro`);
    if (!hasProgram(image.rootfs, 'node', variables['PATH'] ?? '')) {
      volumes.push(`${node}:${hostNode}:ro`);
      variables['PATH'] = `/.towpath/bin:${variables['PATH'] ?? ''}`;
    }
  }
  for (const { mountPath, hostPath, readOnly } of plan.mounts) {
    volumes.push(`${hostPath}:${mountPath}:rbind,${readOnly ? 'ro' : 'rw'}`);
  }
  if (!(await isThere(plan, image.rootfs))) {
    const empty = join(plan.dir, 'work');
    await mkdir(empty);
    volumes.push(`${empty}:${plan.workingDir}`);
  }
  const { security } = plan;
  const args = [
    'create',
    '--name',
    made.name,
    '--label',
    `${ownerLabel}=${deps.owner}`,
    '--network',
    made.network === undefined ? 'none' : `ns:/proc/${made.network.pid}/ns/net`,
    '--pidfile',
    pidFile(plan),
    '--no-hosts',
    '--hostname',
    plan.hostname,
    '--security-opt',
    'label=disable',
    '--workdir',
    plan.workingDir,
    ...(security.user === undefined ? [] : ['--user', security.user]),
    ...(security.readOnlyRoot ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...security.addedCapabilities.map((name) => `--cap-add=${name}`),
    ...security.droppedCapabilities.map((name) => `--cap-drop=${name}`),
    ...(plan.stdin ? ['--interactive'] : []),
    ...engine.createArgs,
    ...limitArgs(engine, { memoryBytes: plan.memoryLimitBytes, cpus: plan.cpuLimit }),
    ...volumes.flatMap((volume) => ['--volume', volume]),
    ...Object.entries(variables).flatMap(([name, value]) => [
      '--env',
      engineVariables.test(name) ? `${name}=${value}` : name,
    ]),
    '--rootfs',
    `${image.rootfs}:O`,
    ...plan.command,
  ];
  return { args, env: Object.fromEntries(Object.entries(variables).filter(([name]) => !engineVariables.test(name))) };
}

/** Whether the image or a volume has the working directory: podman, unlike the kubelet's runtimes, does not make it. */
async function isThere(plan: ContainerPlan, rootfs: string): Promise<boolean> {
  const path = `${plan.workingDir}/`;
  if (plan.mounts.some(({ mountPath }) => path.startsWith(`${mountPath}/`))) return true;
  const found = await lstat(join(rootfs, await resolveInside(rootfs, plan.workingDir))).catch(() => undefined);
  return found !== undefined;
}

/** Podman writes the id of the container's first process there. */
function pidFile(plan: ContainerPlan): string {
  return join(plan.dir, 'pid');
}

/** The runtime's own sentence, without what the engine puts around it. */
function reasonOf(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return line.replace(/^Error: /, '').replace(/: OCI runtime attempted to invoke a command that was not found$/, '');
}
