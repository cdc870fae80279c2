/** The operator's log lines, in the form its users' tools match on. */

import { logfmt, type Clock } from '@towpath/kit';
import { resourceId } from './helm-release.ts';

/** `caller` values that users see beside the lines; numbers as in helm-operator 1.0.0-rc9 where a line is known. */
const callers: Readonly<Record<string, string>> = {
  'starting sync run': 'release.go:75',
  'running installation': 'release.go:301',
  'installation succeeded': 'release.go:310',
  'running upgrade': 'release.go:335',
  'upgrade succeeded': 'release.go:364',
  'performing dry-run upgrade to see if release has diverged': 'release.go:360',
  'no changes': 'release.go:404',
  'difference detected during release comparison': 'release.go:398',
};

export interface ReleaseLogTarget {
  readonly key: { readonly namespace?: string; readonly name: string };
  readonly release: { readonly name: string; readonly namespace: string };
}

type Fields = Readonly<Record<string, unknown>>;

export interface OperatorLog {
  /** A line about one release. */
  release(target: ReleaseLogTarget, level: 'info' | 'warning' | 'error', message: string, fields?: Fields): void;
  /** What the Helm client says while it works on a release. */
  helm(target: ReleaseLogTarget, message: string): void;
  /** A line about the operator itself or its repositories. */
  operator(component: string, level: 'info' | 'warning' | 'error', message: string, fields?: Fields): void;
}

/** logfmt lines as go-kit writes them: `ts=… caller=… component=… …`. */
export function createOperatorLog(options: { clock: Clock; print: (line: string) => void }): OperatorLog {
  const { clock, print } = options;
  const ts = (): string => new Date(clock.nowMs()).toISOString();
  return {
    release(target, level, message, fields = {}) {
      print(
        logfmt({
          ts: ts(),
          caller: callers[message] ?? 'release.go:79',
          component: 'release',
          release: target.release.name,
          targetNamespace: target.release.namespace,
          resource: resourceId(target.key),
          helmVersion: 'v3',
          [level]: message,
          ...fields,
        }),
      );
    },
    helm(target, message) {
      const { name, namespace } = target.release;
      const line = { ts: ts(), caller: 'helm.go:69', component: 'helm', version: 'v3', info: message };
      print(logfmt({ ...line, targetNamespace: namespace, release: name }));
    },
    operator(component, level, message, fields = {}) {
      print(logfmt({ ts: ts(), caller: 'operator.go:82', component, [level]: message, ...fields }));
    },
  };
}
