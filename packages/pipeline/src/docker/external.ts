/** Builds with podman, buildah or docker where one answers: for Dockerfiles with instructions that are not done here. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clock } from '@towpath/kit';
import { pipelineError } from '../errors.ts';

export interface ExternalBuilder {
  readonly name: 'podman' | 'buildah' | 'docker';
  /** Absolute path of the program. */
  readonly program: string;
}

export interface ProcessOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A question that must be answered by the engine itself, not only by its client. */
const probes = [
  { name: 'podman', args: ['info', '--format', '{{.Version.Version}}'] },
  { name: 'buildah', args: ['info'] },
  { name: 'docker', args: ['version', '--format', '{{.Server.Version}}'] },
] as const;
const probeTimeoutMs = 5_000;
const buildTimeoutMs = 60 * 60_000;
/** What podman and buildah say of a RUN (seen of podman 4.3 with crun). */
const noContainer = /error running container: from \S+ creating container/;

/** The first engine that answers; `skipFolder` is where our own `docker` lives. `onSilent` hears of those that do not. */
export async function findBuilder(
  options: ProcessOptions & {
    readonly skipFolder?: string | undefined;
    readonly onSilent?: (name: ExternalBuilder['name']) => void;
  },
): Promise<ExternalBuilder | undefined> {
  const folders = (options.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && folder !== options.skipFolder);
  for (const { name, args } of probes) {
    const program = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
    if (program === undefined) continue;
    const probe = await run(program, args, { ...options, timeoutMs: probeTimeoutMs, say: () => {} });
    if (probe === 0) return { name, program };
    options.onSilent?.(name);
  }
  return undefined;
}

export interface ExternalBuild extends ProcessOptions {
  readonly builder: ExternalBuilder;
  readonly contextDir: string;
  readonly dockerfile: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly scratchDir: string;
  readonly say: (text: string) => void;
  /** Gets the archive while it exists. */
  readonly take: (archive: string) => Promise<string>;
}

/** Builds, saves as an archive, and returns what `take` made of it. Throws `DOCKER_IMAGE` when the build fails. */
export async function buildExternally(options: ExternalBuild): Promise<string> {
  const { builder, contextDir, dockerfile } = options;
  await mkdir(options.scratchDir, { recursive: true });
  const scratch = await mkdtemp(join(options.scratchDir, 'external-'));
  const name = `localhost/towpath-build-${scratch.slice(-6).toLowerCase()}:build`;
  const archive = join(scratch, 'image.tar');
  const args = Object.entries(options.buildArgs).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  const verb = builder.name === 'buildah' ? 'bud' : 'build';
  try {
    await build(options, verb, ['-t', name, '-f', dockerfile, ...args, contextDir]);
    await must(options, saveArguments(builder.name, name, archive));
    return await options.take(archive);
  } finally {
    await run(builder.program, ['rmi', name], { ...options, timeoutMs: probeTimeoutMs * 6, say: () => {} });
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * An engine whose OCI runtime cannot make a container here (control groups it does not know, no namespaces) can still
 * run the instructions in a changed root.
 */
async function build(options: ExternalBuild, verb: string, args: readonly string[]): Promise<void> {
  const { builder, say } = options;
  let cannotRun = false;
  const listen = (text: string): void => {
    cannotRun ||= noContainer.test(text);
    say(text);
  };
  try {
    return await must({ ...options, say: listen }, [verb, ...args]);
  } catch (error) {
    if (builder.name === 'docker' || !cannotRun) throw error;
  }
  say(`${builder.name} cannot run a container here: building again with --isolation=chroot\n`);
  await must(options, [verb, '--isolation=chroot', ...args]);
}

function saveArguments(builder: ExternalBuilder['name'], name: string, archive: string): string[] {
  if (builder === 'podman') return ['save', '--format', 'oci-archive', '-o', archive, name];
  if (builder === 'buildah') return ['push', name, `oci-archive:${archive}`];
  return ['save', '-o', archive, name];
}

async function must(options: ExternalBuild, args: readonly string[]): Promise<void> {
  const { program, name } = options.builder;
  const code = await run(program, args, { ...options, timeoutMs: buildTimeoutMs, say: options.say });
  if (code === 0) return;
  throw pipelineError('DOCKER_IMAGE', `${name} ${args[0] ?? ''} ended with exit code ${code}`, {
    next: 'see its lines above',
  });
}

function run(
  program: string,
  args: readonly string[],
  options: ProcessOptions & { timeoutMs: number; say: (text: string) => void },
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: { ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = options.clock.startTimer(options.timeoutMs, () => child.kill('SIGKILL'));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => options.say(chunk.toString('utf8')));
    child.on('error', () => resolve(127));
    child.on('close', (code) => {
      timer.cancel();
      resolve(code ?? 137);
    });
  });
}
