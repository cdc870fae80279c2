/** The programs of a real Kubernetes, built from their Go modules when a campaign needs them. */

import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TowpathError } from '@towpath/kit';

const run = promisify(execFile);
const outputMaxBytes = 64 * 1024 * 1024;

/** What the recordings were made with, and what the campaigns compare with. */
export const kubernetesVersion = 'v1.34.4';
const stagingVersion = 'v0.34.4';
const etcdVersion = 'v3.6.16';

/** A program of the control plane, or the client. */
export type RealProgram = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubectl';

export interface BuildOptions {
  /** Where the programs are kept; default `~/.cache/towpath/real-kubernetes/VERSION`. */
  readonly folder?: string | undefined;
  /** Told before something that takes minutes. */
  readonly say: (line: string) => void;
}

/**
 * Paths of the programs, building with Go (and low priority) those that are not in the folder.
 * Throws `GO_MISSING` when something must be built and there is no Go.
 */
export async function buildReal<Name extends RealProgram>(
  programs: readonly Name[],
  options: BuildOptions,
): Promise<Record<Name, string>> {
  const folder = options.folder ?? join(homedir(), '.cache', 'towpath', 'real-kubernetes', kubernetesVersion);
  const paths = programs.map((name) => [name, join(folder, name)] as const);
  for (const [name, path] of paths) {
    if (await exists(path)) continue;
    await mkdir(folder, { recursive: true });
    options.say(`building ${name} with Go into ${folder}: some minutes the first time`);
    await buildOne(name, path);
  }
  // The entries are one per name asked for.
  return Object.fromEntries(paths) as Record<Name, string>;
}

async function buildOne(name: RealProgram, path: string): Promise<void> {
  await requireGo(name);
  const module = await mkdtemp(join(tmpdir(), 'towpath-go-'));
  try {
    const isEtcd = name === 'etcd';
    await writeFile(join(module, 'go.mod'), isEtcd ? etcdModule() : await kubernetesModule());
    const source = isEtcd ? 'go.etcd.io/etcd/server/v3' : `k8s.io/kubernetes/cmd/${name}`;
    const args = ['build', '-mod=mod', '-buildvcs=false', '-trimpath', '-ldflags', isEtcd ? '-s -w' : versionFlags()];
    await go(module, [...args, '-o', `${path}.part`, source]);
    await rename(`${path}.part`, path);
  } finally {
    await rm(module, { recursive: true, force: true });
  }
}

function go(cwd: string, args: readonly string[]): Promise<{ stdout: string }> {
  return run('env', ['CGO_ENABLED=0', 'nice', '-n', '15', 'go', ...args], { cwd, maxBuffer: outputMaxBytes });
}

async function requireGo(name: RealProgram): Promise<void> {
  try {
    await run('go', ['version']);
  } catch (cause) {
    const message = `${name} is not built yet and there is no go command`;
    throw new TowpathError('GO_MISSING', message, { next: 'install Go 1.24 or later, or skip this suite', cause });
  }
}

function etcdModule(): string {
  return `module build\n\ngo 1.24.0\n\nrequire go.etcd.io/etcd/server/v3 ${etcdVersion}\n`;
}

/** Kubernetes names its staging modules v0.0.0: each is replaced by its published version. */
async function kubernetesModule(): Promise<string> {
  const { stdout } = await go(tmpdir(), ['mod', 'download', '-json', `k8s.io/kubernetes@${kubernetesVersion}`]);
  const goMod = await readFile((JSON.parse(stdout) as { GoMod: string }).GoMod, 'utf8');
  const staging = [...goMod.matchAll(/^\s*(?:require\s+)?(k8s\.io\/[\w-]+) v0\.0\.0(?=\s|$)/gm)].map(
    (match) => match[1] ?? '',
  );
  const replacements = [...new Set(staging)].map((name) => `replace ${name} => ${name} ${stagingVersion}`);
  return ['module build', 'go 1.24.0', `require k8s.io/kubernetes ${kubernetesVersion}`, ...replacements, ''].join(
    '\n\n',
  );
}

/** The version a program of Kubernetes answers with is set by its linker. */
function versionFlags(): string {
  const values = { gitVersion: kubernetesVersion, gitMajor: '1', gitMinor: '34', gitTreeState: 'clean' };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const settings = packages.flatMap((name) =>
    Object.entries(values).map(([member, value]) => `-X ${name}.${member}=${value}`),
  );
  return ['-s', '-w', ...settings].join(' ');
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
