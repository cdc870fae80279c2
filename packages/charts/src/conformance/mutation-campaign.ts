/** `npm run conformance -- charts --mutate SECONDS`: spoiled charts, for harm or against the real Helm. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { seededRandom, systemClock } from '@towpath/kit';
import { runCampaign, sample, type CampaignOptions, type Victim } from '../mutation/campaign.ts';
import { fromDraft, mutate, toDraft, type Draft } from '../mutation/mutations.ts';
import { smallVictim } from '../mutation/victim.ts';
import { assemble, findCharts, readFolder } from './charts.ts';
import { compareFolder, remoteSchema } from './comparison.ts';

export interface MutationCampaignOptions extends Pick<CampaignOptions, 'seconds' | 'seed' | 'thread' | 'print'> {
  /** Where public charts are. */
  readonly from: string | undefined;
  readonly only: string;
  /** Compares with this Helm instead of looking for harm. */
  readonly helm: string | undefined;
}

/** They are kept in memory. */
const victimsMax = 60;

/** The exit code is 1 for any harm, or any difference from Helm. */
export async function mutationCampaign(options: MutationCampaignOptions): Promise<number> {
  const { helm } = options;
  const victims = await victimsOf(options);
  const failures = await (helm === undefined
    ? runCampaign({ ...options, victims })
    : compareSpoiled({ ...options, victims, helm }));
  return failures === 0 ? 0 : 1;
}

async function victimsOf({ from, only }: MutationCampaignOptions): Promise<Victim[]> {
  if (from === undefined) return [smallVictim];
  const all = await findCharts(from);
  const charts = all.filter(({ isLibrary, label }) => !isLibrary && label.includes(only));
  const victims = [smallVictim];
  for (const chart of sample(charts, victimsMax, seededRandom(1))) {
    const temporary = await mkdtemp(join(tmpdir(), 'towpath-mutation-'));
    const folder = join(temporary, chart.name);
    await assemble(chart, all, folder);
    victims.push({ label: chart.label, draft: toDraft(await readFolder(folder)) });
    await rm(temporary, { recursive: true, force: true });
  }
  return victims;
}

/** Those that Helm survives: it has no limits. */
const mild = [
  'bad UTF-8',
  'a flipped byte',
  'a huge number',
  'files swapped',
  'a file gone',
  'a part of another file',
  'a line gone',
  'a line twice',
  'an action gone',
  'another word',
  'another value',
  'other metadata',
];

async function compareSpoiled(
  options: MutationCampaignOptions & { readonly victims: readonly Victim[]; readonly helm: string },
): Promise<number> {
  const { victims, helm, print } = options;
  const endMs = systemClock.monotonicMs() + options.seconds * 1000;
  const counts = { identical: 0, chance: 0, refused: 0, different: 0 };
  let { seed } = options;
  do {
    const victim = victims[seed % victims.length] ?? smallVictim;
    const { draft, done } = mutate(victim.draft, seededRandom(seed), mild);
    const temporary = await mkdtemp(join(tmpdir(), 'towpath-mutation-'));
    const folder = join(temporary, 'chart');
    await writeDraft(folder, draft);
    for (const { outcome, detail, label } of await compareFolder(folder, { helm, wide: undefined, lint: false })) {
      if (detail.includes(remoteSchema)) continue;
      counts[outcome] += 1;
      if (outcome !== 'different') continue;
      print(`DIFFERENT seed ${seed}, ${victim.label} ${label} with ${done.join(' and ')}:\n    ${detail}`);
    }
    await rm(temporary, { recursive: true, force: true });
    seed += 1;
  } while (systemClock.monotonicMs() < endMs);
  print(
    `${seed - options.seed} spoiled charts against Helm: ${counts.identical + counts.chance} renders identical, ` +
      `${counts.refused} refused with the same sentence, ${counts.different} different`,
  );
  return counts.different;
}

async function writeDraft(folder: string, draft: Draft): Promise<void> {
  for (const [name, data] of fromDraft(draft)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
  }
}
