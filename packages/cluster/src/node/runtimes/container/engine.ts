/** A container engine of the machine: found at start, tried with one container, then asked by its command. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@towpath/kit';
import type { HostTools } from '../host-tools.ts';
import { systemMounts } from './system-mounts.ts';

export interface Engine {
  /** Path of the command. */
  readonly command: string;
  /** What nodes and container ids say before `://`. */
  readonly name: 'podman';
  readonly version: string;
  /** Containers have the engine's user namespace, not the system's. */
  readonly rootless: boolean;
  /** Limits of memory and processors are enforced. */
  readonly hasLimits: boolean;
  /** Arguments of `create` that this machine needs. */
  readonly createArgs: readonly string[];
  /** Environment of the command itself. */
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[], more?: CallOptions): Promise<Answer>;
}

/** Of one call: variables beside the engine's own, and the folder it runs in. */
export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Source: Linux, fs.nr_open. */
const maxOpenFiles = 1_048_576;
const answerWithinMs = 60_000;

/** The engine, or why there is none. `dir` is an empty folder for the trial. */
export async function findEngine(options: {
  tools: HostTools;
  env: Readonly<Record<string, string | undefined>>;
  dir: string;
}): Promise<Engine | { readonly because: string }> {
  const { tools } = options;
  const env = Object.fromEntries(
    Object.entries(options.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { podman, docker } = tools.engines;
  if (podman === undefined) {
    const dockerToo = docker === undefined ? 'nor docker' : 'and docker cannot give a container the network of its pod';
    return { because: `podman is not installed, ${dockerToo}` };
  }
  const run: Engine['run'] = (args, more = {}) => runEngine(podman, args, { ...more, env: { ...env, ...more.env } });
  const info = await run(['info', '--format', '{{.Version.Version}} {{.Host.Security.Rootless}}']);
  const [version = '', rootless = ''] = info.stdout.trim().split(' ');
  if (info.code !== 0) return { because: `podman does not answer: ${lastLine(info.stderr)}` };
  const found = { command: podman, name: 'podman', version, rootless: rootless === 'true', env, run } as const;
  let because = '';
  for (const variant of variants()) {
    const failure = await tryContainer({ ...found, ...variant }, tools, options.dir);
    if (failure === undefined) return { ...found, ...variant };
    // What the default settings met says most.
    because ||= failure;
  }
  return { because: `podman cannot run a container: ${because}` };
}

/** What machines differ in: the OCI runtime that works with their control groups, and whether limits may be set. */
function variants(): Pick<Engine, 'createArgs' | 'hasLimits'>[] {
  // The engine's default limits are higher than an ordinary user, or a root without that capability, may set.
  const own = ulimits();
  const runtimes = [[], ['--runtime', 'runc'], ['--runtime', 'crun']];
  return [true, false].flatMap((hasLimits) =>
    runtimes.map((runtime) => ({ createArgs: [...runtime, ...own], hasLimits })),
  );
}

/** This process's own limits; of processes not more than there are ids, since that is what podman gives itself. */
function ulimits(): string[] {
  try {
    const text = readFileSync('/proc/self/limits', 'utf8');
    const ids = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
    return [
      { name: 'nofile', title: 'Max open files', max: maxOpenFiles },
      { name: 'nproc', title: 'Max processes', max: ids },
    ].flatMap(({ name, title, max }) => {
      const [, soft = '', hard = ''] = new RegExp(`^${title}\\s+(\\w+)\\s+(\\w+)`, 'm').exec(text) ?? [];
      const number = (value: string): number => Math.min(Number(value.replace('unlimited', 'Infinity')), max);
      return ['--ulimit', `${name}=${number(soft)}:${number(hard)}`];
    });
  } catch {
    return [];
  }
}

async function tryContainer(engine: Engine, tools: HostTools, dir: string): Promise<string | undefined> {
  const rootfs = join(dir, 'rootfs');
  try {
    await mkdir(rootfs, { recursive: true });
    const mounts = systemMounts(tools, rootfs).flatMap(({ source, target }) => ['--volume', `${source}:${target}:ro`]);
    const answer = await engine.run([
      'run',
      '--rm',
      '--network',
      'none',
      ...engine.createArgs,
      ...limitArgs(engine, { memoryBytes: 256 * 1024 * 1024, cpus: undefined }),
      ...mounts,
      '--rootfs',
      `${rootfs}:O`,
      'sh',
      '-c',
      'exit 7',
    ]);
    return answer.code === 7 ? undefined : lastLine(answer.stderr) || `it ended with ${answer.code}`;
  } catch (error) {
    return messageOf(error);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Arguments of `create` for a container's limits. */
export function limitArgs(
  engine: Pick<Engine, 'hasLimits'>,
  limits: { memoryBytes: number | undefined; cpus: number | undefined },
): string[] {
  if (!engine.hasLimits) return [];
  return [
    ...(limits.memoryBytes === undefined ? [] : ['--memory', String(limits.memoryBytes)]),
    ...(limits.cpus === undefined ? [] : ['--cpus', String(limits.cpus)]),
  ];
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function runEngine(command: string, args: readonly string[], options: CallOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: answerWithinMs,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    child.on('error', reject);
    // Helpers of the engine may keep the pipes: its own end is what counts.
    child.on('exit', (code) => setImmediate(() => resolve({ code: code ?? 255, stdout, stderr })));
  });
}
