/** `kustomize.toolkit.fluxcd.io/v1` Kustomization and the sources it reads, as far as this controller uses them. */

import { parseGoDuration } from '@towpath/kit';
import type { Condition, KubeObject, ResourceType } from '@towpath/api';
import type { BuildSpec } from './generate.ts';
import type { InventoryEntry } from './objects.ts';

export interface DependencyRef {
  readonly name: string;
  readonly namespace?: string;
  readonly readyExpr?: string;
}

export interface SubstituteRef {
  readonly kind: string;
  readonly name: string;
  readonly optional?: boolean;
}

/** The fields of `spec`; durations are Go's (`5m0s`). */
export interface KustomizationSpec extends BuildSpec {
  readonly sourceRef: { readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly path?: string;
  readonly interval: string;
  readonly retryInterval?: string;
  readonly timeout?: string;
  readonly prune: boolean;
  readonly deletionPolicy?: 'MirrorPrune' | 'Delete' | 'WaitForTermination' | 'Orphan';
  readonly wait?: boolean;
  readonly healthChecks?: readonly { apiVersion?: string; kind: string; name: string; namespace?: string }[];
  readonly healthCheckExprs?: readonly unknown[];
  readonly dependsOn?: readonly DependencyRef[];
  readonly commonMetadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly postBuild?: {
    readonly substitute?: Record<string, string>;
    readonly substituteFrom?: readonly SubstituteRef[];
    readonly substituteStrategy?: 'WithVariables' | 'Always';
  };
  readonly force?: boolean;
  readonly suspend?: boolean;
  readonly serviceAccountName?: string;
  readonly decryption?: unknown;
  readonly kubeConfig?: unknown;
  readonly ignore?: readonly unknown[];
  readonly buildMetadata?: readonly unknown[];
}

/** `meta.Snapshot`: one set of objects that was reconciled. */
export interface Snapshot {
  readonly digest: string;
  readonly firstReconciled: string;
  readonly lastReconciled: string;
  readonly lastReconciledDuration: string;
  readonly lastReconciledStatus: string;
  readonly totalReconciliations: number;
  readonly metadata?: Record<string, string>;
}

export interface KustomizationStatus {
  observedGeneration?: number;
  lastHandledReconcileAt?: string;
  lastAppliedRevision?: string;
  lastAppliedOriginRevision?: string;
  lastAttemptedRevision?: string;
  inventory?: { entries: InventoryEntry[] };
  history?: Snapshot[];
  conditions?: Condition[];
}

export interface Kustomization extends KubeObject {
  spec: KustomizationSpec;
  status?: KustomizationStatus;
}

/** `status.artifact` of a source. */
export interface Artifact {
  readonly revision: string;
  readonly digest?: string;
  readonly url: string;
  readonly metadata?: Record<string, string>;
}

/** Any of the kinds a Kustomization may refer to. */
export interface Source extends KubeObject {
  status?: { artifact?: Artifact; conditions?: Condition[] };
}

export const Kustomizations: ResourceType<Kustomization> = {
  group: 'kustomize.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'Kustomization',
  plural: 'kustomizations',
  namespaced: true,
};

const source = (kind: string, plural: string): ResourceType<Source> => {
  return { group: 'source.toolkit.fluxcd.io', version: 'v1', kind, plural, namespaced: true };
};

export const sourceTypes: Readonly<Record<string, ResourceType<Source>>> = {
  GitRepository: source('GitRepository', 'gitrepositories'),
  OCIRepository: source('OCIRepository', 'ocirepositories'),
  Bucket: source('Bucket', 'buckets'),
  ExternalArtifact: source('ExternalArtifact', 'externalartifacts'),
};

export const finalizer = 'finalizers.fluxcd.io';
/** Milliseconds of a Go duration; undefined for a text that is none. */
export function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseGoDuration(text);
}

const minTimeoutMs = 30_000;

/** Without a timeout it is the interval less 30 s; never less than 30 s. */
export function timeoutMsOf({ spec }: Kustomization): number {
  const own = durationMs(spec.timeout) ?? (durationMs(spec.interval) ?? 0) - minTimeoutMs;
  return Math.max(own, minTimeoutMs);
}

export function intervalMsOf({ spec }: Kustomization): number {
  return durationMs(spec.interval) ?? 60_000;
}

export function retryMsOf(object: Kustomization): number {
  return durationMs(object.spec.retryInterval) ?? intervalMsOf(object);
}

export function sourceKeyOf({ metadata, spec }: Kustomization): { namespace: string; name: string } {
  return { namespace: spec.sourceRef.namespace ?? metadata.namespace ?? 'default', name: spec.sourceRef.name };
}

/** Adds a run to the history, newest first; one with the same digest and outcome is counted on. */
export function addSnapshot(
  history: readonly Snapshot[] | undefined,
  next: Omit<Snapshot, 'firstReconciled' | 'totalReconciliations'>,
): Snapshot[] {
  const list = history ?? [];
  const same = (one: Snapshot): boolean =>
    one.digest === next.digest && one.lastReconciledStatus === next.lastReconciledStatus;
  const old = list.find(same);
  const snapshot: Snapshot = {
    ...next,
    firstReconciled: old?.firstReconciled ?? next.lastReconciled,
    totalReconciliations: (old?.totalReconciliations ?? 0) + 1,
  };
  return [snapshot, ...list.filter((one) => !same(one))].slice(0, historyLimit);
}

const historyLimit = 5;
