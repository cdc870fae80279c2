/** What the nodes say about the machine they run on. */

import { readFileSync } from 'node:fs';
import { availableParallelism, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { HostFacts } from '@towpath/cluster';

export function readHostFacts(env: Readonly<Record<string, string | undefined>>): HostFacts {
  return {
    platform: process.platform,
    architecture: process.arch,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    kernelVersion: release(),
    osImage: osImage(),
    userId: process.getuid?.() ?? 0,
    tempDir: tmpdir(),
    node: process.execPath,
    env,
  };
}

function osImage(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

/** The file in which Docker and podman keep logins. */
export function dockerConfig(env: HostFacts['env']): string {
  return join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? '/', '.docker'), 'config.json');
}
