/** This engine, asked as the real Helm is asked. */

import { readFile } from 'node:fs/promises';
import { messageOf, seededRandom, systemClock } from '@towpath/kit';
import type { Chart, ChartFiles } from '../chart/types.ts';
import { fromBytes } from '../go/utf8.ts';
import { lintChart } from '../lint/lint.ts';
import { defaultCapabilities } from '../render/capabilities.ts';
import { templateOutput } from '../render/output.ts';
import { render } from '../render/render.ts';
import { valuesFromFlags } from '../values/flags.ts';
import type { ChartValues } from '../values/chart-values.ts';
import type { HelmAnswer } from './helm.ts';
import type { Variant } from './variants.ts';

const clock = systemClock;

/** What `helm template` would say. */
export async function ownTemplate(chart: Chart, variant: Variant): Promise<HelmAnswer> {
  const { kubeVersion, apiVersions = [], isUpgrade = false, includeCrds = false } = variant;
  try {
    const result = render({
      chart,
      values: await valuesOf(variant),
      release: { name: 'release-name', namespace: 'default', revision: 1, isInstall: !isUpgrade, isUpgrade },
      capabilities: { kubeVersion, apiVersions: [...defaultCapabilities.apiVersions, ...apiVersions] },
      clock,
      random: seededRandom(1),
      // The machine may be busy: what is compared is not how long it takes.
      limits: { timeMs: 600_000 },
    });
    return { output: templateOutput(result, { includeCrds }), error: '' };
  } catch (error) {
    return { output: '', error: messageOf(error).trimEnd() };
  }
}

/** What `helm lint` would print for a folder. */
export async function ownLint(files: ChartFiles, folder: string, variant: Variant): Promise<string> {
  const { kubeVersion } = variant;
  const messages = await lintChart({
    files,
    values: await valuesOf(variant),
    capabilities: { ...defaultCapabilities, kubeVersion },
    clock,
    random: seededRandom(1),
  });
  const lines = messages.map(({ severity, path, message }) => `[${severity}] ${path || folder}: ${message}\n`);
  return `==> Linting ${folder}\n${lines.join('')}`;
}

async function valuesOf({ valuesFile, set }: Variant): Promise<ChartValues> {
  return valuesFromFlags({
    valueFiles: valuesFile === undefined ? [] : [{ name: valuesFile, text: fromBytes(await readFile(valuesFile)) }],
    set: set === undefined ? [] : [set],
  });
}
