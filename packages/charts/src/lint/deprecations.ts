/** Kubernetes API versions that are going or gone. Source: k8s.io/api 0.34, the life cycle of each type. */

/** Such as 1.34. */
interface Version {
  readonly major: number;
  readonly minor: number;
}

interface Deprecation {
  readonly since: string;
  /** '' while none is planned. */
  readonly removed: string;
  /** The API version to use instead, with its kind when that differs; '' when there is none. */
  readonly instead: string;
}

/** API version, deprecated since, removed in, to use instead, kinds. */
const rows: readonly (readonly [string, string, string, string, string])[] = [
  [
    'admissionregistration.k8s.io/v1alpha1',
    '1.35',
    '1.38',
    '',
    'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingAdmissionPolicyBindingList MutatingAdmissionPolicyList',
  ],
  [
    'admissionregistration.k8s.io/v1alpha1',
    '1.29',
    '1.32',
    '',
    'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingAdmissionPolicyBindingList ValidatingAdmissionPolicyList',
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    '1.37',
    '1.40',
    '',
    'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingAdmissionPolicyBindingList MutatingAdmissionPolicyList',
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    '1.16',
    '1.22',
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration MutatingWebhookConfigurationList ValidatingWebhookConfiguration ValidatingWebhookConfigurationList',
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    '1.31',
    '1.34',
    '',
    'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingAdmissionPolicyBindingList ValidatingAdmissionPolicyList',
  ],
  [
    'apps/v1beta1',
    '1.8',
    '1.16',
    'apps/v1',
    'ControllerRevision ControllerRevisionList Deployment DeploymentList DeploymentRollback StatefulSet StatefulSetList',
  ],
  ['apps/v1beta1', '1.8', '1.16', 'autoscaling/v1', 'Scale'],
  [
    'apps/v1beta2',
    '1.9',
    '1.16',
    'apps/v1',
    'ControllerRevision ControllerRevisionList DaemonSet DaemonSetList Deployment DeploymentList ReplicaSet ReplicaSetList StatefulSet StatefulSetList',
  ],
  ['apps/v1beta2', '1.9', '1.16', 'autoscaling/v1', 'Scale'],
  ['authentication.k8s.io/v1alpha1', '1.29', '1.32', '', 'SelfSubjectReview'],
  ['authentication.k8s.io/v1beta1', '1.30', '1.33', '', 'SelfSubjectReview'],
  ['authentication.k8s.io/v1beta1', '1.19', '1.22', 'authentication.k8s.io/v1', 'TokenReview'],
  [
    'authorization.k8s.io/v1beta1',
    '1.19',
    '1.22',
    'authorization.k8s.io/v1',
    'LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview',
  ],
  ['autoscaling/v2beta1', '1.22', '1.25', 'autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['autoscaling/v2beta1', '1.22', '1.25', 'autoscaling/v2beta2', 'HorizontalPodAutoscalerList'],
  ['autoscaling/v2beta2', '1.23', '1.26', 'autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['autoscaling/v2beta2', '1.22', '1.25', '', 'HorizontalPodAutoscalerList'],
  ['batch/v1beta1', '1.21', '1.25', 'batch/v1', 'CronJob CronJobList'],
  ['certificates.k8s.io/v1alpha1', '1.34', '1.37', '', 'ClusterTrustBundle ClusterTrustBundleList'],
  ['certificates.k8s.io/v1alpha1', '1.37', '1.40', '', 'PodCertificateRequest PodCertificateRequestList'],
  [
    'certificates.k8s.io/v1beta1',
    '1.19',
    '1.22',
    'certificates.k8s.io/v1',
    'CertificateSigningRequest CertificateSigningRequestList',
  ],
  ['certificates.k8s.io/v1beta1', '1.36', '1.39', '', 'ClusterTrustBundle ClusterTrustBundleList'],
  ['coordination.k8s.io/v1alpha2', '1.35', '1.38', '', 'LeaseCandidate LeaseCandidateList'],
  ['coordination.k8s.io/v1beta1', '1.19', '1.22', 'coordination.k8s.io/v1', 'Lease LeaseList'],
  ['coordination.k8s.io/v1beta1', '1.36', '1.39', '', 'LeaseCandidate LeaseCandidateList'],
  ['discovery.k8s.io/v1beta1', '1.21', '1.25', 'discovery.k8s.io/v1', 'EndpointSlice'],
  ['discovery.k8s.io/v1beta1', '1.21', '1.25', 'discovery.k8s.io/v1 EndpointSlice', 'EndpointSliceList'],
  ['events.k8s.io/v1beta1', '1.22', '1.25', '', 'Event EventList'],
  [
    'extensions/v1beta1',
    '1.8',
    '1.16',
    'apps/v1',
    'DaemonSet DaemonSetList Deployment DeploymentList ReplicaSet ReplicaSetList',
  ],
  ['extensions/v1beta1', '1.8', '1.16', '', 'DeploymentRollback'],
  ['extensions/v1beta1', '1.14', '1.22', 'networking.k8s.io/v1', 'Ingress IngressList'],
  ['extensions/v1beta1', '1.9', '1.16', 'networking.k8s.io/v1', 'NetworkPolicy NetworkPolicyList'],
  ['extensions/v1beta1', '1.2', '1.16', '', 'Scale'],
  [
    'flowcontrol.apiserver.k8s.io/v1beta1',
    '1.23',
    '1.26',
    'flowcontrol.apiserver.k8s.io/v1beta3',
    'FlowSchema FlowSchemaList PriorityLevelConfiguration PriorityLevelConfigurationList',
  ],
  [
    'flowcontrol.apiserver.k8s.io/v1beta2',
    '1.26',
    '1.29',
    'flowcontrol.apiserver.k8s.io/v1beta3',
    'FlowSchema FlowSchemaList PriorityLevelConfiguration PriorityLevelConfigurationList',
  ],
  [
    'flowcontrol.apiserver.k8s.io/v1beta3',
    '1.29',
    '1.32',
    'flowcontrol.apiserver.k8s.io/v1',
    'FlowSchema FlowSchemaList PriorityLevelConfiguration PriorityLevelConfigurationList',
  ],
  ['networking.k8s.io/v1beta1', '1.34', '1.37', '', 'IPAddress IPAddressList ServiceCIDR ServiceCIDRList'],
  ['networking.k8s.io/v1beta1', '1.19', '1.22', 'networking.k8s.io/v1', 'Ingress IngressClassList IngressList'],
  ['networking.k8s.io/v1beta1', '1.19', '1.22', 'networking.k8s.io/v1 IngressClassList', 'IngressClass'],
  ['node.k8s.io/v1beta1', '1.22', '1.25', '', 'RuntimeClass RuntimeClassList'],
  ['policy/v1beta1', '1.22', '1.25', '', 'Eviction'],
  ['policy/v1beta1', '1.21', '1.25', 'policy/v1', 'PodDisruptionBudget PodDisruptionBudgetList'],
  [
    'rbac.authorization.k8s.io/v1beta1',
    '1.17',
    '1.22',
    'rbac.authorization.k8s.io/v1',
    'ClusterRole ClusterRoleBinding ClusterRoleBindingList ClusterRoleList Role RoleBinding RoleBindingList RoleList',
  ],
  ['resource.k8s.io/v1alpha3', '1.36', '1.39', '', 'DeviceTaintRule DeviceTaintRuleList'],
  [
    'resource.k8s.io/v1beta1',
    '1.35',
    '1.38',
    '',
    'DeviceClass DeviceClassList ResourceClaim ResourceClaimList ResourceClaimTemplate ResourceClaimTemplateList ResourceSlice ResourceSliceList',
  ],
  [
    'resource.k8s.io/v1beta2',
    '1.36',
    '1.39',
    '',
    'DeviceClass DeviceClassList ResourceClaim ResourceClaimList ResourceClaimTemplate ResourceClaimTemplateList ResourceSlice ResourceSliceList',
  ],
  ['scheduling.k8s.io/v1beta1', '1.14', '1.22', 'scheduling.k8s.io/v1', 'PriorityClass PriorityClassList'],
  ['storage.k8s.io/v1alpha1', '1.21', '1.24', 'storage.k8s.io/v1beta1', 'CSIStorageCapacity CSIStorageCapacityList'],
  ['storage.k8s.io/v1alpha1', '1.21', '1.24', 'storage.k8s.io/v1', 'VolumeAttachment VolumeAttachmentList'],
  ['storage.k8s.io/v1alpha1', '1.32', '1.35', 'storage.k8s.io/v1', 'VolumeAttributesClass VolumeAttributesClassList'],
  [
    'storage.k8s.io/v1beta1',
    '1.19',
    '1.22',
    'storage.k8s.io/v1',
    'CSIDriver CSIDriverList StorageClass StorageClassList VolumeAttachment VolumeAttachmentList',
  ],
  ['storage.k8s.io/v1beta1', '1.17', '1.22', 'storage.k8s.io/v1', 'CSINode'],
  ['storage.k8s.io/v1beta1', '1.17', '1.22', 'storage.k8s.io/v1 CSINode', 'CSINodeList'],
  ['storage.k8s.io/v1beta1', '1.24', '1.27', 'storage.k8s.io/v1', 'CSIStorageCapacity CSIStorageCapacityList'],
  ['storage.k8s.io/v1beta1', '1.34', '1.37', 'storage.k8s.io/v1', 'VolumeAttributesClass VolumeAttributesClassList'],
  ['storagemigration.k8s.io/v1alpha1', '1.33', '1.36', '', 'StorageVersionMigration StorageVersionMigrationList'],
  ['v1', '1.19', '', '', 'ComponentStatus ComponentStatusList'],
  ['v1', '1.33', '', 'discovery.k8s.io/v1 EndpointSlice', 'Endpoints'],
  ['v1', '1.33', '', 'discovery.k8s.io/v1 EndpointSliceList', 'EndpointsList'],
];

const deprecations: ReadonlyMap<string, Deprecation> = new Map(
  rows.flatMap(([apiVersion, since, removed, instead, kinds]) =>
    kinds.split(' ').map((kind): [string, Deprecation] => [`${apiVersion} ${kind}`, { since, removed, instead }]),
  ),
);

/** What Kubernetes warns of when such an object is sent to this version of it; undefined when of nothing. */
export function deprecationOf(apiVersion: string, kind: string, kubeVersion: string): string | undefined {
  const found = deprecations.get(`${apiVersion} ${kind}`);
  if (found === undefined || isBefore(versionOf(kubeVersion), versionOf(found.since))) return undefined;
  const { since, removed, instead } = found;
  const gone = removed === '' ? '' : `, unavailable in v${removed}+`;
  const better = instead === '' ? '' : `; use ${instead.includes(' ') ? instead : `${instead} ${kind}`}`;
  return `${apiVersion} ${kind} is deprecated in v${since}+${gone}${better}`;
}

function versionOf(text: string): Version {
  const [, major = '0', minor = '0'] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  return { major: Number(major), minor: Number(minor) };
}

function isBefore(left: Version, right: Version): boolean {
  return left.major < right.major || (left.major === right.major && left.minor < right.minor);
}
