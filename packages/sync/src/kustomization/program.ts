/** The `kustomize` program, where there is one: it builds what our own build refuses by name. */

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { AnyObject } from '@towpath/api';
import { codeOf, messageOf, TowpathError } from '@towpath/kit';
import { readResources } from './build/build.ts';
import type { FileSet } from './build/files.ts';
import { buildSource, overlaidKustomization, type BuildSpec } from './generate.ts';

export interface KustomizeProgram {
  /** The file to run. */
  readonly file: string;
  /** The PATH it gets, for the git of remote bases. */
  readonly path: string;
}

export interface BuildWithOptions {
  readonly program: KustomizeProgram | undefined;
  /** Where its files are put for the time of the build. */
  readonly scratchDir: string;
  readonly signal: AbortSignal;
}

const execute = promisify(execFile);
const timeoutMs = 120_000;
const maxOutputBytes = 256 * 1024 * 1024;

/** As {@link buildSource}; what that refuses as unsupported is given to the program. Throws as it does. */
export async function buildWith(
  source: { files: FileSet; path: string; spec: BuildSpec },
  options: BuildWithOptions,
): Promise<AnyObject[]> {
  const { files, path, spec } = source;
  try {
    return buildSource(files, path, spec);
  } catch (error) {
    if (options.program === undefined || codeOf(error) !== 'KUSTOMIZE_UNSUPPORTED') throw error;
    return runProgram(source, options.program, options);
  }
}

async function runProgram(
  { files, path, spec }: { files: FileSet; path: string; spec: BuildSpec },
  program: KustomizeProgram,
  { scratchDir, signal }: BuildWithOptions,
): Promise<AnyObject[]> {
  const root = await mkdtemp(join(scratchDir, 'kustomize-'));
  try {
    const { folder, name, text } = overlaidKustomization(files, path, spec);
    for (const [file, bytes] of [...files, [name, new TextEncoder().encode(text)] as const]) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), bytes);
    }
    // Bases outside of the folder are allowed, as Flux has it; plugins and charts are not.
    const args = ['build', '--load-restrictor', 'LoadRestrictionsNone', join(root, folder)];
    const env = { PATH: program.path, HOME: root, GIT_TERMINAL_PROMPT: '0' };
    const { stdout } = await execute(program.file, args, {
      env,
      signal,
      timeout: timeoutMs,
      maxBuffer: maxOutputBytes,
    });
    return readResources(stdout, 'kustomize build').map(({ object }) => object);
  } catch (error) {
    signal.throwIfAborted();
    const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
    const message = (said === '' ? messageOf(error) : said).replaceAll(`${root}/`, '');
    throw new TowpathError('KUSTOMIZE_INVALID', message, { next: 'correct the kustomization', cause: error });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
