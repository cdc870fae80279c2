/** The life, files and network of pods on each runtime kind; what a kind cannot do is skipped by name. */

import { arch, cpus, release, tmpdir, totalmem } from 'node:os';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { runtimeCases } from './runtime.cases.ts';
import { findHostTools } from '../runtimes/host-tools.ts';
import type { HostFacts } from '../start-nodes.ts';
import { World, type Kind } from './world.ts';

const engine = findHostTools({ path: process.env['PATH'] ?? '', platform: process.platform }).engines.podman;

const kinds: readonly Kind[] = [
  { name: 'namespaces', options: { level: 'namespaces' }, image: 'acme/run:1' },
  { name: 'network namespaces', options: { level: 'namespaces' }, image: 'acme/shell:1' },
  { name: 'plain', options: { level: 'plain' }, image: 'acme/run:1' },
  {
    name: 'container',
    options: { runtime: 'container' },
    image: 'acme/run:1',
    missing: engine === undefined ? 'podman is not installed' : undefined,
  },
  { name: 'builtin', options: {}, image: undefined },
];

const host: HostFacts = {
  platform: process.platform,
  architecture: arch(),
  cpus: cpus().length,
  memoryBytes: totalmem(),
  kernelVersion: release(),
  osImage: 'test',
  userId: process.getuid?.() ?? 0,
  tempDir: tmpdir(),
  node: process.execPath,
  env: process.env,
};

describe.each(kinds)('$name', (kind) => {
  if (kind.missing !== undefined) {
    test.skip(`not tried: ${kind.missing}`, () => {});
    return;
  }
  let world: World;

  beforeAll(async () => {
    world = await World.start(kind, host);
  });

  afterAll(async () => {
    await world.dispose();
  });

  for (const one of runtimeCases) {
    const reason = one.cannot?.[kind.name];
    if (reason === undefined) test(one.name, { timeout: 60_000 }, () => one.run(world));
    else test.skip(`${one.name} (not on ${kind.name}: ${reason})`, () => {});
  }
});
