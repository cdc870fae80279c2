export type { ActionContext, OperationOptions } from './actions/context.ts';
export { resourcePolicyAnnotation } from './actions/apply.ts';
export { loadCapabilities } from './actions/capabilities.ts';
export { runHooks } from './actions/hooks.ts';
export { installCrds } from './actions/crds.ts';
export { checkLabels, install, type DryRun, type InstallOptions } from './actions/install.ts';
export { listedByDefault, listReleases, type ListOptions } from './actions/list.ts';
export { buildObjects, describeObject, keyOfObject, parseManifest, type ReleaseObject } from './actions/objects.ts';
export { createObjectPatch, type ObjectPatch, type PatchInput } from './actions/patch.ts';
export { rehearseInstall, type RehearsedInstall } from './actions/rehearse-install.ts';
export { clusterLookup, plainValues, type Values } from './actions/render.ts';
export { validateReleaseName } from './actions/release-name.ts';
export { rollback, type RollbackOptions } from './actions/rollback.ts';
export { testLogs, testRelease, type TestOptions, type TestResult } from './actions/test-release.ts';
export { uninstall, type UninstallOptions, type UninstallResult } from './actions/uninstall.ts';
export { upgrade, type UpgradeOptions } from './actions/upgrade.ts';
export { mergeValues, type ValuesPolicy } from './actions/values-policy.ts';
export { errorCodes, hasCode, releaseError, type ReleaseErrorCode } from './errors.ts';
export { createHelmController, type HelmControllerParts } from './helm-controller/builtin.ts';
export { createHelmOperator, startHelmOperator, type OperatorParts } from './operator/builtin.ts';
export { decide, type Action, type Observed } from './operator/decide.ts';
export { durationMs } from './operator/flags.ts';
export {
  parseHelmRelease,
  releaseKeyOf,
  type HelmRelease,
  type HelmReleaseSpec,
  type HelmReleaseStatus,
} from './operator/helm-release.ts';
export { composeValues, type ValuesDeps } from './operator/values.ts';
export {
  chartRepository,
  type ChartRepositoryHandler,
  type ChartRepositoryOptions,
} from './repository/chart-repository.ts';
export { missingDependencies, withDependencies, type PullDependency } from './sources/dependencies.ts';
export { loadChartAt, readChartFolder } from './sources/folder.ts';
export { httpGet, type HttpGet, type HttpOptions } from './sources/http.ts';
export { fetchIndex, fetchIndexText, pullFromRepository, type HttpRepository } from './sources/http-repository.ts';
export { isOci, pullFromRegistry, type OciChart, type OciOptions } from './sources/oci.ts';
export { createPull, type PullOptions } from './sources/pull.ts';
export { chooseVersion, parseIndex, type IndexEntry, type RepositoryIndex } from './sources/repository-index.ts';
export { compareVersions, isStable, satisfies } from './sources/version.ts';
export { decodeRelease, encodeRelease } from './storage/codec.ts';
export {
  isPending,
  type HookEvent,
  type Release,
  type ReleaseHook,
  type ReleaseInfo,
  type ReleaseStatus,
  type StoredChart,
} from './storage/release.ts';
export { createReleaseStorage, notFound, secretName, type ReleaseStorage } from './storage/secrets.ts';
