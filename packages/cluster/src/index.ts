export { ApiServer, type ApiServerDeps } from './apiserver/server.ts';
export type { ApiRequest, ApiResponse, UserInfo } from './apiserver/http/message.ts';
export * from './apiserver/pod-streams.ts';
export {
  createApiServer,
  type RunningApiServer,
  type RunningApiServerOptions,
} from './apiserver/serving/api-server.ts';
export { kubeconfigText, writeKubeconfig } from './apiserver/serving/credentials.ts';
export { adminUser, inProcessTransport } from './apiserver/transport.ts';
export { createMemoryStore } from './store/memory-store.ts';
export type { Store, StoreWrite } from './store/store.ts';
export { startControllers, type Controllers, type ControllersOptions } from './controllers/index.ts';
export {
  registryImages,
  startNodes,
  type HostFacts,
  type Level,
  type RunningNodes,
  type StartNodesOptions,
} from './node/index.ts';
export { startScheduler, type Scheduler, type SchedulerOptions } from './scheduler/index.ts';
export { openLmdbStore } from './store/lmdb-store.ts';
export { restoreBackup, writeBackup, type BackupSummary, type ClusterFolders } from './store/backup.ts';
export * from './controllers/index.ts';
export * from './network/index.ts';
export * from './node/index.ts';
export * from './scheduler/index.ts';
