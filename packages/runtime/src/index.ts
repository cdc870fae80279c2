export {
  ApiError,
  apiErrorFrom,
  apiErrorFromStatus,
  isAlreadyExists,
  isConflict,
  isExpired,
  isInvalid,
  isNotFound,
} from './api-error.ts';
export { fetchArtifactFile } from './artifact-fetch.ts';
export {
  Client,
  type ClientOptions,
  type DeleteOptions,
  type ListOptions,
  type ListResult,
  type PatchOptions,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.ts';
export {
  createController,
  done,
  requeue,
  terminal,
  type Controller,
  type ControllerOptions,
  type Result,
} from './controller.ts';
export { deletableTypes } from './discovery.ts';
export { httpTransport, queryText, type HttpTransportOptions } from './http-transport.ts';
export {
  createInformer,
  type Informer,
  type InformerEvent,
  type InformerHandler,
  type InformerOptions,
} from './informer.ts';
export { objectStatus, type ObjectState, type ObjectStatus } from './kstatus.ts';
export { runAsLeader, type LeaderElectionOptions } from './leader-election.ts';
export { inClusterTarget, type InClusterTarget } from './in-cluster.ts';
export { loadKubeconfig, type KubeconfigTarget } from './kubeconfig.ts';
export {
  targetText,
  waitForObjects,
  type ObjectTarget,
  type WaitForObjectsOptions,
  type WaitForObjectsOutcome,
} from './object-wait.ts';
export { createRecorder, type EventInput, type Recorder, type RecorderOptions } from './recorder.ts';
export { ToolkitManager, type ToolkitDeps, type WatchedKind } from './toolkit-manager.ts';
export { untilAborted } from './until-aborted.ts';
