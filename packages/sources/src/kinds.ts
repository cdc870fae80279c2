/** The kinds of `source.toolkit.fluxcd.io/v1`, the members this controller uses. Durations are Go's (`5m0s`). */

import { parseGoDuration } from '@towpath/kit';
import type { Condition, KubeObject, ResourceType } from '@towpath/api';

/** What a source made of what it found; others fetch it by its URL. Source: fluxcd/pkg/apis/meta, Artifact. */
export interface Artifact {
  readonly path: string;
  readonly url: string;
  readonly revision: string;
  /** `sha256:` and 64 hex digits, of the file. */
  readonly digest: string;
  readonly lastUpdateTime: string;
  /** Bytes. */
  readonly size: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface LocalRef {
  readonly name: string;
}

interface CommonSpec {
  readonly interval?: string;
  readonly timeout?: string;
  readonly suspend?: boolean;
  readonly secretRef?: LocalRef;
}

export interface SourceStatus {
  observedGeneration?: number;
  lastHandledReconcileAt?: string;
  artifact?: Artifact;
  url?: string;
  conditions?: Condition[];
  /** What an artifact was made with, besides its revision; names as in Flux (`observedIgnore` …). */
  [observed: string]: unknown;
}

export interface Source<Spec extends CommonSpec = CommonSpec> extends KubeObject {
  spec: Spec;
  status?: SourceStatus;
}

export interface GitRepositorySpec extends CommonSpec {
  readonly url: string;
  readonly ref?: {
    readonly branch?: string;
    readonly tag?: string;
    readonly semver?: string;
    readonly name?: string;
    readonly commit?: string;
  };
  readonly ignore?: string;
  readonly include?: readonly { readonly repository: LocalRef; readonly fromPath?: string; readonly toPath?: string }[];
  readonly sparseCheckout?: readonly string[];
  readonly recurseSubmodules?: boolean;
  readonly verify?: unknown;
  readonly proxySecretRef?: LocalRef;
  readonly provider?: string;
  readonly serviceAccountName?: string;
}

export interface OciRepositorySpec extends CommonSpec {
  readonly url: string;
  readonly ref?: {
    readonly digest?: string;
    readonly semver?: string;
    readonly semverFilter?: string;
    readonly tag?: string;
  };
  readonly layerSelector?: { readonly mediaType?: string; readonly operation?: 'extract' | 'copy' };
  readonly ignore?: string;
  readonly insecure?: boolean;
  readonly provider?: string;
  readonly serviceAccountName?: string;
  readonly verify?: unknown;
  readonly certSecretRef?: LocalRef;
  readonly proxySecretRef?: LocalRef;
}

export interface HelmRepositorySpec extends CommonSpec {
  readonly url: string;
  readonly type?: 'default' | 'oci';
  readonly passCredentials?: boolean;
  readonly insecure?: boolean;
  readonly provider?: string;
  readonly certSecretRef?: LocalRef;
  readonly accessFrom?: unknown;
}

export interface HelmChartSpec extends CommonSpec {
  readonly chart: string;
  readonly version?: string;
  readonly sourceRef: { readonly kind: string; readonly name: string };
  readonly reconcileStrategy?: 'ChartVersion' | 'Revision';
  readonly valuesFiles?: readonly string[];
  readonly ignoreMissingValuesFiles?: boolean;
  readonly verify?: unknown;
}

export type GitRepository = Source<GitRepositorySpec>;
export type OciRepository = Source<OciRepositorySpec>;
export type HelmRepository = Source<HelmRepositorySpec>;
export type HelmChart = Source<HelmChartSpec>;

export const sourceGroup = 'source.toolkit.fluxcd.io';
export const finalizer = 'finalizers.fluxcd.io';

function kindOf<Object extends KubeObject>(kind: string, plural: string): ResourceType<Object> {
  return { group: sourceGroup, version: 'v1', kind, plural, namespaced: true };
}

export const GitRepositories = kindOf<GitRepository>('GitRepository', 'gitrepositories');
export const OciRepositories = kindOf<OciRepository>('OCIRepository', 'ocirepositories');
export const HelmRepositories = kindOf<HelmRepository>('HelmRepository', 'helmrepositories');
export const HelmCharts = kindOf<HelmChart>('HelmChart', 'helmcharts');
export const Buckets = kindOf<Source>('Bucket', 'buckets');

/** Milliseconds of a Go duration; `otherwise` where there is none or it is no duration. */
export function durationMs(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (parseGoDuration(text) ?? otherwise);
}
