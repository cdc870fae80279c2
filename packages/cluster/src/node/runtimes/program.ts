/** What a process container really runs: the host's Node for Node images, flags, and the environment of the preload. */

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PreloadSettings, SignalSettings } from '../../network/preload/toolkit.ts';
import type { ContainerPlan } from './runtime.ts';

/** Share of a container's memory limit that the JavaScript heap may take. */
const heapRatio = 0.75;
const minHeapMib = 24;

/** True when the program is `node` itself. */
export function isNodeProgram(plan: ContainerPlan): boolean {
  return basename(plan.command[0] ?? '') === 'node';
}

/** True when the image brings its own Node; looked for where Node images have it. */
export function hasOwnNode(rootfs: string, command: string): boolean {
  const paths = command.startsWith('/') ? [command] : ['usr/local/bin/node', 'usr/bin/node', 'bin/node'];
  return paths.some((path) => existsSync(join(rootfs, path)));
}

/** Small heaps: a young generation of 1 MiB halves, and an old one that fits the container's limit. */
export function nodeFlags(memoryLimitBytes: number | undefined): string[] {
  const flags = ['--max-semi-space-size=1'];
  if (memoryLimitBytes === undefined) return flags;
  const heapMib = Math.max(minHeapMib, Math.floor((memoryLimitBytes / 1024 / 1024) * heapRatio));
  return [...flags, `--max-old-space-size=${heapMib}`];
}

/** The container's environment plus what loads the preload into every Node program it starts. */
export function withPreload(
  env: Readonly<Record<string, string>>,
  options: { preload: string; settings: PreloadSettings | SignalSettings },
): Record<string, string> {
  const own = env['NODE_OPTIONS'] === undefined ? '' : ` ${env['NODE_OPTIONS']}`;
  return {
    ...env,
    NODE_OPTIONS: `--require ${JSON.stringify(options.preload)}${own}`,
    TOWPATH_NET: JSON.stringify(options.settings),
  };
}

/** What the preload of this container is told; `runDir` as the program sees it. */
export function preloadSettings(plan: ContainerPlan, runDir: string): PreloadSettings {
  const { network } = plan;
  return {
    run: runDir,
    key: network.key,
    token: network.token,
    ip: network.ip,
    pod: plan.hostname,
    hostLoopback: network.hostLoopback,
  };
}

/** Said of programs that are not Node: their sockets are the host's. */
export function notCaptured(container: string, because?: string): string {
  return (
    `container ${container} does not start with node: connections of programs in it that are not Node ` +
    `are not captured, and their listeners are the host's own` +
    (because === undefined ? '' : ` (${because})`)
  );
}
