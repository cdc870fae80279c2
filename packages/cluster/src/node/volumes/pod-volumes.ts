/** The volumes of one pod: made before its containers start, kept up to date while they run. */

import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod } from '@towpath/api';
import { background, messageOf, type Clock, type Logger, type Timer } from '@towpath/kit';
import { specOf, type Volume } from '../core.ts';
import type { PodFacts } from '../downward.ts';
import type { TokenOptions, TokenSource } from '../service-account-token.ts';
import { writeAtomically } from './atomic-writer.ts';
import type { ObjectCache } from './object-cache.ts';
import { projectedFiles } from './projection.ts';

export interface PodVolumesDeps {
  readonly dir: string;
  readonly pod: Pod;
  readonly facts: PodFacts;
  readonly objects: ObjectCache;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly log: Logger;
}

const kinds = ['emptyDir', 'hostPath', 'configMap', 'secret', 'downwardAPI', 'projected'] as const;
/** Several changes in a row are written once. */
const settleMs = 100;
const minTokenCheckMs = 1_000;

/** Watches the objects its volumes show, from the first `mount` to `dispose`. */
export class PodVolumes {
  readonly #deps: PodVolumesDeps;
  readonly #lease: ReturnType<ObjectCache['lease']>;
  /** volume → folder or file of the host */
  readonly #paths = new Map<string, string>();
  readonly #tokensAsked = new Map<string, TokenOptions>();
  #pod: Pod;
  #mounted = false;
  #disposed = false;
  #pending: Timer | undefined;
  #refresh: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: PodVolumesDeps) {
    this.#deps = deps;
    this.#pod = deps.pod;
    this.#lease = deps.objects.lease(() => this.#rewriteSoon());
  }

  /** Makes every volume; rejects with the kubelet's sentence when one cannot be made. May be called again. */
  async mount(): Promise<void> {
    for (const volume of specOf(this.#pod).volumes ?? []) {
      try {
        await this.#make(volume);
      } catch (error) {
        const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${messageOf(error)}`;
        throw new Error(message, { cause: error });
      }
    }
    this.#mounted = true;
    this.#scheduleRefresh();
  }

  /** The host's folder (or file) of a volume. */
  pathOf(volume: string): string | undefined {
    return this.#paths.get(volume);
  }

  /** Labels or annotations changed. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.#rewriteSoon();
  }

  dispose(): void {
    this.#disposed = true;
    this.#pending?.cancel();
    this.#refresh?.cancel();
    this.#lease.release();
  }

  async #make(volume: Volume): Promise<void> {
    if (this.#paths.has(volume.name)) return;
    if (volume.emptyDir !== undefined) {
      const path = join(this.#deps.dir, volume.name);
      await mkdir(path, { recursive: true });
      await chmod(path, 0o777);
      this.#paths.set(volume.name, path);
    } else if (volume.hostPath !== undefined) {
      this.#paths.set(volume.name, await hostPath(volume.hostPath));
    } else if (!(await this.#project(volume))) {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
      throw new Error(`volumes of kind ${kind} are not served by this node (it serves ${kinds.join(', ')})`);
    }
  }

  /** False for a volume that is no files of objects. Writes of one pod's volumes follow one another. */
  async #project(volume: Volume): Promise<boolean> {
    const { facts, tokens, dir } = this.#deps;
    const input = {
      pod: this.#pod,
      facts,
      config: this.#lease,
      token: (options: TokenOptions) => {
        this.#tokensAsked.set(JSON.stringify(options), options);
        return tokens.token(options);
      },
    };
    const files = await projectedFiles(input, volume);
    if (files === undefined || this.#disposed) return false;
    const target = join(dir, volume.name);
    const turn = this.#writing.then(() => writeAtomically(target, files));
    this.#writing = turn.then(
      () => {},
      () => {},
    );
    await turn;
    this.#paths.set(volume.name, target);
    return true;
  }

  #rewriteSoon(): void {
    if (!this.#mounted || this.#disposed) return;
    const { clock, log } = this.#deps;
    this.#pending?.cancel();
    this.#pending = clock.startTimer(settleMs, () => background('update volumes', this.#rewrite(), log));
  }

  async #rewrite(): Promise<void> {
    for (const volume of specOf(this.#pod).volumes ?? []) {
      try {
        await this.#project(volume);
      } catch (error) {
        this.#deps.log.warn('a mounted volume was not updated', { volume: volume.name, error: messageOf(error) });
      }
    }
    this.#scheduleRefresh();
  }

  #scheduleRefresh(): void {
    const { clock, tokens } = this.#deps;
    this.#refresh?.cancel();
    const times = [...this.#tokensAsked.values()].map((options) => tokens.refreshAtMs(options) ?? Infinity);
    const next = Math.min(...times);
    if (next === Infinity || this.#disposed) return;
    const waitMs = Math.max(minTokenCheckMs, next - clock.nowMs());
    this.#refresh = clock.startTimer(waitMs, () => this.#rewriteSoon());
  }
}

/** Checks, or makes, a path of the host. Source: Kubernetes API, HostPathType. */
async function hostPath(source: { path: string; type?: string }): Promise<string> {
  const { path, type = '' } = source;
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true });
  if (type === 'FileOrCreate') {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '', { flag: 'a' });
  }
  const found = await stat(path).catch(() => undefined);
  if (type !== '' && found === undefined) throw new Error(`hostPath type check failed: ${path} is not a ${type}`);
  if (type === 'Directory' && found?.isDirectory() !== true) {
    throw new Error(`hostPath type check failed: ${path} is not a directory`);
  }
  if (type === 'File' && found?.isFile() !== true) {
    throw new Error(`hostPath type check failed: ${path} is not a file`);
  }
  return path;
}
