/** The HelmRelease kind of Flux 2 (helm.toolkit.fluxcd.io/v2): its members as its CRD has checked them. */

import type { Condition, KubeObject, ResourceType } from '@towpath/api';
import type { UnknownRecord } from '@towpath/kit';

export const helmGroup = 'helm.toolkit.fluxcd.io';
export const finalizer = 'finalizers.fluxcd.io';

export const HelmReleasesV2: ResourceType<HelmRelease> = {
  group: helmGroup,
  version: 'v2',
  kind: 'HelmRelease',
  plural: 'helmreleases',
  namespaced: true,
};

/** Durations are Go's: `1m30s`. */
type Duration = string;

export interface HelmRelease extends KubeObject {
  spec: HelmReleaseSpec;
  status?: HelmReleaseStatus;
}

export interface HelmReleaseSpec {
  chart?: HelmChartTemplate;
  chartRef?: { kind: string; name: string; namespace?: string };
  interval: Duration;
  kubeConfig?: UnknownRecord;
  suspend?: boolean;
  releaseName?: string;
  targetNamespace?: string;
  storageNamespace?: string;
  dependsOn?: { name: string; namespace?: string; readyExpr?: string }[];
  timeout?: Duration;
  maxHistory?: number;
  serviceAccountName?: string;
  persistentClient?: boolean;
  driftDetection?: { mode?: 'enabled' | 'warn' | 'disabled'; ignore?: IgnoreRule[] };
  install?: InstallSpec;
  upgrade?: UpgradeSpec;
  test?: TestSpec;
  rollback?: RollbackSpec;
  uninstall?: UninstallSpec;
  valuesFrom?: ValuesReference[];
  values?: UnknownRecord;
  commonMetadata?: { annotations?: Record<string, string>; labels?: Record<string, string> };
  postRenderers?: PostRenderer[];
  postRenderStrategy?: 'nohooks' | 'combined' | 'separate';
  waitStrategy?: { name: 'poller' | 'legacy' };
  healthCheckExprs?: UnknownRecord[];
}

export interface HelmChartTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: {
    chart: string;
    version?: string;
    sourceRef: { kind?: string; name: string; namespace?: string; apiVersion?: string };
    interval?: Duration;
    reconcileStrategy?: string;
    valuesFiles?: string[];
    ignoreMissingValuesFiles?: boolean;
    verify?: { provider: string; secretRef?: { name: string } };
  };
}

/** Which objects a rule or a patch means; names and kinds are regular expressions. */
export interface Selector {
  group?: string;
  version?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  annotationSelector?: string;
  labelSelector?: string;
}

export interface IgnoreRule {
  /** JSON pointers; '' leaves the object out. */
  paths: string[];
  target?: Selector;
}

export interface PostRenderer {
  kustomize?: {
    patches?: { patch: string; target?: Selector }[];
    images?: { name: string; newName?: string; newTag?: string; digest?: string }[];
  };
}

export interface ValuesReference {
  kind: string;
  name: string;
  valuesKey?: string;
  targetPath?: string;
  optional?: boolean;
  literal?: boolean;
}

interface RetryStrategy {
  name: 'RemediateOnFailure' | 'RetryOnFailure';
  retryInterval?: Duration;
}

interface Remediation {
  retries?: number;
  ignoreTestFailures?: boolean;
  remediateLastFailure?: boolean;
}

/** Members that several actions share. */
interface ActionSpec {
  timeout?: Duration;
  disableWait?: boolean;
  disableWaitForJobs?: boolean;
  disableHooks?: boolean;
}

export type CrdsPolicy = 'Skip' | 'Create' | 'CreateReplace';
export type ServerSideApply = 'enabled' | 'disabled' | 'auto';

interface ReleasingSpec extends ActionSpec {
  strategy?: RetryStrategy;
  disableTakeOwnership?: boolean;
  disableOpenAPIValidation?: boolean;
  disableSchemaValidation?: boolean;
  crds?: CrdsPolicy;
}

export interface InstallSpec extends ReleasingSpec {
  remediation?: Remediation;
  replace?: boolean;
  skipCRDs?: boolean;
  createNamespace?: boolean;
  serverSideApply?: boolean;
}

export interface UpgradeSpec extends ReleasingSpec {
  remediation?: Remediation & { strategy?: 'rollback' | 'uninstall' };
  force?: boolean;
  preserveValues?: boolean;
  cleanupOnFail?: boolean;
  serverSideApply?: ServerSideApply;
  chartNameChangeStrategy?: 'Reinstall' | 'InPlaceUpdate';
}

export interface TestSpec {
  enable?: boolean;
  timeout?: Duration;
  ignoreFailures?: boolean;
  filters?: { name: string; exclude?: boolean }[];
}

export interface RollbackSpec extends ActionSpec {
  recreate?: boolean;
  force?: boolean;
  cleanupOnFail?: boolean;
  serverSideApply?: ServerSideApply;
}

export interface UninstallSpec extends ActionSpec {
  keepHistory?: boolean;
  deletionPropagation?: 'background' | 'foreground' | 'orphan';
}

export type ReleaseAction = 'install' | 'upgrade' | 'rollback' | 'uninstall' | 'uninstall-remediation';

export interface TestHookStatus {
  lastStarted?: string | null;
  lastCompleted?: string | null;
  phase?: string;
}

/** One revision as it was seen when it was written. */
export interface Snapshot {
  apiVersion?: string;
  digest: string;
  name: string;
  namespace: string;
  version: number;
  status: string;
  action?: ReleaseAction;
  chartName: string;
  chartVersion: string;
  appVersion?: string;
  configDigest: string;
  firstDeployed: string | null;
  lastDeployed: string | null;
  deleted?: string | null;
  testHooks?: Record<string, TestHookStatus | null>;
  ociDigest?: string;
}

export interface InventoryEntry {
  /** `namespace_name_group_kind` */
  id: string;
  /** The version of the API. */
  v: string;
}

export interface HelmReleaseStatus {
  observedGeneration?: number;
  observedPostRenderersDigest?: string;
  observedCommonMetadataDigest?: string;
  lastAttemptedGeneration?: number;
  conditions?: Condition[];
  /** `namespace/name` of the HelmChart made from spec.chart. */
  helmChart?: string;
  storageNamespace?: string;
  history?: Snapshot[];
  inventory?: { entries: InventoryEntry[] };
  lastAttemptedReleaseAction?: ReleaseAction;
  lastAttemptedReleaseActionDuration?: Duration;
  failures?: number;
  installFailures?: number;
  upgradeFailures?: number;
  lastAttemptedRevision?: string;
  lastAttemptedRevisionDigest?: string;
  lastAttemptedValuesChecksum?: string;
  lastReleaseRevision?: number;
  lastAttemptedConfigDigest?: string;
  lastHandledReconcileAt?: string;
  lastHandledForceAt?: string;
  lastHandledResetAt?: string;
}
