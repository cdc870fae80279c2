/** Builds an image from a Dockerfile without running anything: the same input gives the same digest. */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join, posix } from 'node:path';
import {
  assembleImage,
  mediaTypes,
  parseImageReference,
  writeLayer,
  type Descriptor,
  type HistoryEntry,
  type ImageConfig,
  type LayerEntry,
  type Platform,
} from '@towpath/registry';
import { pipelineError } from '../errors.ts';
import { collectCopy, openContext, type BuildContext } from './context.ts';
import { expandDockerVariables, type Instruction } from './dockerfile.ts';
import type { LocalImages } from './local-store.ts';

/** A base image whose blobs can be brought into the local store. */
export interface BaseImage {
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  readonly open: (digest: string) => AsyncIterable<Uint8Array>;
}

export interface BuildOptions {
  readonly contextDir: string;
  readonly instructions: readonly Instruction[];
  /** Names the image gets; the first is its own. */
  readonly tags: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly images: LocalImages;
  readonly platform: Platform;
  /** A folder for layers on their way; made and emptied. */
  readonly scratchDir: string;
  /** Undefined when the base cannot be reached: the image is thin then. */
  readonly findBase: (name: string) => Promise<BaseImage | undefined>;
  readonly say: (line: string) => void;
}

export interface BuiltImage {
  readonly imageId: string;
  readonly manifestDigest: string;
}

/** Written into a thin image: the base whose files it lacks. */
export const thinBaseLabel = 'dev.towpath.thin-base';

