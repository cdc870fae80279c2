/** The node runtime: what the composition root uses of it. */

export type { FoundImage, ImageConfig, ImageLayer, ImageSource } from './images/image-source.ts';
export { registryImages, type RegistryImageOptions } from './registry-images.ts';
export type { Level } from './runtimes/probe.ts';
export { startNodes, type HostFacts, type RunningNodes, type StartNodesOptions } from './start-nodes.ts';
