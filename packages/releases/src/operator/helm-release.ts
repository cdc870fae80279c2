/** The HelmRelease kind (helm.fluxcd.io/v1): its members, and the defaults of what is left out. */

import { keyText, type Condition, type Key, type KubeObject } from '@towpath/api';
import { isRecord, type UnknownRecord } from '@towpath/kit';
import { releaseError } from '../errors.ts';

export type HelmReleasePhase =
  | 'ChartFetched'
  | 'ChartFetchFailed'
  | 'Installing'
  | 'Upgrading'
  | 'Deployed'
  | 'DeployFailed'
  | 'Testing'
  | 'TestFailed'
  | 'Tested'
  | 'Succeeded'
  | 'Failed'
  | 'RollingBack'
  | 'RolledBack'
  | 'RollbackFailed';

export interface HelmReleaseStatus {
  observedGeneration?: number;
  phase?: HelmReleasePhase;
  releaseName?: string;
  releaseStatus?: string;
  /** The commit, or the chart version, that is deployed. */
  revision?: string;
  lastAttemptedRevision?: string;
  rollbackCount?: number;
  conditions?: Condition[];
}

/** Where values come from, in the order they are merged. */
export type ValuesSource =
  | {
      readonly type: 'configMap' | 'secret';
      readonly namespace?: string;
      readonly name: string;
      readonly key: string;
      readonly optional: boolean;
    }
  | { readonly type: 'external'; readonly url: string; readonly optional: boolean }
  | { readonly type: 'chartFile'; readonly path: string; readonly optional: boolean };

export type ChartSource =
  | {
      readonly type: 'git';
      readonly url: string;
      readonly ref: string | undefined;
      readonly path: string;
      readonly secret: { name: string; namespace: string } | undefined;
      readonly skipDependencyUpdate: boolean;
    }
  | { readonly type: 'repository'; readonly url: string; readonly name: string; readonly version: string };

interface RollbackSpec {
  readonly enable: boolean;
  readonly retry: boolean;
  /** 0 = without limit. */
  readonly maxRetries: number;
  readonly force: boolean;
  readonly disableHooks: boolean;
  readonly timeoutMs: number;
  readonly wait: boolean;
}

export interface HelmReleaseSpec {
  readonly releaseName: string;
  readonly targetNamespace: string;
  readonly chart: ChartSource;
  readonly values: UnknownRecord;
  readonly valuesFrom: readonly ValuesSource[];
  readonly timeoutMs: number;
  readonly resetValues: boolean;
  readonly wait: boolean;
  readonly forceUpgrade: boolean;
  readonly skipCrds: boolean;
  /** Revisions that are kept; 0 keeps all. */
  readonly maxHistory: number;
  readonly rollback: RollbackSpec;
  readonly test: { readonly enable: boolean; readonly ignoreFailures: boolean; readonly timeoutMs: number };
}

export interface HelmRelease extends KubeObject {
  spec?: UnknownRecord;
  status?: HelmReleaseStatus;
}

/** How the object is called in logs and on what it owns: `shop:helmrelease/frontend`. */
export function resourceId(key: Key): string {
  return `${key.namespace ?? 'default'}:helmrelease/${key.name}`;
}

/** The name and namespace of the release, which are known even when the rest of the spec is not valid. */
export function releaseKeyOf(object: HelmRelease): { name: string; namespace: string } {
  const { name, namespace = 'default' } = object.metadata;
  const spec = record(object.spec);
  const target = text(spec['targetNamespace']);
  const fallback =
    target === undefined || target === namespace ? `${namespace}-${name}` : `${namespace}-${target}-${name}`;
  return { name: text(spec['releaseName']) ?? fallback, namespace: target ?? namespace };
}

