/** The kind Receiver of `notification.toolkit.fluxcd.io/v1`, and the kinds it may ask to look again. */

import type { Condition, KubeObject, ResourceType } from '@towpath/api';

export interface ReceiverResource {
  readonly apiVersion?: string;
  readonly kind: string;
  /** `*` takes all with `matchLabels`. */
  readonly name: string;
  readonly namespace?: string;
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly filter?: string;
}

export interface ReceiverSpec {
  readonly type: string;
  readonly interval?: string;
  readonly events?: readonly string[];
  readonly resources: readonly ReceiverResource[];
  readonly resourceFilter?: string;
  readonly secretRef?: { readonly name: string };
  readonly oidcProviders?: readonly unknown[];
  readonly suspend?: boolean;
}

export interface ReceiverStatus {
  observedGeneration?: number;
  lastHandledReconcileAt?: string;
  webhookPath?: string;
  conditions?: Condition[];
}

export interface Receiver extends KubeObject {
  readonly spec: ReceiverSpec;
  readonly status?: ReceiverStatus;
}

export const Receivers: ResourceType<Receiver> = {
  group: 'notification.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'Receiver',
  plural: 'receivers',
  namespaced: true,
};

/** Kind → plural. Source: the enum of notification-controller's CRD. */
const plurals: Readonly<Record<string, string>> = {
  Bucket: 'buckets',
  GitRepository: 'gitrepositories',
  Kustomization: 'kustomizations',
  HelmRelease: 'helmreleases',
  HelmChart: 'helmcharts',
  HelmRepository: 'helmrepositories',
  ImageRepository: 'imagerepositories',
  ImagePolicy: 'imagepolicies',
  ImageUpdateAutomation: 'imageupdateautomations',
  OCIRepository: 'ocirepositories',
  ArtifactGenerator: 'artifactgenerators',
  ExternalArtifact: 'externalartifacts',
};

/** Of kinds that need no apiVersion. */
const defaultVersions: Readonly<Record<string, string>> = {
  Bucket: 'source.toolkit.fluxcd.io/v1',
  HelmChart: 'source.toolkit.fluxcd.io/v1',
  HelmRepository: 'source.toolkit.fluxcd.io/v1',
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  OCIRepository: 'source.toolkit.fluxcd.io/v1',
  ImageRepository: 'image.toolkit.fluxcd.io/v1',
  ArtifactGenerator: 'source.extensions.fluxcd.io/v1beta1',
};

/** What a reference names; a text says why that cannot be known. */
export function typeOfResource({ apiVersion, kind }: ReceiverResource): ResourceType<KubeObject> | string {
  const text = apiVersion === undefined || apiVersion === '' ? defaultVersions[kind] : apiVersion;
  if (text === undefined) return `apiVersion must be specified for kind "${kind}"`;
  const plural = plurals[kind];
  if (plural === undefined) return `kind "${kind}" is none of Flux`;
  const [group = '', version] = text.split('/');
  return { group: version === undefined ? '' : group, version: version ?? group, kind, plural, namespaced: true };
}
