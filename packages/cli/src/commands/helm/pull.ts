/** `helm pull`: downloads charts. */

import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { loadChart } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../../context.ts';
import { withChartFlags } from './flags.ts';
import { locateChart } from './locate-chart.ts';

export function pullCommand(context: CliContext) {
  return withChartFlags(new Command('pull').alias('fetch').description('download a chart'))
    .argument('<charts...>')
    .option('-d, --destination <folder>', 'where to write the chart', '.')
    .option('--untar', 'unpack the chart after downloading it')
    .option('--untardir <folder>', 'where to unpack it', '.')
    .action(async (charts, flags) => {
      for (const name of charts) {
        const { source, filename, digest } = await locateChart(context, name, flags);
        if (!(source instanceof Uint8Array) || filename === undefined) {
          throw new TowpathError('USAGE', `"${name}" is a local path: there is nothing to download`);
        }
        const folder = resolve(context.cwd, flags.destination);
        if (flags.untar === true) await unpack(join(folder, flags.untardir), source);
        else {
          await mkdir(folder, { recursive: true });
          await writeFile(join(folder, filename), source);
        }
        if (digest !== undefined) context.stdout(`Pulled: ${name}:${filename}\nDigest: ${digest}\n`);
      }
    });
}

async function unpack(folder: string, archive: Uint8Array): Promise<void> {
  const chart = await loadChart(archive);
  const root = join(folder, chart.metadata.name);
  if ((await stat(root).catch(() => undefined)) !== undefined) {
    throw new TowpathError(
      'CHART_NOT_FOUND',
      `failed to untar: a file or directory with the name ${root} already exists`,
    );
  }
  for (const file of chart.raw) {
    const path = resolve(root, file.name);
    if (!path.startsWith(`${root}/`)) {
      throw new TowpathError('CHART_INVALID', `${file.name} leaves the chart's folder`);
    }
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.data);
  }
}
