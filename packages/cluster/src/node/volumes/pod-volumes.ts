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

export interface PodVolumes {
  /** Makes every volume; rejects with the kubelet's sentence when one cannot be made. May be called again. */
  mount(): Promise<void>;
  /** The host's folder (or file) of a volume. */
  pathOf(volume: string): string | undefined;
  /** Labels or annotations changed. */
  update(pod: Pod): void;
  dispose(): void;
}

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

export function createPodVolumes(deps: PodVolumesDeps): PodVolumes {
  const { dir, clock, log, tokens } = deps;
  let pod = deps.pod;
  let mounted = false;
  let disposed = false;
  let pending: Timer | undefined;
  let refresh: Timer | undefined;
  let writing: Promise<void> = Promise.resolve();
  const paths = new Map<string, string>();
  const lease = deps.objects.lease(rewriteSoon);
  const asked = new Map<string, TokenOptions>();

  function rewriteSoon(): void {
    if (!mounted || disposed) return;
    pending?.cancel();
    pending = clock.startTimer(settleMs, () => background('update volumes', rewrite(), log));
  }

  async function rewrite(): Promise<void> {
    for (const volume of specOf(pod).volumes ?? []) {
      try {
        await project(volume);
      } catch (error) {
        log.warn('a mounted volume was not updated', { volume: volume.name, error: messageOf(error) });
      }
    }
    scheduleRefresh();
  }

  /** Writes of one pod's volumes follow one another. */
  async function project(volume: Volume): Promise<boolean> {
    const input = {
      pod,
      facts: deps.facts,
      config: lease,
      token: (options: TokenOptions) => {
        asked.set(JSON.stringify(options), options);
        return tokens.token(options);
      },
    };
    const files = await projectedFiles(input, volume);
    if (files === undefined || disposed) return false;
    const target = join(dir, volume.name);
    const turn = writing.then(() => writeAtomically(target, files));
    writing = turn.then(
      () => {},
      () => {},
    );
    await turn;
    paths.set(volume.name, target);
    return true;
  }

  function scheduleRefresh(): void {
    refresh?.cancel();
    const times = [...asked.values()].map((options) => tokens.refreshAtMs(options) ?? Infinity);
    const next = Math.min(...times);
    if (next === Infinity || disposed) return;
    refresh = clock.startTimer(Math.max(minTokenCheckMs, next - clock.nowMs()), rewriteSoon);
  }

  async function make(volume: Volume): Promise<void> {
    if (paths.has(volume.name)) return;
    if (volume.emptyDir !== undefined) {
      const path = join(dir, volume.name);
      await mkdir(path, { recursive: true });
      await chmod(path, 0o777);
      paths.set(volume.name, path);
    } else if (volume.hostPath !== undefined) {
      paths.set(volume.name, await hostPath(volume.hostPath));
    } else if (!(await project(volume))) {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
      throw new Error(`volumes of kind ${kind} are not served by this node (it serves ${kinds.join(', ')})`);
    }
  }

  return {
    async mount() {
      for (const volume of specOf(pod).volumes ?? []) {
        try {
          await make(volume);
        } catch (error) {
          throw new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${messageOf(error)}`, {
            cause: error,
          });
        }
      }
      mounted = true;
      scheduleRefresh();
    },
    pathOf: (volume) => paths.get(volume),
    update(next) {
      pod = next;
      rewriteSoon();
    },
    dispose() {
      disposed = true;
      pending?.cancel();
      refresh?.cancel();
      lease.release();
    },
  };
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
