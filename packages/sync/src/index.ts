export { syncErrorCodes } from './errors.ts';
export { createFlux, type FluxDeps } from './flux.ts';
export { defaultSecretName, publicKeyOf } from './identity.ts';
export { parseManifests, manifestPaths, type Manifest, type Problem } from './manifests/documents.ts';
export { placeManifests, type KindLookup, type Resource } from './manifests/resources.ts';
export { checksum, checksumAnnotation, gcMark, gcMarkLabel, resourceId, syncSetName } from './marks.ts';
export { requestSync, type SyncRequest } from './request.ts';
export { parseFluxOptions, type FluxOptions } from './options.ts';
