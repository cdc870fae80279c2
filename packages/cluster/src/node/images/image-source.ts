/** Where images come from: the node's view of a registry client. */

import type { RegistryAuth } from './auths.ts';

/** `config` of an OCI image, the members the node reads. Source: OCI image-spec, config.md. */
export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

export interface ImageLayer {
  readonly digest: string;
  /** Tar, plain or gzip. */
  readonly mediaType: string;
  /** The layer's bytes, verified against its digest. */
  open(): AsyncIterable<Uint8Array>;
}

/** One image for this machine's platform. */
export interface FoundImage {
  /** Of the manifest, `sha256:…`. */
  readonly digest: string;
  /** The name with registry, without tag: what `imageID` shows before `@`. */
  readonly repository: string;
  readonly config: ImageConfig;
  readonly layers: readonly ImageLayer[];
  readonly sizeBytes: number;
}

/** Finds an image by the name a manifest has (`acme/frontend:v0.0.1`). Rejects with a sentence for the user. */
export interface ImageSource {
  /** `auths` are those of the pod that asks. */
  find(reference: string, signal: AbortSignal, auths: readonly RegistryAuth[]): Promise<FoundImage>;
}
