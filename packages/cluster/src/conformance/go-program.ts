/** Go programs the suites need: taken from the tools folder, else built there from their module. */

import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runProgram } from './run-program.ts';
import type { SuiteContext } from './client-suite.ts';

export interface GoProgram {
  /** File name in the tools folder, before `-VERSION`. */
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Import path of the main package, or of the package whose tests are compiled. */
  readonly package: string;
  readonly isTest?: boolean;
  /** The published version of the modules that its go.mod takes from folders beside it. */
  readonly besideVersion?: string;
  readonly ldflags?: string;
  /** `MODULE VERSION` of modules that are needed in a later version than the program's own: its own cannot be had. */
  readonly needs?: readonly string[];
}

export type FoundProgram = { readonly path: string } | { readonly missing: string };

const buildTimeoutMs = 45 * 60_000;

/** The program's file; `missing` says what to do where it can be neither found nor built. */
export async function findGoProgram(program: GoProgram, context: SuiteContext): Promise<FoundProgram> {
  const path = join(context.toolsFolder, `${program.name}-${program.version}`);
  if (await isThere(path)) return { path };
  if (context.isOffline) return { missing: `${path} is not there, and --offline forbids to build it` };
  const go = await runProgram('go', ['version']);
  if (go.code !== 0) return { missing: `${path} is not there, and there is no go on PATH to build it` };
  context.print(`building ${program.package} ${program.version} (kept as ${path})`);
  const error = await build(program, path);
  return error === undefined
    ? { path }
    : { missing: `${program.package} ${program.version} cannot be built: ${error}` };
}

/** Where Go unpacked a module, downloading it if need be. */
export async function goModuleFolder(module: string, version: string): Promise<string | undefined> {
  const { code, stdout } = await runProgram('go', ['mod', 'download', '-json', `${module}@${version}`], {
    timeoutMs: buildTimeoutMs,
  });
  if (code !== 0) return undefined;
  const { Dir } = JSON.parse(stdout) as { Dir?: string };
  return Dir;
}

async function build(program: GoProgram, path: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'towpath-go-'));
  try {
    await writeFile(join(folder, 'go.mod'), await goMod(program));
    const partial = `${path}.${String(process.pid)}`;
    const compile = program.isTest === true ? ['test', '-c'] : ['build'];
    const ldflags = `-s -w ${program.ldflags ?? ''}`.trim();
    const args = [...compile, '-mod=mod', '-trimpath', '-ldflags', ldflags, '-o', partial, program.package];
    await mkdir(dirname(path), { recursive: true });
    const options = { cwd: folder, env: { CGO_ENABLED: '0' }, timeoutMs: buildTimeoutMs };
    const { code, stderr } = await runProgram('nice', ['-n', '15', 'go', ...args], options);
    if (code !== 0) return lastLine(stderr);
    await rename(partial, path);
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A module that requires the program's; replacements do not carry over by themselves. */
async function goMod({ module, version, besideVersion, needs = [] }: GoProgram): Promise<string> {
  const source = await goModuleFolder(module, version);
  const text = source === undefined ? '' : await readFile(join(source, 'go.mod'), 'utf8');
  const replacements = [...text.matchAll(/^\s*(?:replace\s+)?(\S+) => (\S+)(?: (v\S+))?$/gm)].flatMap(
    ([, from = '', to = '', toVersion = '']) => {
      if (!to.startsWith('.')) return [`replace ${from} => ${to} ${toVersion}`];
      return besideVersion === undefined ? [] : [`replace ${from} => ${from} ${besideVersion}`];
    },
  );
  const required = [`${module} ${version}`, ...needs].map((name) => `require ${name}`);
  const head = ['module towpath.dev/conformance', 'go 1.24.0', ...required];
  return [...head, ...replacements, ''].join('\n');
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? 'go said nothing';
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
