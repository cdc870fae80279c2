/** Runs chart commands on files in a temporary folder, without a cluster. For tests. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { seededRandom, silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import type { AnyCommand } from '../../command-table.ts';
import type { CliContext } from '../../context.ts';

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 1 as well where the command threw, as the program has it. */
  readonly code: number;
}

export interface CommandBench {
  readonly folder: string;
  /** Standard input is `stdin`. */
  readonly run: (create: (context: CliContext) => AnyCommand, args: string[]) => Promise<CommandResult>;
  dispose(): Promise<void>;
}

/** `files` by path. `env` comes on top of a home in the folder. */
export async function commandBench(
  files: Readonly<Record<string, string>>,
  options: { stdin?: string; env?: Record<string, string> } = {},
): Promise<CommandBench> {
  const folder = await mkdtemp(join(tmpdir(), 'towpath-charts-'));
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  return {
    folder,
    run: (create, args) => runCommand(create, args, { folder, ...options }),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

async function runCommand(
  create: (context: CliContext) => AnyCommand,
  args: string[],
  bench: { folder: string; stdin?: string; env?: Record<string, string> },
): Promise<CommandResult> {
  let [stdout, stderr, code] = ['', '', 0];
  const context: CliContext = {
    clock: new FakeClock(),
    random: seededRandom(7),
    log: silentLogger,
    cwd: bench.folder,
    env: { HOME: bench.folder, PATH: '/usr/bin:/bin', ...bench.env },
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    signal: new AbortController().signal,
    isTerminal: false,
    version: '0.0.0',
    program: 'towpath.js',
    client: () => Promise.reject(new Error('no cluster here')),
    ready: () => Promise.resolve(undefined),
    readStdin: () => Promise.resolve(bench.stdin ?? ''),
    exitCode: (given) => void (code = given),
  };
  const command = create(context) as AnyCommand & {
    parseAsync(args: string[], options: { from: 'user' }): Promise<unknown>;
  };
  try {
    await command.parseAsync(args, { from: 'user' });
  } catch (error) {
    stderr += `Error: ${error instanceof Error ? error.message : String(error)}\n`;
    code = 1;
  }
  return { stdout, stderr, code };
}
