/** The flags of `template`: all of helm's, and what helm does not have. */

import { Command } from '@commander-js/extra-typings';
import { withChartFlags, withValueFlags, collect, type ChartFlags, type ValueFlags } from '../flags.ts';
import { withGlobalFlags, type GlobalFlags } from '../global-flags.ts';
import { commaList, goDuration } from '../pflag.ts';

/** Read by every part of the command. */
export interface TemplateFlags extends GlobalFlags, ChartFlags, ValueFlags, OwnFlags {
  readonly apiVersions: string[];
  readonly dependencyUpdate?: boolean | undefined;
  readonly disableOpenapiValidation?: boolean | undefined;
  readonly dryRun?: string | true | undefined;
  readonly enableDns?: boolean | undefined;
  readonly generateName?: boolean | undefined;
  readonly hooks: boolean;
  readonly includeCrds?: boolean | undefined;
  readonly isUpgrade?: boolean | undefined;
  readonly kubeVersion?: string | undefined;
  readonly labels: Record<string, string>;
  readonly nameTemplate?: string | undefined;
  readonly outputDir?: string | undefined;
  readonly postRenderer?: string | undefined;
  readonly postRendererArgs: string[];
  readonly releaseName?: boolean | undefined;
  readonly renderSubchartNotes?: boolean | undefined;
  readonly showOnly: string[];
  readonly skipSchemaValidation?: boolean | undefined;
  readonly skipTests?: boolean | undefined;
  readonly takeOwnership?: boolean | undefined;
  readonly validate?: boolean | undefined;
}

/** What Towpath has beyond helm. */
interface OwnFlags {
  readonly explain?: LineRange[] | undefined;
  readonly coverage?: boolean | undefined;
  readonly lookup?: string[] | undefined;
  readonly deterministic?: boolean | undefined;
  readonly output?: 'yaml' | 'json' | undefined;
}

/** Lines of the output, from 1, both ends included. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** The command with helm's flags. */
export function helmTemplateFlags() {
  const none: string[] = [];
  const noLabels: Record<string, string> = {};
  return withValueFlags(withChartFlags(withGlobalFlags(new Command('template'))))
    .argument('[operands...]', 'NAME CHART, or CHART alone')
    .option('-a, --api-versions <versions>', 'further API versions for .Capabilities', collectComma, none)
    .option('--atomic', 'accepted: nothing is installed')
    .option('--create-namespace', 'accepted: nothing is installed')
    .option('--dependency-update', 'fetch dependencies that are not in charts/, into memory')
    .option('--description <text>', 'accepted: no release is stored')
    .option('--disable-openapi-validation', 'with --validate, do not compare objects with the schemas of the cluster')
    .option('--dry-run [how]', 'client (default), or server: lookup asks the cluster')
    .option('--enable-dns', 'getHostByName resolves names')
    .option('--force', 'accepted: nothing is installed')
    .option('-g, --generate-name', 'accepted: the name is "release-name" when none is given, as with helm')
    .option('--hide-notes', 'accepted: notes are not part of the output')
    .option('--include-crds', 'include CRDs in the output')
    .option('--is-upgrade', 'set .Release.IsUpgrade instead of .Release.IsInstall')
    .option('--kube-version <version>', 'Kubernetes version for .Capabilities')
    .option('-l, --labels <key=value>', 'accepted: no release is stored', collectLabels, noLabels)
    .option('--name-template <template>', 'template of the release name')
    .option('--no-hooks', 'leave hooks out')
    .option('--output-dir <folder>', 'write what templates render to files')
    .option('--post-renderer <program>', 'program that changes the manifest; hooks are not passed to it')
    .option('--post-renderer-args <argument>', 'an argument of the program', collect, none)
    .option('--release-name', 'put files below a folder named after the release')
    .option('--render-subchart-notes', 'render the notes of subcharts, too')
    .option('--replace', 'accepted: nothing is installed')
    .option('-s, --show-only <template>', 'only what these templates render', collect, none)
    .option('--skip-crds', 'accepted: nothing is installed; see --include-crds')
    .option('--skip-schema-validation', 'do not apply values.schema.json')
    .option('--skip-tests', 'leave tests out')
    .option('--take-ownership', 'with --validate, objects may belong to somebody else')
    .option('--timeout <duration>', 'accepted: nothing is waited for', goDuration)
    .option('--validate', 'ask the cluster for its capabilities, and whether it would take the objects')
    .option('--wait', 'accepted: nothing is waited for')
    .option('--wait-for-jobs', 'accepted: nothing is waited for');
}

/** The command with Towpath's own flags as well. */
export function ownTemplateFlags() {
  const none: string[] = [];
  return helmTemplateFlags()
    .option('--explain <lines>', 'say where lines of the output come from: 12, 3,7 or 5-9', collectLines)
    .option('--coverage', 'say which parts of the templates run with the default values and each file in ci/')
    .option('--lookup <path>', 'answer lookup with the objects in a YAML file or folder', collect, none)
    .option('--deterministic', 'the same output each time: seeded random functions, a fixed clock')
    .option('-o, --output <format>', 'yaml (default) or json: the result, or the error, as data', readFormat);
}

function collectComma(value: string, previous: string[]): string[] {
  return [...previous, ...commaList(value)];
}

function collectLabels(value: string, previous: Record<string, string>): Record<string, string> {
  const labels = { ...previous };
  for (const entry of value.split(',')) {
    const equals = entry.indexOf('=');
    if (equals < 0) throw new Error(`${entry} must be formatted as key=value`);
    labels[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return labels;
}

function collectLines(value: string, previous: LineRange[] = []): LineRange[] {
  const ranges = value.split(',').map((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const first = Number(match?.[1] ?? 0);
    const last = Number(match?.[2] ?? first);
    if (first < 1 || last < first) throw new Error(`"${part}" is no line: write 12, 3,7 or 5-9`);
    return { first, last };
  });
  return [...previous, ...ranges];
}

function readFormat(value: string): 'yaml' | 'json' {
  if (value === 'yaml' || value === 'json') return value;
  throw new Error('invalid format type');
}
