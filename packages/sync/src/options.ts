/** The flags of fluxd that the flux component understands. */

import { TowpathError } from '@towpath/kit';

export interface FluxOptions {
  readonly gitUrl: string;
  readonly gitBranch: string;
  /** Below the root; none means the whole repository. */
  readonly gitPaths: readonly string[];
  readonly gitPollMs: number;
  readonly gitTimeoutMs: number;
  readonly gitUser: string;
  readonly gitEmail: string;
  /** The name of the tag that marks the last commit that was applied. */
  readonly gitSyncTag: string;
  /** Appended to commit messages when pipelines should skip them; empty when they should not. */
  readonly gitCiSkipMessage: string;
  readonly gitReadonly: boolean;
  readonly syncIntervalMs: number;
  readonly garbageCollection: boolean;
  readonly garbageCollectionDryRun: boolean;
  readonly automationMs: number;
  readonly registryPollMs: number;
  readonly registryScan: boolean;
  readonly k8sSecretName: string;
  /** Namespace of manifests that name none. */
  readonly defaultNamespace: string;
  /** Port of the HTTP API and the webhook. */
  readonly listenPort: number;
}

/** Every flag once: what it may be and what it is when it is absent. Source: fluxd, `--help`. */
const flags: Readonly<Record<string, { readonly kind: Kind; readonly initial: string }>> = {
  'git-url': { kind: 'text', initial: '' },
  'git-branch': { kind: 'text', initial: 'master' },
  'git-path': { kind: 'list', initial: '' },
  'git-poll-interval': { kind: 'duration', initial: '5m' },
  'git-timeout': { kind: 'duration', initial: '20s' },
  'git-user': { kind: 'text', initial: 'Weave Flux' },
  'git-email': { kind: 'text', initial: 'support@weave.works' },
  'git-label': { kind: 'text', initial: '' },
  'git-sync-tag': { kind: 'text', initial: 'flux-sync' },
  'git-ci-skip': { kind: 'boolean', initial: 'false' },
  'git-ci-skip-message': { kind: 'text', initial: '' },
  'git-readonly': { kind: 'boolean', initial: 'false' },
  'sync-interval': { kind: 'duration', initial: '5m' },
  'sync-garbage-collection': { kind: 'boolean', initial: 'false' },
  'sync-garbage-collection-dry': { kind: 'boolean', initial: 'false' },
  'automation-interval': { kind: 'duration', initial: '5m' },
  'registry-poll-interval': { kind: 'duration', initial: '5m' },
  'registry-disable-scanning': { kind: 'boolean', initial: 'false' },
  'k8s-secret-name': { kind: 'text', initial: 'flux-git-deploy' },
  'k8s-default-namespace': { kind: 'text', initial: 'default' },
  listen: { kind: 'text', initial: ':3030' },
};

type Kind = 'text' | 'list' | 'boolean' | 'duration';

/** Parses `--name=value`, `--name value` and bare booleans. Throws `FLUX_FLAG_UNKNOWN` or `FLUX_FLAG_INVALID`. */
export function parseFluxOptions(args: readonly string[]): FluxOptions {
  const values = readFlags(args);
  const last = (name: string): string => values.get(name)?.at(-1) ?? flags[name]?.initial ?? '';
  const isSet = (name: string): boolean => booleanOf(name, last(name));
  const duration = (name: string): number => durationMs(name, last(name));
  const gitUrl = last('git-url');
  if (gitUrl === '') {
    throw new TowpathError('FLUX_FLAG_INVALID', 'no repository is given', {
      next: 'set --git-url (chart value git.url)',
    });
  }
  const label = last('git-label');
  const skipMessage = last('git-ci-skip-message');
  return {
    gitUrl,
    gitBranch: last('git-branch'),
    gitPaths: (values.get('git-path') ?? [])
      .flatMap((list) => list.split(','))
      .map(trimSlashes)
      .filter((path) => path !== ''),
    gitPollMs: duration('git-poll-interval'),
    gitTimeoutMs: duration('git-timeout'),
    gitUser: last('git-user'),
    gitEmail: last('git-email'),
    gitSyncTag: label === '' ? last('git-sync-tag') : label,
    gitCiSkipMessage: skipMessage !== '' ? skipMessage : isSet('git-ci-skip') ? '[ci skip]' : '',
    gitReadonly: isSet('git-readonly'),
    syncIntervalMs: duration('sync-interval'),
    garbageCollection: isSet('sync-garbage-collection'),
    garbageCollectionDryRun: isSet('sync-garbage-collection-dry'),
    automationMs: duration('automation-interval'),
    registryPollMs: duration('registry-poll-interval'),
    registryScan: !isSet('registry-disable-scanning'),
    k8sSecretName: last('k8s-secret-name'),
    defaultNamespace: last('k8s-default-namespace'),
    listenPort: Number(/:(\d+)$/.exec(last('listen'))?.[1] ?? 3030),
  };
}

function readFlags(args: readonly string[]): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? '';
    const match = /^--([a-z0-9-]+)(?:=([\s\S]*))?$/.exec(argument);
    const name = match?.[1] ?? '';
    const flag = flags[name];
    if (flag === undefined) {
      throw new TowpathError('FLUX_FLAG_UNKNOWN', `flux does not know the argument ${JSON.stringify(argument)}`, {
        next: `remove it; known are ${Object.keys(flags)
          .map((known) => `--${known}`)
          .join(', ')}`,
      });
    }
    let value = match?.[2];
    if (value === undefined) value = flag.kind === 'boolean' ? 'true' : (args[++index] ?? '');
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

function booleanOf(name: string, text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0' || text === '') return false;
  throw new TowpathError('FLUX_FLAG_INVALID', `--${name}=${text} is neither true nor false`, {
    next: 'write true or false',
  });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationMs(name: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, value, unit]) => sum + Number(value) * (unitMs[unit ?? ''] ?? 0), 0);
  if (parts.map(([whole]) => whole).join('') !== text || total <= 0) {
    throw new TowpathError('FLUX_FLAG_INVALID', `--${name}=${text} is no duration`, {
      next: 'write for example 1m or 90s',
    });
  }
  return total;
}

function trimSlashes(path: string): string {
  return path
    .trim()
    .replace(/^(?:\.?\/+)+|\/+$/g, '')
    .replace(/^\.$/, '');
}
