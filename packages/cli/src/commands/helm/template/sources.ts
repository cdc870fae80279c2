/** The texts that a failure or an origin may point into. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Chart } from '@towpath/charts';
import type { CliContext } from '../../../context.ts';

export interface Sources {
  /** Makes the chart's files known under the names that templates have: `web/charts/cache/templates/x.yaml`. */
  readonly add: (chart: Chart) => void;
  /** A file of the chart, or of the disk; undefined when there is none. */
  readonly text: (file: string) => string | undefined;
}

export function createSources(context: CliContext): Sources {
  const files = new Map<string, Uint8Array>();
  const addAs = (chart: Chart, path: string): void => {
    for (const { name, data } of chart.raw) files.set(`${path}/${name}`, data);
    for (const dependency of chart.dependencies) {
      const { name } = dependency.metadata;
      const declared = (chart.metadata.dependencies ?? []).filter((entry) => entry.name === name);
      const names = new Set([name, ...declared.map(({ alias }) => alias ?? name)]);
      for (const known of names) addAs(dependency, `${path}/charts/${known}`);
    }
  };
  return {
    add: (chart) => addAs(chart, chart.metadata.name),
    text(file) {
      const data = files.get(file);
      if (data !== undefined) return Buffer.from(data).toString('utf8');
      try {
        return readFileSync(resolve(context.cwd, file), 'utf8');
      } catch {
        return undefined;
      }
    },
  };
}
