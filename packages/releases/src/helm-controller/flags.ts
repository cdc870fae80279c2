/** The controller's flags, under the names the original has. */

import { parseGoDuration, TowpathError } from '@towpath/kit';

export interface ControllerFlags {
  /** Releases at once. */
  readonly concurrent: number;
  readonly requeueDependencyMs: number;
  /** False: only the namespace the controller runs in. */
  readonly watchAllNamespaces: boolean;
  /** Only HelmReleases with these labels, so that several controllers share the work; undefined for all. */
  readonly watchLabelSelector: string | undefined;
  readonly crossNamespaceRefs: boolean;
  readonly defaultServiceAccount: string;
}

const defaults: ControllerFlags = {
  concurrent: 4,
  requeueDependencyMs: 30_000,
  watchAllNamespaces: true,
  watchLabelSelector: undefined,
  crossNamespaceRefs: true,
  defaultServiceAccount: '',
};

type Read = (value: string, flag: string) => Partial<ControllerFlags>;

const readers: Readonly<Record<string, Read>> = {
  concurrent: (value, flag) => ({ concurrent: whole(value, flag) }),
  'requeue-dependency': (value, flag) => ({ requeueDependencyMs: duration(value, flag) }),
  'watch-all-namespaces': (value) => ({ watchAllNamespaces: value !== 'false' }),
  'watch-label-selector': (value) => ({ watchLabelSelector: value === '' ? undefined : value }),
  'no-cross-namespace-refs': (value) => ({ crossNamespaceRefs: value === 'false' }),
  'default-service-account': (value) => ({ defaultServiceAccount: value }),
};

/** Accepted because manifests of the original carry them; they change nothing here. */
const withoutEffect = new Set([
  'log-level',
  'log-encoding',
  'events-addr',
  'metrics-addr',
  'health-addr',
  'graceful-shutdown-timeout',
  'http-retry',
  'interval-jitter-percentage',
  'kube-api-qps',
  'kube-api-burst',
  'min-retry-delay',
  'max-retry-delay',
  'feature-gates',
  'watch-configs-label-selector',
  'artifact-retry-interval',
]);

/** Reads `--name=value` and `--name value`. Throws `USAGE` for a flag it does not know. */
export function parseControllerFlags(args: readonly string[]): ControllerFlags {
  let flags = defaults;
  for (let index = 0; index < args.length; index++) {
    const match = /^--?([a-z0-9-]+)(?:=(.*))?$/s.exec(args[index] ?? '');
    const name = match?.[1] ?? '';
    const read = readers[name];
    if (match === null || (read === undefined && !withoutEffect.has(name))) {
      throw new TowpathError('USAGE', `helm-controller: unknown flag ${args[index]}`, {
        next: `use one of ${Object.keys(readers).join(', ')}`,
      });
    }
    const following = args[index + 1];
    const takesNext = match[2] === undefined && following !== undefined && !following.startsWith('-');
    const value = match[2] ?? (takesNext ? following : 'true');
    if (takesNext) index++;
    if (read !== undefined) flags = { ...flags, ...read(value, name) };
  }
  return flags;
}

function whole(value: string, flag: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new TowpathError('USAGE', `helm-controller: --${flag} ${value} is not a whole number above zero`);
}

function duration(value: string, flag: string): number {
  const parsed = parseGoDuration(value);
  if (parsed !== undefined && parsed > 0) return parsed;
  throw new TowpathError('USAGE', `helm-controller: --${flag} ${value} is no duration above zero`, {
    next: 'write it like 30s',
  });
}
