/** What a program does with the chart engine, from the first render to errors and findings. */

import {
  fixedTime,
  lintChart,
  loadChart,
  packageChart,
  render,
  seededRandom,
  templateOutput,
  TowpathError,
  valuesFromFlags,
} from 'towpath/charts';
import { files, secrets } from './chart.js';

/** The shortest render: a chart with its own values. */
async function first(): Promise<string> {
  const chart = await loadChart(files);
  return templateOutput(render({ chart }));
}

/** Values as `helm --values FILE --set …` takes them, and a release of a name. */
async function withValues(): Promise<string> {
  const chart = await loadChart(files);
  const values = valuesFromFlags({
    valueFiles: [{ name: 'production.yaml', text: 'replicas: 5\nlimits: { memory: null }\n' }],
    set: ['image.tag=v2'],
  });
  const release = { name: 'live', namespace: 'shop', revision: 3, isInstall: false, isUpgrade: true };
  const result = render({ chart, values, release });
  const kinds = result.manifests.map(({ kind, name }) => `${kind}/${name}`);
  return `${templateOutput(result)}${result.notes}${kinds.join(' ')}\n`;
}

/** Out of the archive, and into it again. */
async function packed(): Promise<string> {
  const { filename, data } = await packageChart(files, { version: '9.9.9' });
  const chart = await loadChart(data);
  return `${filename} ${chart.metadata.version} ${templateOutput(render({ chart })) === (await first())}\n`;
}

/** The same time and seed give the same keys and passwords everywhere. */
async function repeatable(): Promise<string> {
  const chart = await loadChart(secrets);
  return templateOutput(render({ chart, clock: fixedTime(1_700_000_000_000), random: seededRandom(7) }));
}

/** Which template wrote a line, and who set the values in it. */
async function explained(): Promise<string> {
  const chart = await loadChart(files);
  const values = valuesFromFlags({ valueFiles: [{ name: 'production.yaml', text: 'replicas: 5\n' }] });
  const result = render({ chart, values, trace: true });
  const number =
    templateOutput(result)
      .split('\n')
      .findIndex((line) => line.includes('replicas:')) + 1;
  const origin = result.trace?.outputLine(number);
  const reads = origin?.values.map(
    ({ path, origins }) => `${path} of ${origins.map(({ source }) => source).join(' over ')}`,
  );
  return `line ${number}: ${origin?.template.file}:${origin?.template.line}, ${reads?.join(', ')}\n`;
}

/** A failure says what, where and what to do next. */
async function failing(): Promise<string> {
  const chart = await loadChart(files);
  try {
    render({ chart, values: { replicas: 0 } });
    return 'rendered\n';
  } catch (error) {
    if (!(error instanceof TowpathError)) throw error;
    return `${error.code}: ${error.message}\n${error.next ?? ''}\n${JSON.stringify(error.details)}\n`;
  }
}

async function findings(): Promise<string> {
  const messages = await lintChart({ files });
  return messages.map(({ severity, path, message }) => `[${severity}] ${path}: ${message}\n`).join('');
}

/** Everything above as one text. */
export async function everything(): Promise<string> {
  const parts: string[] = [];
  for (const part of [first, withValues, packed, repeatable, explained, failing, findings]) {
    parts.push(`== ${part.name}\n${await part()}`);
  }
  return parts.join('');
}
