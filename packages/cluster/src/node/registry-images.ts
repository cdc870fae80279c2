/** Images from registries: the embedded one first, as a mirror of every other. */

import { readFile } from 'node:fs/promises';
import { goArchitecture, parseImageReference, pullImage, type Credentials, type PulledImage } from '@towpath/registry';
import { authsFor, parseAuths, type RegistryAuth } from './images/auths.ts';
import type { ImageConfig, ImageSource } from './images/image-source.ts';

export interface RegistryImageOptions {
  /** Address of the embedded registry, e.g. `http://127.0.0.1:5000`. */
  readonly mirror: string | undefined;
  /** Node's name of the processor, e.g. `x64`. */
  readonly architecture: string;
  readonly insecureHosts?: readonly string[];
  /** Files in the form of Docker's config.json, read at each pull; those that do not exist are skipped. */
  readonly authFiles?: readonly string[];
}

export function registryImages(options: RegistryImageOptions): ImageSource {
  return {
    async find(reference, _signal, auths) {
      const found = await pullWithAny(reference, [...auths, ...(await fileAuths(options.authFiles ?? []))], options);
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

/** Tries the credentials one after another, as the kubelet does; without any the registry is asked as nobody. */
async function pullWithAny(
  reference: string,
  auths: readonly RegistryAuth[],
  options: RegistryImageOptions,
): Promise<PulledImage> {
  const { mirror, insecureHosts } = options;
  const mirrorHost = mirror === undefined ? undefined : new URL(mirror).host;
  const isMirror = parseImageReference(reference).host === mirrorHost;
  const known: (Credentials | undefined)[] = authsFor(reference, auths);
  let failure: unknown;
  for (const credentials of known.length === 0 ? [undefined] : known) {
    try {
      return await pullImage(reference, {
        mirror,
        platform: { os: 'linux', architecture: goArchitecture(options.architecture) },
        // Those of the registry the name means are nothing for the mirror.
        credentials: (host) => (host === mirrorHost && !isMirror ? undefined : credentials),
        ...(insecureHosts !== undefined && { insecureHosts }),
      });
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

async function fileAuths(files: readonly string[]): Promise<RegistryAuth[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.flatMap(parseAuths);
}

/** Go writes null for an absent list. */
function withoutNulls(config: object): ImageConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null)) as ImageConfig;
}
