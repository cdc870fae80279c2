/** `helm template`, also as `towpath template`: renders without a cluster. */

import { Command } from '@commander-js/extra-typings';
import { render, templateOutput, type RenderOptions } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';
import { loadCapabilities } from '@towpath/releases';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import { collect, collectList, valuesOf, withChartFlags, withClusterFlags, withValueFlags } from './flags.ts';
import { checkInstallable, nameAndChart } from './install.ts';
import { openChart } from './locate-chart.ts';
import { openSession } from './session.ts';

/** What `helm template` shows the templates when no cluster is asked. */
const defaultKubeVersion = 'v1.34.0';

export function templateCommand(context: CliContext) {
  const none: string[] = [];
  return withValueFlags(
    withChartFlags(withClusterFlags(new Command('template').description('locally render templates'))),
  )
    .argument('<name-or-chart>', 'NAME CHART, or CHART alone')
    .argument('[chart]')
    .option('-g, --generate-name', 'generate the name')
    .option('-s, --show-only <template>', 'only what these templates render', collect, none)
    .option('--output-dir <folder>', 'write the rendered templates to files')
    .option('--include-crds', 'include CRDs in the output')
    .option('--skip-crds', 'leave CRDs out')
    .option('--skip-tests', 'leave tests out')
    .option('--no-hooks', 'leave hooks out')
    .option('--is-upgrade', 'set .Release.IsUpgrade instead of .Release.IsInstall')
    .option('--kube-version <version>', 'Kubernetes version for .Capabilities')
    .option('-a, --api-versions <versions>', 'further API versions for .Capabilities', collectList, none)
    .option('--validate', 'ask the cluster for its capabilities')
    .option('--skip-schema-validation', 'do not apply values.schema.json')
    .option('--render-subchart-notes', 'accepted; notes are not part of the output')
    .option('--dependency-update', 'fetch dependencies that are not in charts/')
    .option('--release-name', 'put files below a folder named after the release')
    .action(async (first, second, flags) => {
      const named = second !== undefined || flags.generateName === true;
      const { name, chart: chartName } = named
        ? nameAndChart(context, { first, second, generateName: flags.generateName === true })
        : { name: 'release-name', chart: first };
      const chart = await openChart(context, chartName, flags, { dependencyUpdate: flags.dependencyUpdate === true });
      checkInstallable(chart);
      const isUpgrade = flags.isUpgrade === true;
      const namespace = flags.namespace ?? helmEnvironment(context).namespace ?? 'default';
      const { clock, random } = context;
      const capabilities = await capabilitiesOf(context, flags);
      const options: RenderOptions = {
        chart,
        values: await valuesOf(context, flags),
        release: { name, namespace, revision: 1, isInstall: !isUpgrade, isUpgrade },
        clock,
        random,
        skipSchemaValidation: flags.skipSchemaValidation === true,
        ...(capabilities !== undefined && { capabilities }),
      };
      const result = render(options);
      for (const warning of result.warnings) context.stderr(`WARNING: ${warning.message}\n`);
      const output = {
        includeCrds: flags.includeCrds === true && flags.skipCrds !== true,
        noHooks: !flags.hooks,
        skipTests: flags.skipTests === true,
        ...(flags.showOnly.length > 0 && { showOnly: flags.showOnly }),
      };
      const text = templateOutput(result, output);
      if (flags.outputDir === undefined) context.stdout(text);
      else {
        const folder = flags.releaseName === true ? join(flags.outputDir, name) : flags.outputDir;
        await writeParts(context, folder, text);
      }
    });
}

interface CapabilityFlags {
  readonly kubeVersion?: string | undefined;
  readonly apiVersions: string[];
  readonly validate?: boolean | undefined;
  readonly namespace?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly kubeContext?: string | undefined;
}

async function capabilitiesOf(context: CliContext, flags: CapabilityFlags) {
  if (flags.validate === true) {
    const session = await openSession(context, flags);
    return loadCapabilities(session.client);
  }
  if (flags.kubeVersion === undefined && flags.apiVersions.length === 0) return undefined;
  const { kubeVersion = defaultKubeVersion, apiVersions } = flags;
  if (!/^v?\d+(\.\d+){0,2}([-+].*)?$/.test(kubeVersion)) {
    throw new TowpathError('USAGE', `invalid kube version '${kubeVersion}'`);
  }
  return { kubeVersion: kubeVersion.startsWith('v') ? kubeVersion : `v${kubeVersion}`, apiVersions };
}

/** Each part under the path of its template; parts of one template share a file. */
async function writeParts(context: CliContext, folder: string, text: string): Promise<void> {
  const files = new Map<string, string>();
  for (const part of text.split(/^---\n/m)) {
    const path = /^# Source: (\S+)/.exec(part)?.[1];
    if (path !== undefined) files.set(path, `${files.get(path) ?? ''}---\n${part}`);
  }
  const root = resolve(context.cwd, folder);
  for (const [path, content] of files) {
    const file = resolve(root, path);
    if (!file.startsWith(`${root}/`)) throw new TowpathError('USAGE', `the template path ${path} leaves ${folder}`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    context.stdout(`wrote ${join(folder, path)}\n`);
  }
}
