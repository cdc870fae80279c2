/** `--post-renderer`: a program that changes the manifest. Source: helm 3 pkg/postrender/exec.go. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../../../context.ts';
import { flagError } from '../pflag.ts';

const outputBytesMax = 512 * 1024 * 1024;

/** Passes a manifest through the program. Throws at once when there is none, later `POST_RENDER_FAILED`. */
export function postRenderer(
  context: CliContext,
  flags: { readonly postRenderer?: string | undefined; readonly postRendererArgs: readonly string[] },
): ((manifest: string) => string) | undefined {
  const { postRenderer: name = '', postRendererArgs } = flags;
  if (name === '') return undefined;
  const program = findProgram(context, name);
  return (manifest) => {
    const { status, signal, stdout, stderr, error } = spawnSync(program, postRendererArgs, {
      input: manifest,
      cwd: context.cwd,
      encoding: 'utf8',
      maxBuffer: outputBytesMax,
    });
    if (status === 0) return stdout;
    // A program that does not read its input is no failure of its own.
    const why = status === null ? (error?.message ?? `signal: ${String(signal)}`) : `exit status ${status}`;
    throw new TowpathError(
      'POST_RENDER_FAILED',
      `error while running post render on files: error while running command ${program}. error output:\n${stderr ?? ''}: ${why}`,
      { next: 'run the program by hand on what is printed without --post-renderer' },
    );
  };
}

/** Names without a slash are looked for in PATH. */
function findProgram(context: CliContext, name: string): string {
  const fail = (why: string): never => {
    const problem = `unable to find binary at ${name}: exec: ${JSON.stringify(name)}: ${why}`;
    throw flagError(`invalid argument ${JSON.stringify(name)} for "--post-renderer" flag: ${problem}`);
  };
  if (name.includes('/')) {
    const path = resolve(context.cwd, name);
    return isProgram(path)
      ? path
      : fail(
          statSync(path, { throwIfNoEntry: false })
            ? 'permission denied'
            : 'stat ' + name + ': no such file or directory',
        );
  }
  const folders = (context.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = folders.map((folder) => resolve(folder, name)).find(isProgram);
  return found ?? fail('executable file not found in $PATH');
}

function isProgram(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
