/** Charts and renders in a line, for the tests of this package. */

import { seededRandom } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { loadChart } from './chart/load.ts';
import type { Chart } from './chart/types.ts';
import type { RenderOptions } from './render/types.ts';

const chartYaml = 'apiVersion: v2\nname: c\nversion: 1.0.0\n';

/** Chart files from texts; a Chart.yaml is added when there is none. */
export function chartFiles(texts: Readonly<Record<string, string>>): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(
    Object.entries({ 'Chart.yaml': chartYaml, ...texts }).map(([name, text]) => [name, encoder.encode(text)]),
  );
}

export async function testChart(texts: Readonly<Record<string, string>>): Promise<Chart> {
  return loadChart(chartFiles(texts));
}

/** Everything a render needs but the chart. */
export function renderOptions(): Omit<RenderOptions, 'chart'> {
  return {
    values: {},
    release: { name: 'r', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false },
    clock: new FakeClock(),
    random: seededRandom(1),
  };
}
