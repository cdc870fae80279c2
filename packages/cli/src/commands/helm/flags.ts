/** Flags that several helm commands share, under helm's names. */

import type { Command, OptionValues } from '@commander-js/extra-typings';
import { fromBytes, valuesFromFlags, type ChartValues } from '@towpath/charts';
import { codeOf, messageOf, TowpathError } from '@towpath/kit';
import { durationMs } from '@towpath/releases';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CliContext } from '../../context.ts';
import { commaList } from './pflag.ts';
import { parseOutput, type OutputFormat } from './print/output.ts';

/** For options that may be given again. */
export function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** For options that may be given again or hold a comma list. */
export function collectList(value: string, previous: string[]): string[] {
  return [...previous, ...value.split(',').filter((part) => part !== '')];
}

function collectFiles(value: string, previous: string[]): string[] {
  return [...previous, ...commaList(value)];
}

export function parseDuration(value: string): number {
  return durationMs(value, 'timeout');
}

export function parseWhole(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new TowpathError('USAGE', `"${value}" is not a whole number`);
}

/** Which cluster and namespace. */
export interface ClusterFlags {
  readonly namespace?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly kubeContext?: string | undefined;
  readonly debug?: boolean | undefined;
}

export function withClusterFlags<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) {
  return command
    .option('-n, --namespace <name>', 'namespace scope for this request')
    .option('--kubeconfig <file>', 'path to the kubeconfig file')
    .option('--kube-context <name>', 'name of the kubeconfig context to use')
    .option('--debug', 'enable verbose output');
}

export function withOutputFlag<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  const table: OutputFormat = 'table';
  return command.option('-o, --output <format>', 'table, json or yaml', parseOutput, table);
}

export interface ValueFlags {
  readonly values: string[];
  readonly set: string[];
  readonly setString: string[];
  readonly setFile: string[];
  readonly setJson: string[];
  readonly setLiteral: string[];
}

export function withValueFlags<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  const none: string[] = [];
  return command
    .option(
      '-f, --values <file>',
      'values in a YAML file or at a URL, - for standard input (can be repeated)',
      collectFiles,
      none,
    )
    .option('--set <key=value>', 'set values (can be repeated or hold a comma list)', collect, none)
    .option('--set-string <key=value>', 'set STRING values', collect, none)
    .option('--set-file <key=path>', 'set values from files', collect, none)
    .option('--set-json <key=json>', 'set JSON values', collect, none)
    .option('--set-literal <key=value>', 'set a literal STRING value', collect, none);
}

/** Reads and merges the values of the flags. Throws `VALUES_INVALID` for a file that cannot be read. */
export async function valuesOf(context: CliContext, flags: ValueFlags): Promise<ChartValues> {
  const valueFiles = await Promise.all(
    flags.values.map(async (name) => ({ name, text: await readText(context, name) })),
  );
  const { set, setString, setFile, setJson, setLiteral } = flags;
  const texts = new Map<string, string>();
  const readFile = (path: string): string => {
    const text = texts.get(path);
    if (text === undefined) throw new UnreadFile(path);
    return text;
  };
  // The paths are only known while --set-file is parsed: each round reads one more.
  for (;;) {
    try {
      return valuesFromFlags({ valueFiles, set, setString, setFile, setJson, setLiteral, readFile });
    } catch (error) {
      const unread = error instanceof Error ? error.cause : undefined;
      if (!(unread instanceof UnreadFile)) throw error;
      texts.set(unread.path, await readText(context, unread.path, 'failed parsing --set-file data: '));
    }
  }
}

class UnreadFile extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`${path} is not read yet`);
    this.path = path;
  }
}

/** A file, a URL, or `-`. */
async function readText(context: CliContext, name: string, prefix = ''): Promise<string> {
  if (name.trim() === '-') return context.readStdin();
  if (/^https?:\/\//.test(name)) {
    const { httpGet } = await import('@towpath/releases');
    return fromBytes(await httpGet(name, { signal: context.signal }));
  }
  try {
    return fromBytes(await readFile(resolve(context.cwd, name)));
  } catch (error) {
    const problem = codeOf(error) === 'ENOENT' ? 'no such file or directory' : messageOf(error);
    throw new TowpathError('VALUES_INVALID', `${prefix}open ${name}: ${problem}`, {
      next: 'name a file that exists',
      cause: error,
    });
  }
}

/** Where a chart comes from and which version. */
export interface ChartFlags {
  readonly version?: string | undefined;
  readonly repo?: string | undefined;
  readonly devel?: boolean | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly passCredentials?: boolean | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly plainHttp?: boolean | undefined;
  readonly verify?: boolean | undefined;
}

export function withChartFlags<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  return command
    .option('--version <range>', 'chart version or range; the newest stable one when left out')
    .option('--repo <url>', 'chart repository to look in')
    .option('--devel', 'use development versions, too')
    .option('--username <name>', 'chart repository user name')
    .option('--password <password>', 'chart repository password')
    .option('--pass-credentials', 'pass credentials to all domains')
    .option('--ca-file <file>', 'verify certificates of HTTPS servers with this CA bundle')
    .option('--cert-file <file>', 'identify to HTTPS servers with this certificate')
    .option('--key-file <file>', 'identify to HTTPS servers with this key')
    .option('--insecure-skip-tls-verify', 'do not check certificates')
    .option('--plain-http', 'use HTTP for the chart download')
    .option('--verify', 'refused: OpenPGP signatures are not read here')
    .option('--keyring <file>', 'accepted: only --verify would read it');
}

/** How install, upgrade and rollback go about it. */
export interface OperationFlags {
  readonly wait?: boolean | undefined;
  readonly waitForJobs?: boolean | undefined;
  readonly timeout: number;
  readonly hooks: boolean;
  readonly force?: boolean | undefined;
  readonly strictThreeWay?: boolean | undefined;
}

const defaultTimeoutMs = 300_000;

export function withOperationFlags<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) {
  return command
    .option('--wait', 'wait until all objects are ready')
    .option('--wait-for-jobs', 'with --wait, wait until all Jobs have completed')
    .option('--timeout <duration>', 'time to wait for any one operation', parseDuration, defaultTimeoutMs)
    .option('--no-hooks', 'run no hooks')
    .option('--force', 'replace objects instead of patching them')
    .option('--strict-three-way', 'put back fields that Flagger owns, as Helm does');
}

export function operationOf(flags: OperationFlags) {
  return {
    wait: flags.wait === true,
    waitForJobs: flags.waitForJobs === true,
    timeoutMs: flags.timeout,
    disableHooks: !flags.hooks,
    force: flags.force === true,
    strictThreeWay: flags.strictThreeWay === true,
  };
}

/** `--dry-run[=client|server|none]`. */
export function dryRunOf(value: string | true | undefined): 'none' | 'client' | 'server' {
  switch (value) {
    case undefined:
    case 'none':
    case 'false':
      return 'none';
    case true:
    case 'client':
    case 'true':
      return 'client';
    case 'server':
      return 'server';
    default:
      throw new TowpathError(
        'USAGE',
        'Invalid dry-run flag. Flag must one of the following: false, true, none, client, server',
      );
  }
}

/** `key=value,key=value` (can be repeated). */
export function labelsOf(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((entry) => {
      const equals = entry.indexOf('=');
      if (equals < 1) throw new TowpathError('USAGE', `--labels: "${entry}" must be formatted as key=value`);
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
