/** Takes spoiled files through everything that reads a chart, and says how it ended. */

import { seededRandom, systemClock, TowpathError } from '@towpath/kit';
import { loadChart } from '../chart/load.ts';
import { packageChart } from '../chart/package.ts';
import type { ChartFiles } from '../chart/types.ts';
import type { RenderLimits } from '../limits.ts';
import { lintChart } from '../lint/lint.ts';
import { templateOutput } from '../render/output.ts';
import { render } from '../render/render.ts';

/** `fine`, or the code of an error of ours. Throws whatever else comes: that is a bug. */
export async function survive(files: ChartFiles, limits: Partial<RenderLimits>): Promise<string> {
  const common = { values: {}, clock: systemClock, random: seededRandom(1), limits };
  const rendered = await outcomeOf(async () => {
    const chart = await loadChart(files);
    const release = { name: 'r', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false };
    templateOutput(render({ ...common, chart, release }), { includeCrds: true });
  });
  await outcomeOf(() => lintChart({ ...common, files }));
  return rendered;
}

/** The same for an archive with a byte changed: `at` and `to` from 0 to 1 and 0 to 255. */
export async function surviveArchive(files: ChartFiles, at: number, to: number): Promise<string> {
  return outcomeOf(async () => {
    const { data } = await packageChart(await loadChart(files));
    data[Math.floor(at * data.length)] = to;
    await loadChart(data);
  });
}

async function outcomeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return 'fine';
  } catch (error) {
    if (error instanceof TowpathError) return error.code;
    throw error;
  }
}