const epoch = '1970-01-01T00:00:00Z';
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Throws `DOCKER_CONTEXT` or `DOCKERFILE_INVALID` with FILE:LINE. */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const [first = 'towpath.local/unnamed:latest'] = options.tags;
  const reference = parseImageReference(first);
  const repository = options.images.repository(reference);
  await mkdir(options.scratchDir, { recursive: true });
  const scratch = await mkdtemp(join(options.scratchDir, 'build-'));
  try {
    const build = new Build(options, { scratch, repository, context: await openContext(options.contextDir) });
    for (const [index, instruction] of options.instructions.entries()) {
      options.say(`Step ${index + 1}/${options.instructions.length} : ${instruction.text}`);
      await build.apply(instruction);
    }
    const { config, layers } = await build.finish();
    const { store } = options.images;
    const tag = reference.tag ?? 'latest';
    const image = await assembleImage({ store, repository, tag, config, layers });
    for (const other of options.tags.slice(1)) await options.images.tag(first, other);
    return { imageId: image.configDigest, manifestDigest: image.manifestDigest };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Places {
  readonly scratch: string;
  readonly repository: string;
  readonly context: BuildContext;
}

class Build {
  readonly #options: BuildOptions;
  readonly #places: Places;
  readonly #globalArgs = new Map<string, string>();
  readonly #args = new Map<string, string>();
  readonly #env = new Map<string, string>();
  readonly #labels = new Map<string, string>();
  readonly #ports = new Set<string>();
  readonly #volumes = new Set<string>();
  readonly #layers: Descriptor[] = [];
  readonly #diffIds: string[] = [];
  readonly #history: HistoryEntry[] = [];
  /** Folders the image is known to have, by their path without leading slash. */
  readonly #folders = new Set<string>(['']);
  /** Folders made by WORKDIR that no layer holds yet. */
  readonly #pendingFolders = new Set<string>();
  #hasBase = false;
  #workdir = '';
  #user = '';
  #stopSignal = '';
  #entrypoint: readonly string[] | undefined;
  #cmd: readonly string[] | undefined;

  constructor(options: BuildOptions, places: Places) {
    this.#options = options;
    this.#places = places;
  }

  async apply(instruction: Instruction): Promise<void> {
    const expand = (text: string): string => expandDockerVariables(text, (name) => this.#variable(name));
    switch (instruction.keyword) {
      case 'FROM':
        return this.#from(expandDockerVariables(instruction.image, (name) => this.#globalArgs.get(name)));
      case 'ARG':
        return this.#arg(instruction.pairs, expand);
      case 'ENV':
        for (const { name, value } of instruction.pairs) this.#env.set(name, expand(value ?? ''));
        break;
      case 'LABEL':
        for (const { name, value } of instruction.pairs) this.#labels.set(expand(name), expand(value ?? ''));
        break;
      case 'COPY':
        return this.#copy(instruction, expand);
      case 'WORKDIR':
        return this.#changeDirectory(expand(instruction.value), instruction);
      case 'USER':
        this.#user = expand(instruction.value);
        break;
      case 'STOPSIGNAL':
        this.#stopSignal = expand(instruction.value);
        break;
      case 'EXPOSE':
        for (const value of instruction.values) this.#expose(expand(value), instruction.where);
        break;
      case 'VOLUME':
        for (const value of instruction.values) this.#volumes.add(expand(value));
        break;
      case 'ENTRYPOINT':
        this.#entrypoint = instruction.words;
        // As Docker does: a new entrypoint drops the base's command.
        if (this.#cmd !== undefined && !this.#ownCmd) this.#cmd = undefined;
        break;
      case 'CMD':
        this.#cmd = instruction.words;
        this.#ownCmd = true;
        break;
    }
    this.#remember(instruction, true);
  }

  #ownCmd = false;

  async finish(): Promise<{ config: ImageConfig; layers: readonly Descriptor[] }> {
    if (this.#pendingFolders.size > 0) await this.#addLayer([], { text: `WORKDIR /${this.#workdir}` });
    const { platform } = this.#options;
    const optional = <Value>(name: string, value: Value | undefined): Record<string, Value> =>
      value === undefined ? {} : { [name]: value };
    const set = (names: ReadonlySet<string>): Record<string, object> | undefined =>
      names.size === 0 ? undefined : Object.fromEntries([...names].toSorted().map((name) => [name, {}]));
    const config = {
      ...optional('User', this.#user === '' ? undefined : this.#user),
      ...optional('ExposedPorts', set(this.#ports)),
      Env: [...this.#env].map(([name, value]) => `${name}=${value}`),
      ...optional('Entrypoint', this.#entrypoint),
      ...optional('Cmd', this.#cmd),
      ...optional('Volumes', set(this.#volumes)),
      ...optional('WorkingDir', this.#workdir === '' ? undefined : `/${this.#workdir}`),
      ...optional(
        'Labels',
        this.#labels.size === 0 ? undefined : Object.fromEntries([...this.#labels].toSorted(byName)),
      ),
      ...optional('StopSignal', this.#stopSignal === '' ? undefined : this.#stopSignal),
    };
    return {
      config: {
        created: epoch,
        architecture: platform.architecture,
        os: platform.os,
        config,
        rootfs: { type: 'layers', diff_ids: this.#diffIds },
        history: this.#history,
      },
      layers: this.#layers,
    };
  }

  async #from(name: string): Promise<void> {
    this.#hasBase = true;
    if (name === 'scratch') return;
    const base = await this.#options.findBase(name);
    if (base === undefined) {
      this.#env.set('PATH', defaultPath);
      this.#labels.set(thinBaseLabel, name);
      this.#history.push({
        created: epoch,
        created_by: `FROM ${name} (thin: its files are not in this image)`,
        empty_layer: true,
      });
      return;
    }
    const { store } = this.#options.images;
    for (const layer of base.layers) {
      if (!(await store.linkBlob(this.#places.repository, layer.digest))) {
        const upload = await store.upload();
        await upload?.append(base.open(layer.digest), Number.MAX_SAFE_INTEGER);
        if (upload === undefined || !(await store.finishUpload(this.#places.repository, upload, layer.digest))) {
          throw pipelineError('DOCKER_IMAGE', `a layer of the base image ${name} is damaged`, {
            next: 'push the base again',
          });
        }
      }
      this.#layers.push({ ...layer, mediaType: ociLayerType(layer.mediaType) });
    }
    this.#inherit(base.config);
  }

  #inherit(base: ImageConfig): void {
    this.#diffIds.push(...base.rootfs.diff_ids);
    this.#history.push(...(base.history ?? []));
    const { config } = base;
    for (const entry of config?.Env ?? []) {
      const equals = entry.indexOf('=');
      this.#env.set(entry.slice(0, equals), entry.slice(equals + 1));
    }
    for (const [name, value] of Object.entries(config?.Labels ?? {})) this.#labels.set(name, value);
    for (const port of Object.keys(config?.ExposedPorts ?? {})) this.#ports.add(port);
    for (const volume of Object.keys(config?.Volumes ?? {})) this.#volumes.add(volume);
    this.#workdir = (config?.WorkingDir ?? '').replace(/^\/+|\/+$/g, '');
    if (this.#workdir !== '') this.#folders.add(this.#workdir);
    this.#user = config?.User ?? '';
    this.#stopSignal = config?.StopSignal ?? '';
    this.#entrypoint = config?.Entrypoint ?? undefined;
    this.#cmd = config?.Cmd ?? undefined;
  }

  /** Before FROM, an ARG serves only FROM; after it, it serves the rest. A name alone takes up one from before. */
  #arg(pairs: readonly { name: string; value: string | undefined }[], expand: (text: string) => string): void {
    for (const { name, value } of pairs) {
      const given = this.#options.buildArgs[name];
      const fallback = value === undefined ? this.#globalArgs.get(name) : expand(value);
      const result = given ?? fallback;
      if (result !== undefined) (this.#hasBase ? this.#args : this.#globalArgs).set(name, result);
    }
  }

  /** ENV wins over ARG. */
  #variable(name: string): string | undefined {
    return this.#env.get(name) ?? this.#args.get(name);
  }

  async #copy(instruction: Extract<Instruction, { keyword: 'COPY' }>, expand: (text: string) => string): Promise<void> {
    const written = expand(instruction.target);
    const target = this.#absolute(written);
    const isFolder = written.endsWith('/') || /(^|\/)\.\.?$/.test(written) || this.#folders.has(target);
    const entries = await collectCopy(this.#places.context, {
      sources: instruction.sources.map(expand),
      target,
      targetIsFolder: isFolder,
      mode: instruction.mode,
      where: instruction.where,
    });
    for (const entry of entries) if (entry.type === 'directory') this.#folders.add(entry.path);
    await this.#addLayer(entries, instruction);
  }

  #changeDirectory(path: string, instruction: Instruction): void {
    this.#workdir = this.#absolute(path);
    if (!this.#folders.has(this.#workdir)) this.#pendingFolders.add(this.#workdir);
    this.#folders.add(this.#workdir);
    this.#remember(instruction, true);
  }

  #expose(value: string, where: string): void {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(value);
    const first = Number(match?.[1] ?? 0);
    const last = Number(match?.[2] ?? first);
    if (match === null || first < 1 || last > 65_535 || last < first) {
      throw pipelineError('DOCKERFILE_INVALID', `${where}: EXPOSE ${value} is no port`, {
        next: 'correct the Dockerfile',
      });
    }
    for (let port = first; port <= last; port++) this.#ports.add(`${port}/${(match[3] ?? 'tcp').toLowerCase()}`);
  }

  /** Parents of every entry are in the layer, so that it can be unpacked alone. */
  async #addLayer(entries: readonly LayerEntry[], instruction: { readonly text: string }): Promise<void> {
    const all = new Map<string, LayerEntry>();
    for (const path of [...this.#pendingFolders, ...entries.map((entry) => posix.dirname(entry.path))]) {
      for (let folder = path; folder !== '.' && folder !== '' && folder !== '/'; folder = posix.dirname(folder)) {
        all.set(folder, { type: 'directory', path: folder });
      }
    }
    this.#pendingFolders.clear();
    for (const entry of entries) all.set(entry.path, entry);
    const file = join(this.#places.scratch, `${this.#layers.length}.tar`);
    const layer = await writeLayer([...all.values()], file);
    await this.#store(file, layer.digest);
    this.#layers.push({ mediaType: mediaTypes.ociLayerTar, digest: layer.digest, size: layer.sizeBytes });
    this.#diffIds.push(layer.digest);
    this.#remember(instruction, false);
  }

  async #store(file: string, digest: string): Promise<void> {
    const { store } = this.#options.images;
    if (await store.linkBlob(this.#places.repository, digest)) return;
    const upload = await store.upload();
    if (upload === undefined)
      throw pipelineError('DOCKER_IMAGE', 'the local image store cannot be written', { next: 'check the data folder' });
    await upload.append(createReadStream(file) as AsyncIterable<Uint8Array>, Number.MAX_SAFE_INTEGER);
    await store.finishUpload(this.#places.repository, upload, digest);
  }

  #remember(instruction: { readonly text: string }, empty: boolean): void {
    this.#history.push({ created: epoch, created_by: instruction.text, ...(empty && { empty_layer: true }) });
  }

  /** Without leading slash. */
  #absolute(path: string): string {
    const full = path.startsWith('/') ? path : `/${this.#workdir}/${path}`;
    return posix.normalize(full).replace(/^\/+|\/+$/g, '');
  }
}

function byName(left: readonly [string, string], right: readonly [string, string]): number {
  if (left[0] === right[0]) return 0;
  return left[0] < right[0] ? -1 : 1;
}

function ociLayerType(mediaType: string): string {
  return mediaType === mediaTypes.dockerLayerGzip ? mediaTypes.ociLayerGzip : mediaType;
}
