export { basicHeader, type Credentials } from './client/auth.ts';
export { RegistryClient, type BlobSource, type RegistryClientOptions, type RemoteManifest } from './client/client.ts';
export { pullImage, type PulledImage, type PullOptions } from './client/pull.ts';
export { createDigest, digestOf, isDigest } from './digest.ts';
export { registryErrorCodes, type RegistryErrorCode } from './errors.ts';
export { assembleImage, type AssembledImage, type AssembleOptions } from './image/build.ts';
export { writeLayer, type LayerEntry, type WrittenLayer } from './image/layer.ts';
export {
  encodeConfig,
  encodeManifest,
  goArchitecture,
  parseImageConfig,
  parseManifest,
  selectPlatform,
  type HistoryEntry,
  type ImageConfig,
  type ImageManifest,
  type ImageRuntimeConfig,
  type Platform,
} from './image/model.ts';
export { dockerLogin } from './client/docker-login.ts';
export { tlsFetch, type Certificates } from './client/tls-fetch.ts';
export { isIndexType, mediaTypes, type Descriptor } from './media-types.ts';
export { formatImageReference, isRepository, isTag, parseImageReference, type ImageReference } from './reference.ts';
export { createRegistry, type Registry, type RegistryOptions, type TagEvent } from './server/server.ts';
export { OciStore, type OciStoreOptions, type StoredManifest, type StoredTag } from './store.ts';
