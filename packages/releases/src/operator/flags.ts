/** The operator's flags, under the names the original has. */

import { parseGoDuration, TowpathError } from '@towpath/kit';

export interface OperatorFlags {
  readonly workers: number;
  /** How often every release is compared, changed or not. */
  readonly syncIntervalMs: number;
  readonly gitPollIntervalMs: number;
  readonly gitTimeoutMs: number;
  readonly gitDefaultRef: string;
  /** The Secret in the operator's namespace that holds the deploy key; '' for none. */
  readonly sshSecretName: string;
  /** Only this namespace; undefined watches all. */
  readonly allowNamespace: string | undefined;
  /** Only HelmReleases with these labels, so that several operators share the work; undefined for all. */
  readonly watchLabelSelector: string | undefined;
  readonly logReleaseDiffs: boolean;
  /** Dependencies that are not in charts/ are fetched. */
  readonly updateChartDependencies: boolean;
  /** Helm's own three-way merge: fields that Flagger owns are put back. */
  readonly strictThreeWay: boolean;
}

type Read = (value: string, flag: string) => Partial<Record<keyof OperatorFlags, unknown>>;

/** Accepted because manifests of the original carry them; they change nothing here. */
const withoutEffect = new Set([
  'log-format',
  'listen',
  'status-update-interval',
  'enabled-helm-versions',
  'helm-repository-import',
  'tiller-namespace',
  'tiller-ip',
  'tiller-port',
  'log-format',
]);

const readers: Readonly<Record<string, Read>> = {
  workers: (value, flag) => ({ workers: whole(value, flag) }),
  'charts-sync-interval': (value, flag) => ({ syncIntervalMs: durationMs(value, flag) }),
  'git-poll-interval': (value, flag) => ({ gitPollIntervalMs: durationMs(value, flag) }),
  'git-timeout': (value, flag) => ({ gitTimeoutMs: durationMs(value, flag) }),
  'git-default-ref': (value) => ({ gitDefaultRef: value }),
  'git-ssh-secret': (value) => ({ sshSecretName: value }),
  'allow-namespace': (value) => ({ allowNamespace: value === '' ? undefined : value }),
  'watch-label-selector': (value) => ({ watchLabelSelector: value === '' ? undefined : value }),
  'log-release-diffs': (value) => ({ logReleaseDiffs: value !== 'false' }),
  'update-chart-deps': (value) => ({ updateChartDependencies: value !== 'false' }),
  'strict-three-way': (value) => ({ strictThreeWay: value !== 'false' }),
};

const defaults: OperatorFlags = {
  workers: 4,
  syncIntervalMs: 180_000,
  gitPollIntervalMs: 300_000,
  gitTimeoutMs: 20_000,
  gitDefaultRef: 'master',
  sshSecretName: 'flux-git-deploy',
  allowNamespace: undefined,
  watchLabelSelector: undefined,
  logReleaseDiffs: false,
  updateChartDependencies: true,
  strictThreeWay: false,
};

/** Reads `--name=value` and `--name value`. Throws `USAGE` for a flag it does not know. */
export function parseOperatorFlags(args: readonly string[]): OperatorFlags {
  let flags: OperatorFlags = defaults;
  for (let index = 0; index < args.length; index++) {
    const match = /^--?([a-z0-9-]+)(?:=(.*))?$/s.exec(args[index] ?? '');
    const name = match?.[1] ?? '';
    const read = readers[name];
    if (match === null || (read === undefined && !withoutEffect.has(name))) {
      throw new TowpathError('USAGE', `helm-operator: unknown flag ${args[index]}`, {
        next: `use one of ${Object.keys(readers).join(', ')}`,
      });
    }
    const following = args[index + 1];
    const takesNext = match[2] === undefined && following !== undefined && !following.startsWith('-');
    const value = match[2] ?? (takesNext ? following : 'true');
    if (takesNext) index++;
    if (read !== undefined) flags = { ...flags, ...(read(value, name) as Partial<OperatorFlags>) };
  }
  return flags;
}

function whole(value: string, flag: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new TowpathError('USAGE', `helm-operator: --${flag} ${value} is not a whole number above zero`);
}

/** A Go duration such as `1m30s`. */
export function durationMs(value: string, flag: string): number {
  const parsed = parseGoDuration(value);
  if (parsed !== undefined) return parsed;
  throw new TowpathError('USAGE', `--${flag}: "${value}" is not a duration`, { next: 'write it like 1m30s' });
}
