/** Images from registries: the embedded one first, as a mirror of every other. */

import { goArchitecture, pullImage } from '@towpath/registry';
import type { ImageConfig, ImageSource } from './images/image-source.ts';

export interface RegistryImageOptions {
  /** Address of the embedded registry, e.g. `http://127.0.0.1:5000`. */
  readonly mirror: string | undefined;
  /** Node's name of the processor, e.g. `x64`. */
  readonly architecture: string;
  readonly insecureHosts?: readonly string[];
}

export function registryImages(options: RegistryImageOptions): ImageSource {
  return {
    async find(reference) {
      const found = await pullImage(reference, {
        mirror: options.mirror,
        platform: { os: 'linux', architecture: goArchitecture(options.architecture) },
        ...(options.insecureHosts !== undefined && { insecureHosts: options.insecureHosts }),
      });
      const host = found.reference.host ?? 'docker.io';
      return {
        digest: found.digest,
        repository: `${host}/${found.reference.repository}`,
        config: withoutNulls(found.config.config ?? {}),
        layers: found.layers.map((layer) => ({
          digest: layer.digest,
          mediaType: layer.mediaType,
          open: () => found.openBlob(layer.digest),
        })),
        sizeBytes: found.layers.reduce((sum, layer) => sum + layer.size, 0),
      };
    },
  };
}

/** Go writes null for an absent list. */
function withoutNulls(config: object): ImageConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null)) as ImageConfig;
}
