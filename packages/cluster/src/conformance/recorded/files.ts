/** The recordings' folder: request script, answers and the list of known differences. */

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { assert, isRecord, parseYaml, TowpathError } from '@towpath/kit';
import type { KnownDifference } from './compare.ts';
import type { Answer } from './play.ts';

const answersFile = 'answers.json.gz';
const bestCompression = 9;

/** Found upwards from this program, which may be a bundle somewhere below the root. */
export function recordingsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const found = join(folder, 'packages', 'cluster', 'recordings');
    if (existsSync(found)) return found;
    assert(folder !== dirname(folder), 'packages/cluster/recordings is above or beside this program');
  }
}

/** Answers by step id. */
export async function loadAnswers(folder: string): Promise<Map<string, Answer>> {
  if (!existsSync(join(folder, answersFile))) return new Map();
  const text = gunzipSync(await readFile(join(folder, answersFile))).toString('utf8');
  // Written by saveAnswers.
  const file = JSON.parse(text) as { answers: Record<string, Answer> };
  return new Map(Object.entries(file.answers));
}

/** Writes the answers of a whole script. */
export async function saveAnswers(
  folder: string,
  recording: { kubernetes: string; answers: ReadonlyMap<string, Answer> },
): Promise<void> {
  const { kubernetes, answers } = recording;
  const text = JSON.stringify({ kubernetes, answers: Object.fromEntries(answers) });
  await writeFile(join(folder, answersFile), gzipSync(text, { level: bestCompression }));
}

/** The differences that stay. Throws `RECORDINGS_INVALID` for an entry without a reason. */
export async function loadKnownDifferences(folder: string): Promise<KnownDifference[]> {
  const list: unknown =
    parseYaml(await readFile(join(folder, 'differences.yaml'), 'utf8'), { file: 'differences.yaml' }) ?? [];
  assert(Array.isArray(list), 'differences.yaml is a list');
  return list.map((entry: unknown, index) => {
    const { step, at, reason } = isRecord(entry) ? entry : {};
    if (typeof step === 'string' && typeof at === 'string' && typeof reason === 'string') return { step, at, reason };
    const message = `differences.yaml: entry ${index} needs step, at and reason`;
    throw new TowpathError('RECORDINGS_INVALID', message, { next: 'write them as text' });
  });
}
