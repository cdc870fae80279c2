/** The container engine of a node that runs its containers with one. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { TowpathError, type Disposer, type Logger } from '@towpath/kit';
import type { RelayTools } from '../../../network/relay/relay.ts';
import type { NodePaths } from '../../paths.ts';
import type { HostTools } from '../host-tools.ts';
import { removeContainers, startReaper } from './container-runtime.ts';
import { findEngine, type Engine } from './engine.ts';

export interface EngineOfNode {
  readonly engine: Engine;
  /** Tells the containers of this data folder from others. */
  readonly owner: string;
}

/** Rejects with `RUNTIME_MISSING` when no engine can run containers here. Containers end with `ends`. */
export async function setUpEngine(options: {
  tools: HostTools;
  env: Readonly<Record<string, string | undefined>>;
  paths: NodePaths;
  dataDir: string;
  ends: Disposer;
  log: Logger;
}): Promise<EngineOfNode> {
  const { tools, env, paths, ends, log } = options;
  const engine = await findEngine({ tools, env, dir: join(paths.probe, 'engine') });
  if ('because' in engine) {
    throw new TowpathError('RUNTIME_MISSING', `no container engine can be used: ${engine.because}`, {
      next: 'install podman, or start without --runtime container to run containers as processes',
    });
  }
  const owner = createHash('sha256').update(options.dataDir).digest('hex').slice(0, 16);
  await removeContainers(engine, owner);
  ends.own(startReaper(engine, tools, owner));
  const { version, rootless, hasLimits } = engine;
  log.info('containers run with podman', { version, rootless, limits: hasLimits });
  return { engine, owner };
}

/** Network namespaces must belong to the engine's own user namespace where it has one. */
export function relayToolsFor(tools: RelayTools, engine: Engine | undefined): RelayTools {
  return engine?.rootless === true ? { ...tools, asRoot: [engine.command, 'unshare'] } : tools;
}
