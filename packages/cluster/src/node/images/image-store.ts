/** Images on the node: pulled by policy, unpacked once per digest, found again after a restart. */

import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, messageOf, TowpathError } from '@towpath/kit';
import type { RegistryAuth } from './auths.ts';
import type { ImageConfig, ImageSource } from './image-source.ts';
import { unpackLayers } from './unpack.ts';

/** An image as containers use it. */
export interface LocalImage {
  /** `registry/name@sha256:…` */
  readonly imageId: string;
  readonly digest: string;
  readonly config: ImageConfig;
  readonly rootfs: string;
  readonly sizeBytes: number;
  /** Its base is not in it: system folders come from the host. */
  readonly thin: boolean;
}

export interface PullResult {
  readonly image: LocalImage;
  /** True when it was on the node already and the policy did not ask for more. */
  readonly present: boolean;
}

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/** `dir` holds one folder per digest, and `references.json`; `owners` as for `unpackLayers`. */
export class ImageStore {
  readonly #dir: string;
  readonly #source: ImageSource;
  readonly #owners: boolean;
  readonly #referencesFile: string;
  readonly #busy = new Map<string, Promise<LocalImage>>();
  #references: Promise<Map<string, string>> | undefined;

  constructor(options: { dir: string; source: ImageSource; owners?: boolean }) {
    this.#dir = options.dir;
    this.#source = options.source;
    this.#owners = options.owners === true;
    this.#referencesFile = join(options.dir, 'references.json');
  }

  /** Rejects with `IMAGE_NEVER_PULL` or the source's own error. `onPull` is called when the source is asked. */
  async ensure(
    reference: string,
    policy: PullPolicy,
    options: { signal: AbortSignal; onPull?: () => void; auths?: readonly RegistryAuth[] },
  ): Promise<PullResult> {
    if (policy !== 'Always') {
      const image = await this.#known(reference);
      if (image !== undefined) return { image, present: true };
    }
    if (policy === 'Never') {
      const message = `Container image "${reference}" is not present with pull policy of Never`;
      throw new TowpathError('IMAGE_NEVER_PULL', message);
    }
    options.onPull?.();
    await mkdir(this.#dir, { recursive: true });
    // Containers that start together share one pull, when they may open the same registries.
    const { signal, auths = [] } = options;
    const key = auths.length === 0 ? reference : `${reference} ${JSON.stringify(auths)}`;
    const running = this.#busy.get(key) ?? this.#pull(reference, signal, auths).finally(() => this.#busy.delete(key));
    this.#busy.set(key, running);
    return { image: await running, present: false };
  }

  async #loadReferences(): Promise<Map<string, string>> {
    try {
      const parsed: unknown = JSON.parse(await readFile(this.#referencesFile, 'utf8'));
      const entries = isRecord(parsed) ? Object.entries(parsed) : [];
      return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    } catch {
      return new Map();
    }
  }

  async #known(reference: string): Promise<LocalImage | undefined> {
    this.#references ??= this.#loadReferences();
    const folder = (await this.#references).get(reference);
    return folder === undefined ? undefined : readImage(join(this.#dir, folder));
  }

  async #remember(reference: string, folder: string): Promise<void> {
    this.#references ??= this.#loadReferences();
    const all = await this.#references;
    if (all.get(reference) === folder) return;
    all.set(reference, folder);
    const next = `${this.#referencesFile}.${folder.slice(0, 12)}.new`;
    await writeFile(next, JSON.stringify(Object.fromEntries(all)));
    await rename(next, this.#referencesFile);
  }

  async #pull(reference: string, signal: AbortSignal, auths: readonly RegistryAuth[]): Promise<LocalImage> {
    const found = await this.#source.find(reference, signal, auths);
    const folder = found.digest.replace('sha256:', '');
    const final = join(this.#dir, folder);
    const present = await readImage(final);
    if (present === undefined) {
      const partial = `${final}.partial`;
      await rm(partial, { recursive: true, force: true });
      await unpackLayers(found.layers, join(partial, 'rootfs'), { owners: this.#owners });
      const { digest, repository, config, sizeBytes } = found;
      await writeFile(join(partial, 'image.json'), JSON.stringify({ digest, repository, config, sizeBytes }));
      await rm(final, { recursive: true, force: true });
      await rename(partial, final);
    }
    await this.#remember(reference, folder);
    const image = await readImage(final);
    if (image === undefined)
      throw new TowpathError('IMAGE_UNREADABLE', `image ${reference} was unpacked and cannot be read`);
    return image;
  }
}

async function readImage(folder: string): Promise<LocalImage | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(folder, 'image.json'), 'utf8'));
    if (!isRecord(parsed)) return undefined;
    const { digest, repository, config, sizeBytes } = parsed;
    const rootfs = join(folder, 'rootfs');
    return {
      imageId: `${String(repository)}@${String(digest)}`,
      digest: String(digest),
      config: isRecord(config) ? (config as ImageConfig) : {},
      rootfs,
      sizeBytes: Number(sizeBytes),
      thin: isThin(rootfs),
    };
  } catch {
    return undefined;
  }
}

/** An image that brings neither a shell nor a loader cannot run by itself, unless it is a static program. */
function isThin(rootfs: string): boolean {
  if (['bin/sh', 'usr/bin/sh', 'lib64', 'usr/lib64', 'lib'].some((path) => existsSync(join(rootfs, path))))
    return false;
  try {
    return !readdirSync(join(rootfs, 'lib')).some((name) => name.startsWith('ld-'));
  } catch {
    return true;
  }
}

/** The message of a failed pull, as events and statuses show it. */
export function pullMessage(reference: string, error: unknown): string {
  return `failed to pull and unpack image "${reference}": ${messageOf(error)}`;
}

/** `IfNotPresent` unless the tag is `latest` or absent. Source: Kubernetes API, imagePullPolicy. */
export function pullPolicyOf(reference: string, policy: string | undefined): PullPolicy {
  if (policy === 'Always' || policy === 'IfNotPresent' || policy === 'Never') return policy;
  if (reference.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(reference)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}
