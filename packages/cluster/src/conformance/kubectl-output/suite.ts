/** The suite `kubectl-output`: what the real kubectl prints of our server, compared with recordings of a real one. */

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isRecord, parseYaml, systemClock, TowpathError } from '@towpath/kit';
import { findKubectls } from '../kubectl-skew/find.ts';
import { startOwnServer } from '../own-server.ts';
import { buildReal, kubernetesVersion } from '../real/build.ts';
import { startRealControlPlane } from '../real/control-plane.ts';
import { recordingsFolder } from '../recorded/files.ts';
import type { Suite, SuiteResult } from '../suite.ts';
import { loadCommands, playCommands, type Command, type Printed } from './commands.ts';

const answersFile = 'answers.json.gz';
const bestCompression = 9;
const shownLines = 12;

/** Compares with the recordings, or with `--record` makes them. */
export const kubectlOutput: Suite = {
  name: 'kubectl-output',
  summary: 'what kubectl 1.34 prints, compared with what it prints of a real server [--record] [--only TEXT] [--full]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: { record: { type: 'boolean' }, only: { type: 'string' }, full: { type: 'boolean' } },
    });
    const folder = join(recordingsFolder(), 'kubectl');
    const commands = await loadCommands(folder);
    const kubectl = await findKubectl();
    if (kubectl === undefined) {
      print(`  skipped: it needs a kubectl of ${kubernetesVersion}, on PATH or built beside the real server`);
      return { passed: 0, failed: 0, skipped: commands.length, code: 1 };
    }
    if (values.record === true) return record({ folder, commands, kubectl, print });
    const recorded = await loadRecorded(folder);
    const ours = await playOurs(commands, kubectl);
    const known = await loadKnown(folder);
    return compare({ recorded, ours, known, only: values.only, isFull: values.full ?? false, print });
  },
};

async function findKubectl(): Promise<string | undefined> {
  const minor = /^v1\.\d+/.exec(kubernetesVersion)?.[0] ?? kubernetesVersion;
  const found = await findKubectls([]);
  return found.find(({ version }) => version.startsWith(minor))?.path;
}

async function playOurs(commands: readonly Command[], kubectl: string): Promise<Map<string, Printed>> {
  const server = await startOwnServer();
  try {
    return await playCommands(commands, { kubectl, kubeconfig: server.kubeconfig, home: server.folder });
  } finally {
    await server.dispose();
  }
}

interface Recording {
  readonly folder: string;
  readonly commands: readonly Command[];
  readonly kubectl: string;
  readonly print: (line: string) => void;
}

async function record({ folder, commands, kubectl, print }: Recording): Promise<SuiteResult> {
  const programs = await buildReal(['etcd', 'kube-apiserver'], { say: print });
  const real = await startRealControlPlane({ programs, clock: systemClock, apiServerArgs });
  const home = await mkdtemp(join(tmpdir(), 'towpath-kubectl-'));
  try {
    const printed = await playCommands(commands, { kubectl, kubeconfig: real.kubeconfigFile, home });
    const text = JSON.stringify({ kubernetes: kubernetesVersion, printed: Object.fromEntries(printed) });
    await writeFile(join(folder, answersFile), gzipSync(text, { level: bestCompression }));
    print(`what ${printed.size} commands print of kube-apiserver ${kubernetesVersion} is recorded`);
    return { passed: printed.size, failed: 0, skipped: 0, code: 0 };
  } finally {
    await rm(home, { recursive: true, force: true });
    await real.dispose();
  }
}

/** Without controllers nobody makes service accounts or removes what protects volumes and nodes. */
const apiServerArgs = ['--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection,TaintNodesByCondition'];

async function loadRecorded(folder: string): Promise<Map<string, Printed>> {
  const file = join(folder, answersFile);
  if (!existsSync(file)) return new Map();
  // Written by `record`.
  const { printed } = JSON.parse(gunzipSync(await readFile(file)).toString('utf8')) as {
    printed: Record<string, Printed>;
  };
  return new Map(Object.entries(printed));
}

/** A command, or its beginning with a `*`, whose output differs, and why that stays. */
interface Known {
  readonly command: string;
  readonly reason: string;
}

async function loadKnown(folder: string): Promise<Known[]> {
  const list: unknown =
    parseYaml(await readFile(join(folder, 'differences.yaml'), 'utf8'), { file: 'differences.yaml' }) ?? [];
  return (Array.isArray(list) ? list : []).map((entry: unknown, index) => {
    const { command, reason } = isRecord(entry) ? entry : {};
    if (typeof command === 'string' && typeof reason === 'string') return { command, reason };
    const message = `kubectl/differences.yaml: entry ${index} needs command and reason`;
    throw new TowpathError('RECORDINGS_INVALID', message, { next: 'write them as text' });
  });
}

interface Comparison {
  readonly recorded: ReadonlyMap<string, Printed>;
  readonly ours: ReadonlyMap<string, Printed>;
  readonly known: readonly Known[];
  readonly only: string | undefined;
  readonly isFull: boolean;
  readonly print: (line: string) => void;
}

function compare({ recorded, ours, known, only, isFull, print }: Comparison): SuiteResult {
  const used = new Set<Known>();
  const counts = { same: 0, listed: 0, different: 0 };
  for (const [id, printed] of ours) {
    if (only !== undefined && !id.includes(only)) continue;
    const wanted = recorded.get(id);
    const lines = wanted === undefined ? ['  not recorded: run with --record'] : difference(wanted, printed);
    if (lines.length === 0) {
      counts.same++;
      continue;
    }
    const entry = known.find(({ command }) => isMeant(command, id));
    if (entry === undefined) {
      counts.different++;
      print(`  kubectl ${id}`);
      for (const line of isFull ? lines : lines.slice(0, shownLines)) print(line);
    } else {
      used.add(entry);
      counts.listed++;
    }
  }
  const unused = only === undefined ? known.filter((entry) => !used.has(entry)) : [];
  for (const { command } of unused) print(`  the list of differences has an entry without a difference: ${command}`);
  const { same, listed, different } = counts;
  print(`kubectl-output: ${same} identical, ${listed} with listed differences, ${different} different`);
  const failed = different + unused.length;
  return { passed: same + listed, failed, skipped: 0, code: failed === 0 ? 0 : 1 };
}

function isMeant(command: string, id: string): boolean {
  return command.endsWith('*') ? id.startsWith(command.slice(0, -1)) : id === command;
}

/** Lines that only one side has. */
function difference(wanted: Printed, printed: Printed): string[] {
  const lines: string[] = [];
  if (wanted.code !== printed.code) lines.push(`    exit code ${printed.code}, not ${wanted.code}`);
  for (const name of ['stdout', 'stderr'] as const) {
    if (wanted[name] === printed[name]) continue;
    const [theirs, own] = [wanted[name].split('\n'), printed[name].split('\n')];
    const found = [
      ...theirs.filter((line) => !own.includes(line)).map((line) => `    - ${line}`),
      ...own.filter((line) => !theirs.includes(line)).map((line) => `    + ${line}`),
    ];
    lines.push(...(found.length === 0 ? [`    the lines of ${name} are in another order`] : found));
  }
  return lines;
}
