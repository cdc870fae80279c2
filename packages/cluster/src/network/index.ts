/** The cluster network: what the node runtime and the composition root use of it. */

export { DialError, type DialErrorCode } from './errors.ts';
export { startNetwork, type ClusterNetwork, type ContainerNetwork, type NetworkOptions } from './network.ts';
export type { NetworkPod } from './pods.ts';
export { preloadSource } from './preload/source.ts';
export type { PreloadSettings } from './preload/toolkit.ts';
export type { HostService, HostServices } from './resolver.ts';
export { makeRunDir } from './run-dir.ts';
export { splice } from './splice.ts';
