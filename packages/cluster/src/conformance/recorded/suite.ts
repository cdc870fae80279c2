/** The suite `recorded`: a script of requests whose answers were recorded from a real kube-apiserver. */

import { parseArgs } from 'node:util';
import { seededRandom, silentLogger, systemClock } from '@towpath/kit';
import { createApiServer } from '../../apiserver/serving/api-server.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { buildReal, kubernetesVersion } from '../real/build.ts';
import { startRealControlPlane } from '../real/control-plane.ts';
import type { Suite, SuiteResult } from '../suite.ts';
import { compareAll, type Difference } from './compare.ts';
import { loadAnswers, loadKnownDifferences, recordingsFolder, saveAnswers } from './files.ts';
import { play, type Answer } from './play.ts';
import { loadScript, type ScriptFile } from './script.ts';
import { join } from 'node:path';

/** Compares with the recordings, or with `--record` makes them. */
export const recorded: Suite = {
  name: 'recorded',
  summary: 'a request script, answers compared with those of a real kube-apiserver 1.34 [--record] [--only FILE]',
  run: runRecorded,
};

const shownMax = 160;

async function runRecorded(args: readonly string[], print: (line: string) => void): Promise<SuiteResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      record: { type: 'boolean' },
      only: { type: 'string' },
      tools: { type: 'string' },
      full: { type: 'boolean' },
    },
  });
  const folder = recordingsFolder();
  const script = await loadScript(join(folder, 'requests'));
  const files = script.filter((file) => values.only === undefined || values.only.split(',').includes(file.name));
  if (values.record === true) return record({ folder, files, all: script, tools: values.tools, print });

  const ours = await playOurs(files);
  const compared = compareAll(await loadAnswers(folder), ours, await loadKnownDifferences(folder));
  const { identical, listed, open } = compared;
  printDifferences(open, print, values.full === true ? Infinity : shownMax);
  const unused = values.only === undefined ? compared.unused : [];
  for (const entry of unused)
    print(`the list of differences has an entry without a difference: ${entry.step} ${entry.at}`);
  const different = new Set(open.map(({ step }) => step)).size;
  print(`${ours.size} requests: ${identical} identical, ${listed} with listed differences, ${different} different`);
  const failed = different + unused.length;
  return { passed: identical + listed, failed, skipped: 0, code: failed === 0 ? 0 : 1 };
}

function printDifferences(open: readonly Difference[], print: (line: string) => void, max: number): void {
  let step = '';
  for (const difference of open) {
    if (difference.step !== step) print(difference.step);
    step = difference.step;
    print(`  ${difference.at}`);
    print(`    recorded ${shown(difference.recorded, max)}`);
    print(`    ours     ${shown(difference.ours, max)}`);
  }
}

function shown(value: unknown, max: number): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value);
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

/** Plays the script on a new API server of ours: no controllers, no nodes. */
export async function playOurs(files: readonly ScriptFile[]): Promise<Map<string, Answer>> {
  const server = await createApiServer({
    store: createMemoryStore(),
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    countsQuotas: false,
  });
  try {
    return await play({ url: server.url, caPem: server.caPem, token: server.adminToken }, files);
  } finally {
    await server.dispose();
  }
}

interface Recording {
  readonly folder: string;
  readonly files: readonly ScriptFile[];
  readonly all: readonly ScriptFile[];
  readonly tools: string | undefined;
  readonly print: (line: string) => void;
}

async function record({ folder, files, all, tools, print }: Recording): Promise<SuiteResult> {
  const programs = await buildReal(['etcd', 'kube-apiserver'], { folder: tools, say: print });
  const real = await startRealControlPlane({ programs, clock: systemClock });
  try {
    const answers = await play(real, files);
    const kept = files.length === all.length ? new Map<string, Answer>() : await loadAnswers(folder);
    const order = all.flatMap((file) => file.steps.map((step) => step.id));
    const merged = new Map<string, Answer>();
    for (const id of order) {
      const answer = answers.get(id) ?? kept.get(id);
      if (answer !== undefined) merged.set(id, answer);
    }
    await saveAnswers(folder, { kubernetes: kubernetesVersion, answers: merged });
    print(`${answers.size} answers of kube-apiserver ${kubernetesVersion} recorded, ${merged.size} in the file`);
    return { passed: answers.size, failed: 0, skipped: 0, code: 0 };
  } finally {
    await real.dispose();
  }
}
