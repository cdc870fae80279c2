/** The real Helm, as a program beside this one. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const outputMax = 512 * 1024 * 1024;
const timeoutMs = 120_000;

/** What helm said; `error` without its `Error: `. */
export interface HelmAnswer {
  readonly output: string;
  readonly error: string;
}

/** The release these comparisons are made with. */
const helmVersion = 'v3.19.0';

/** The helm on PATH, or the given one; without either it is installed with Go. `say` tells what was done. */
export async function findHelm(given: string | undefined, say: (line: string) => void): Promise<string> {
  const candidate = given ?? 'helm';
  try {
    const { stdout } = await run(candidate, ['version', '--template', '{{ .Version }} {{ .GoVersion }}']);
    const version = stdout.trim();
    say(`helm ${version} (${candidate})`);
    if (!version.startsWith('v3.19')) say(`warning: this engine follows Helm ${helmVersion}; another one may differ`);
    return candidate;
  } catch (error) {
    if (given !== undefined) throw error;
  }
  say(`no helm on PATH: go install helm.sh/helm/v3/cmd/helm@${helmVersion}`);
  await run('go', ['install', `helm.sh/helm/v3/cmd/helm@${helmVersion}`], { maxBuffer: outputMax });
  const { stdout } = await run('go', ['env', 'GOPATH']);
  return join(stdout.trim(), 'bin', 'helm');
}

/** Runs `helm template` on a folder. */
export async function helmTemplate(helm: string, folder: string, args: readonly string[]): Promise<HelmAnswer> {
  return runHelm(helm, ['template', 'release-name', folder, ...args]);
}

/** Runs `helm lint` on a folder: its findings, whether they are errors or not. */
export async function helmLint(helm: string, folder: string, args: readonly string[]): Promise<string> {
  const { output } = await runHelm(helm, ['lint', folder, ...args]);
  return output;
}

async function runHelm(helm: string, args: readonly string[]): Promise<HelmAnswer> {
  try {
    const { stdout } = await run(helm, [...args], { maxBuffer: outputMax, timeout: timeoutMs });
    return { output: stdout, error: '' };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { output: stdout, error: errorText(stderr) };
  }
}

/** Without the warnings before it and the hint after it. */
function errorText(stderr: string): string {
  const at = stderr.search(/^Error: /m);
  if (at < 0) return stderr.trim() || 'helm failed without a word';
  return stderr
    .slice(at + 'Error: '.length)
    .replace(/\n\nUse --debug flag to render out invalid YAML\n?$/, '')
    .trimEnd();
}
