/** The kinds of `image.toolkit.fluxcd.io/v1`, the members these controllers use. Durations are Go's (`5m0s`). */

import { parseGoDuration } from '@towpath/kit';
import type { Condition, KubeObject, LabelSelector, ResourceType } from '@towpath/api';

interface LocalRef {
  readonly name: string;
}

interface NamespacedRef extends LocalRef {
  readonly namespace?: string;
}

/** What the status of each kind has. */
export interface CommonStatus {
  observedGeneration?: number;
  lastHandledReconcileAt?: string;
  conditions?: Condition[];
}

export interface ImageRepository extends KubeObject {
  spec: {
    readonly image: string;
    readonly interval: string;
    readonly timeout?: string;
    readonly secretRef?: LocalRef;
    readonly certSecretRef?: LocalRef;
    readonly proxySecretRef?: LocalRef;
    readonly serviceAccountName?: string;
    readonly suspend?: boolean;
    readonly accessFrom?: { readonly namespaceSelectors: readonly { readonly matchLabels?: Record<string, string> }[] };
    readonly exclusionList?: readonly string[];
    readonly provider?: string;
    readonly insecure?: boolean;
  };
  status?: ImageRepositoryStatus;
}

export interface ImageRepositoryStatus extends CommonStatus {
  canonicalImageName?: string;
  lastScanResult?: ScanResult;
  observedExclusionList?: readonly string[];
}

export interface ScanResult {
  /** Adler-32 of the tags as a JSON list. */
  readonly revision: string;
  readonly tagCount: number;
  readonly scanTime: string;
  /** The first ten, last in the alphabet first. */
  readonly latestTags?: readonly string[];
}

export interface ImageRef {
  readonly name: string;
  readonly tag: string;
  readonly digest?: string;
}

export interface ImagePolicySpec {
  readonly imageRepositoryRef: NamespacedRef;
  readonly policy: {
    readonly semver?: { readonly range: string };
    readonly alphabetical?: { readonly order?: string };
    readonly numerical?: { readonly order?: string };
  };
  readonly filterTags?: { readonly pattern?: string; readonly extract?: string };
  readonly digestReflectionPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly interval?: string;
  readonly suspend?: boolean;
}

export interface ImagePolicy extends KubeObject {
  spec: ImagePolicySpec;
  status?: ImagePolicyStatus;
}

export interface ImagePolicyStatus extends CommonStatus {
  latestRef?: ImageRef;
  observedPreviousRef?: ImageRef;
}

export interface GitRef {
  readonly branch?: string;
  readonly tag?: string;
  readonly semver?: string;
  readonly name?: string;
  readonly commit?: string;
}

export interface GitSpec {
  readonly checkout?: { readonly ref: GitRef };
  readonly commit: {
    readonly author: { readonly name?: string; readonly email: string };
    readonly signingKey?: { readonly secretRef: LocalRef; readonly type?: 'gpg' | 'ssh' };
    readonly messageTemplate?: string;
    readonly messageTemplateValues?: Readonly<Record<string, string>>;
  };
  readonly push?: {
    readonly branch?: string;
    readonly refspec?: string;
    readonly options?: Readonly<Record<string, string>>;
  };
}

export interface ImageUpdateAutomation extends KubeObject {
  spec: {
    readonly sourceRef: NamespacedRef & { readonly kind: string };
    readonly git?: GitSpec;
    readonly interval: string;
    readonly policySelector?: LabelSelector;
    readonly update?: { readonly strategy?: string; readonly path?: string };
    readonly suspend?: boolean;
  };
  status?: ImageUpdateAutomationStatus;
}

export interface ImageUpdateAutomationStatus extends CommonStatus {
  lastAutomationRunTime?: string;
  lastPushCommit?: string;
  lastPushTime?: string;
  /** What each policy had chosen, by its name. */
  observedPolicies?: Readonly<Record<string, ImageRef>>;
  /** `main@sha1:…` */
  observedSourceRevision?: string;
}

/** `source.toolkit.fluxcd.io/v1` GitRepository, as far as commits need it. */
export interface GitRepository extends KubeObject {
  spec: {
    readonly url: string;
    readonly ref?: GitRef;
    readonly secretRef?: LocalRef;
    readonly timeout?: string;
    readonly provider?: string;
    readonly proxySecretRef?: LocalRef;
  };
}

export const imageGroup = 'image.toolkit.fluxcd.io';
export const finalizer = 'finalizers.fluxcd.io';

function kindOf<Object extends KubeObject>(kind: string, plural: string, group = imageGroup): ResourceType<Object> {
  return { group, version: 'v1', kind, plural, namespaced: true };
}

export const ImageRepositories = kindOf<ImageRepository>('ImageRepository', 'imagerepositories');
export const ImagePolicies = kindOf<ImagePolicy>('ImagePolicy', 'imagepolicies');
export const ImageUpdateAutomations = kindOf<ImageUpdateAutomation>('ImageUpdateAutomation', 'imageupdateautomations');
export const GitRepositories = kindOf<GitRepository>('GitRepository', 'gitrepositories', 'source.toolkit.fluxcd.io');

/** Milliseconds of a Go duration; `otherwise` where there is none or it is no duration. */
export function durationMs(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (parseGoDuration(text) ?? otherwise);
}

/** `name:tag@digest`. */
export function imageRefText({ name, tag, digest }: ImageRef): string {
  return digest === undefined ? `${name}:${tag}` : `${name}:${tag}@${digest}`;
}