/** Reads the spec. Throws `CHART_SOURCE_INVALID` or `VALUES_INVALID`, naming the member. */
export function parseHelmRelease(object: HelmRelease): HelmReleaseSpec {
  const spec = record(object.spec);
  const namespace = object.metadata.namespace ?? 'default';
  const release = releaseKeyOf(object);
  const rollback = record(spec['rollback']);
  const test = record(spec['test']);
  const rollbackEnabled = rollback['enable'] === true;
  const testEnabled = test['enable'] === true;
  refuseHelm2(object, spec);
  return {
    releaseName: release.name,
    targetNamespace: release.namespace,
    chart: chartSource(object, record(spec['chart']), namespace),
    values: record(spec['values']),
    valuesFrom: valuesSources(object, spec),
    timeoutMs: seconds(spec['timeout']),
    resetValues: spec['resetValues'] !== false,
    wait: typeof spec['wait'] === 'boolean' ? spec['wait'] : rollbackEnabled || testEnabled,
    forceUpgrade: spec['forceUpgrade'] === true,
    skipCrds: spec['skipCRDs'] === true,
    maxHistory: typeof spec['maxHistory'] === 'number' ? spec['maxHistory'] : 10,
    rollback: {
      enable: rollbackEnabled,
      retry: rollback['retry'] === true,
      maxRetries: typeof rollback['maxRetries'] === 'number' ? rollback['maxRetries'] : 5,
      force: rollback['force'] === true,
      disableHooks: rollback['disableHooks'] === true,
      timeoutMs: seconds(rollback['timeout']),
      wait: rollback['wait'] === true,
    },
    test: { enable: testEnabled, ignoreFailures: test['ignoreFailures'] === true, timeoutMs: seconds(test['timeout']) },
  };
}

function refuseHelm2(object: HelmRelease, spec: UnknownRecord): void {
  if (spec['helmVersion'] !== 'v2') return;
  throw releaseError('CHART_SOURCE_INVALID', `${keyText(object.metadata)}: spec.helmVersion v2 is not supported`, {
    next: 'set it to v3',
  });
}

function chartSource(object: HelmRelease, chart: UnknownRecord, namespace: string): ChartSource {
  const git = text(chart['git']);
  const path = text(chart['path']);
  if (git !== undefined && path !== undefined) {
    const secret = record(chart['secretRef']);
    const secretName = text(secret['name']);
    return {
      type: 'git',
      url: git,
      ref: text(chart['ref']),
      path: path.replace(/^\.?\/+|\/+$/g, ''),
      secret:
        secretName === undefined ? undefined : { name: secretName, namespace: text(secret['namespace']) ?? namespace },
      skipDependencyUpdate: chart['skipDepUpdate'] === true,
    };
  }
  const url = text(chart['repository']);
  const name = text(chart['name']);
  const version = text(chart['version']);
  if (url !== undefined && name !== undefined && version !== undefined)
    return { type: 'repository', url, name, version };
  throw releaseError('CHART_SOURCE_INVALID', 'could not find valid chart source configuration for release', {
    next: `give ${keyText(object.metadata)} spec.chart.git and path, or spec.chart.repository, name and version`,
  });
}

function valuesSources(object: HelmRelease, spec: UnknownRecord): ValuesSource[] {
  const files = list(spec['valueFileSecrets']).map((entry) => ({ secretKeyRef: { ...entry, key: 'values.yaml' } }));
  return [...files, ...list(spec['valuesFrom'])].map((entry) => valuesSource(object, entry));
}

function valuesSource(object: HelmRelease, entry: UnknownRecord): ValuesSource {
  for (const [member, type] of [
    ['configMapKeyRef', 'configMap'],
    ['secretKeyRef', 'secret'],
  ] as const) {
    const ref = entry[member];
    if (!isRecord(ref)) continue;
    const name = text(ref['name']);
    if (name === undefined) throw invalidSource(object, `${member} has no name`);
    const namespace = text(ref['namespace']);
    const key = text(ref['key']) ?? 'values.yaml';
    return { type, name, key, optional: ref['optional'] === true, ...(namespace !== undefined && { namespace }) };
  }
  const external = record(entry['externalSourceRef']);
  const url = text(external['url']);
  if (url !== undefined) return { type: 'external', url, optional: external['optional'] === true };
  const chartFile = record(entry['chartFileRef']);
  const path = text(chartFile['path']);
  if (path !== undefined) return { type: 'chartFile', path, optional: chartFile['optional'] === true };
  const known = 'configMapKeyRef, secretKeyRef, externalSourceRef or chartFileRef';
  throw invalidSource(object, `an entry names none of ${known}`);
}

function invalidSource(object: HelmRelease, why: string): Error {
  return releaseError('VALUES_INVALID', `${keyText(object.metadata)}: spec.valuesFrom: ${why}`, {
    next: 'correct the HelmRelease',
  });
}

function seconds(value: unknown): number {
  return (typeof value === 'number' && value > 0 ? value : 300) * 1000;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function record(value: unknown): UnknownRecord {
  return isRecord(value) ? value : {};
}

function list(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
