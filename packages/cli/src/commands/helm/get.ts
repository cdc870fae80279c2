/** `helm get`: what is stored of a release. */

import { Command } from '@commander-js/extra-typings';
import { mergeValues, type Release } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { parseWhole, withClusterFlags, withOutputFlag } from './flags.ts';
import { formatOutput } from './print/output.ts';
import { appVersion, hooksText, statusText } from './print/release.ts';
import { documentText, releaseAt } from './read-commands.ts';

export function getCommand(context: CliContext) {
  return new Command('get')
    .description('download extended information of a named release')
    .addCommand(
      partCommand(context, 'all', 'all information', (release) =>
        statusText(release, { everything: true, showMetadata: true }),
      ),
    )
    .addCommand(partCommand(context, 'hooks', 'the hooks', (release) => hooksText(release.hooks)))
    .addCommand(partCommand(context, 'manifest', 'the manifest', (release) => `${release.manifest}\n`))
    .addCommand(partCommand(context, 'notes', 'the notes', notesText))
    .addCommand(valuesCommand(context))
    .addCommand(metadataCommand(context));
}

function notesText(release: Release): string {
  const { notes = '' } = release.info;
  return notes === '' ? '' : `NOTES:\n${notes}\n`;
}

function partCommand(context: CliContext, name: string, what: string, print: (release: Release) => string) {
  return withClusterFlags(new Command(name).description(`download ${what} of a named release`))
    .argument('<release>')
    .option('--revision <number>', 'of this revision instead of the last', parseWhole, 0)
    .action(async (release, flags) => {
      context.stdout(print(await releaseAt(context, flags, { name: release, revision: flags.revision })));
    });
}

function valuesCommand(context: CliContext) {
  return withOutputFlag(withClusterFlags(new Command('values').description('download the values of a named release')))
    .argument('<release>')
    .option('--revision <number>', 'of this revision instead of the last', parseWhole, 0)
    .option('-a, --all', 'dump all (computed) values')
    .action(async (name, flags) => {
      const release = await releaseAt(context, flags, { name, revision: flags.revision });
      const all = flags.all === true;
      const values = all ? mergeValues(release.config, release.chart.values) : release.config;
      const given = !all && Object.keys(values).length === 0 ? null : values;
      const title = all ? 'COMPUTED VALUES:' : 'USER-SUPPLIED VALUES:';
      const table = (): string => `${title}\n${documentText('yaml', given)}`;
      context.stdout(formatOutput(flags.output, given, table));
    });
}

function metadataCommand(context: CliContext) {
  return withOutputFlag(withClusterFlags(new Command('metadata').description('fetch metadata of a given release')))
    .argument('<release>')
    .option('--revision <number>', 'of this revision instead of the last', parseWhole, 0)
    .action(async (name, flags) => {
      const release = await releaseAt(context, flags, { name, revision: flags.revision });
      const { metadata } = release.chart;
      const annotations = record(metadata['annotations']);
      const dependencies = Array.isArray(metadata['dependencies']) ? metadata['dependencies'].map(record) : [];
      const value = {
        name: release.name,
        chart: metadata['name'],
        version: metadata['version'],
        appVersion: appVersion(release),
        ...(Object.keys(annotations).length > 0 && { annotations }),
        ...(dependencies.length > 0 && { dependencies }),
        namespace: release.namespace,
        revision: release.version,
        status: release.info.status,
        deployedAt: wholeSeconds(release.info.last_deployed),
      };
      const table = (): string =>
        [
          `NAME: ${release.name}`,
          `CHART: ${String(metadata['name'])}`,
          `VERSION: ${String(metadata['version'])}`,
          `APP_VERSION: ${appVersion(release)}`,
          `ANNOTATIONS: ${Object.entries(annotations)
            .map(([key, text]) => `${key}=${String(text)}`)
            .toSorted()
            .join(',')}`,
          `DEPENDENCIES: ${dependencies.map((dependency) => String(dependency['name'])).join(',')}`,
          `NAMESPACE: ${release.namespace}`,
          `REVISION: ${release.version}`,
          `STATUS: ${release.info.status}`,
          `DEPLOYED_AT: ${wholeSeconds(release.info.last_deployed)}`,
          '',
        ].join('\n');
      context.stdout(formatOutput(flags.output, value, table));
    });
}

function wholeSeconds(time: string): string {
  return time.replace(/\.\d+/, '');
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
