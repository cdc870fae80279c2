export { ApiServer, type ApiServerDeps } from './apiserver/server.ts';
export type { ApiRequest, ApiResponse, UserInfo } from './apiserver/http/message.ts';
export * from './apiserver/pod-streams.ts';
export { adminUser, inProcessTransport } from './apiserver/transport.ts';
export { openLmdbStore } from './store/lmdb-store.ts';
export { createMemoryStore } from './store/memory-store.ts';
export type { Store, StoreWrite } from './store/store.ts';
