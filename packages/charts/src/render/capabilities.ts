/** `.Capabilities`: the Kubernetes and Helm versions that templates see. Source: helm pkg/chartutil/capabilities.go. */

import { GoObject, taggedList, type GoMethod } from '../go/values.ts';
import type { Capabilities } from './types.ts';

/** The release whose behaviour this engine has. */
const helmVersion = 'v3.19.0';

/** Every API version of the Kubernetes client that Helm 3.19 is built with, and its Kubernetes version. */
export const defaultCapabilities: Capabilities = {
  kubeVersion: 'v1.34.0',
  apiVersions: [
    'v1',
    'admissionregistration.k8s.io/v1',
    'admissionregistration.k8s.io/v1alpha1',
    'admissionregistration.k8s.io/v1beta1',
    'internal.apiserver.k8s.io/v1alpha1',
    'apps/v1',
    'apps/v1beta1',
    'apps/v1beta2',
    'authentication.k8s.io/v1',
    'authentication.k8s.io/v1alpha1',
    'authentication.k8s.io/v1beta1',
    'authorization.k8s.io/v1',
    'authorization.k8s.io/v1beta1',
    'autoscaling/v1',
    'autoscaling/v2',
    'autoscaling/v2beta1',
    'autoscaling/v2beta2',
    'batch/v1',
    'batch/v1beta1',
    'certificates.k8s.io/v1',
    'certificates.k8s.io/v1beta1',
    'certificates.k8s.io/v1alpha1',
    'coordination.k8s.io/v1alpha2',
    'coordination.k8s.io/v1beta1',
    'coordination.k8s.io/v1',
    'discovery.k8s.io/v1',
    'discovery.k8s.io/v1beta1',
    'events.k8s.io/v1',
    'events.k8s.io/v1beta1',
    'extensions/v1beta1',
    'flowcontrol.apiserver.k8s.io/v1',
    'flowcontrol.apiserver.k8s.io/v1beta1',
    'flowcontrol.apiserver.k8s.io/v1beta2',
    'flowcontrol.apiserver.k8s.io/v1beta3',
    'networking.k8s.io/v1',
    'networking.k8s.io/v1beta1',
    'node.k8s.io/v1',
    'node.k8s.io/v1alpha1',
    'node.k8s.io/v1beta1',
    'policy/v1',
    'policy/v1beta1',
    'rbac.authorization.k8s.io/v1',
    'rbac.authorization.k8s.io/v1beta1',
    'rbac.authorization.k8s.io/v1alpha1',
    'resource.k8s.io/v1',
    'resource.k8s.io/v1beta2',
    'resource.k8s.io/v1beta1',
    'resource.k8s.io/v1alpha3',
    'scheduling.k8s.io/v1alpha1',
    'scheduling.k8s.io/v1beta1',
    'scheduling.k8s.io/v1',
    'storage.k8s.io/v1beta1',
    'storage.k8s.io/v1',
    'storage.k8s.io/v1alpha1',
    'storagemigration.k8s.io/v1alpha1',
    'apiextensions.k8s.io/v1beta1',
    'apiextensions.k8s.io/v1',
  ],
};

class KubeVersion extends GoObject {
  readonly type = 'chartutil.KubeVersion';
  private readonly version: string;

  constructor(version: string) {
    super();
    this.version = version;
  }

  override fields(): readonly (readonly [string, unknown])[] {
    const [major = '', minor = ''] = this.version.replace(/^v/, '').split('.');
    return [
      ['Version', this.version],
      ['Major', major],
      ['Minor', minor],
    ];
  }

  /** Its String method has a pointer receiver: an action finds it, a function's argument does not. */
  override printedText(): string {
    return this.version;
  }

  override method(name: string): GoMethod | undefined {
    return name === 'GitVersion' || name === 'String' ? { args: [], run: () => this.version } : undefined;
  }
}

class BuildInfo extends GoObject {
  readonly type = 'version.BuildInfo';
  private readonly version: string;

  constructor(version: string) {
    super();
    this.version = version;
  }

  override fields(): readonly (readonly [string, unknown])[] {
    return [
      ['Version', this.version],
      ['GitCommit', ''],
      ['GitTreeState', ''],
      ['GoVersion', ''],
    ];
  }

  override toJsonValue(): unknown {
    return new Map([['version', this.version]]);
  }
}

/** What `.Capabilities` is. */
export class CapabilitiesObject extends GoObject {
  readonly type = '*chartutil.Capabilities';
  override readonly kind = 'ptr';
  private readonly all: readonly (readonly [string, unknown])[];

  constructor(capabilities: Capabilities) {
    super();
    const known = new Set(capabilities.apiVersions);
    const has: GoMethod = { args: ['string'], run: (version: string) => known.has(version) };
    this.all = [
      ['KubeVersion', new KubeVersion(capabilities.kubeVersion)],
      [
        'APIVersions',
        taggedList({ type: 'chartutil.VersionSet', elem: 'string', methods: { Has: has } }, [
          ...capabilities.apiVersions,
        ]),
      ],
      ['HelmVersion', new BuildInfo(capabilities.helmVersion ?? helmVersion)],
    ];
  }

  override fields(): readonly (readonly [string, unknown])[] {
    return this.all;
  }
}
