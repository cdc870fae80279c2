/** The pipeline controller: a push becomes a Pipeline, a Pipeline becomes Jobs. */

import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Jobs, Pipelines, Repositories, towpathNamespace } from '@towpath/api';
import type { Repo } from '@towpath/git';
import { Disposer, type Clock, type Disposable, type Logger } from '@towpath/kit';
import { createController, createInformer, createRecorder, type Client } from '@towpath/runtime';
import { pipelineLabel } from '../names.ts';
import { runPipelines, type PlanCache, type RunDeps } from './run.ts';
import { quote } from './script.ts';
import { triggerPipelines } from './trigger.ts';

export interface PipelinesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absolute; caches, artifacts and shims are kept in it. */
  readonly folder: string;
  /** The bare repository by its path (`acme/shop`), as the Git server gives it. */
  readonly openRepository: (path: string) => Repo | undefined;
  /** An in-cluster URL as programs on the host can open it. */
  readonly hostUrl: (url: string) => string;
  /** Address of the embedded registry, e.g. http://127.0.0.1:5000 */
  readonly registryUrl?: string | undefined;
  /** What `docker` in a job's script runs: `NODE PROGRAM docker …`. */
  readonly docker: { readonly node: string; readonly program: string; readonly dataDir: string };
  /** Default 2. */
  readonly jobsAtOnce?: number;
  readonly canRunImage?: (image: string) => Promise<boolean>;
}

export interface PipelineController extends Disposable {
  start(): Promise<void>;
  /** Resolves when nothing is queued and nothing runs in the controllers (jobs may run). */
  idle(): Promise<void>;
}

/** Level-based: all it knows is in Repository, Pipeline and Job objects. */
export function createPipelines(options: PipelinesOptions): PipelineController {
  const { client, clock, log, folder } = options;
  const ends = new Disposer();
  const plans: PlanCache = new Map();
  const shimDir = join(folder, 'bin');
  const deps: RunDeps = {
    client,
    clock,
    log,
    recorder: createRecorder({ client, component: 'pipeline', clock, log }),
    openRepository: options.openRepository,
    hostUrl: options.hostUrl,
    folder,
    shimDir,
    registry: options.registryUrl === undefined ? '' : new URL(options.registryUrl).host,
    environment: {
      TOWPATH_DATA: options.docker.dataDir,
      ...(options.registryUrl !== undefined && { TOWPATH_REGISTRY: options.registryUrl }),
    },
    jobsAtOnce: options.jobsAtOnce ?? 2,
    canRunImage: options.canRunImage ?? (async () => false),
  };
  const onPruned = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await rm(join(folder, 'artifacts', name), { recursive: true, force: true });
  };
  const inNamespace = { client, namespace: towpathNamespace, clock, log };
  const repositories = ends.own(createInformer({ ...inNamespace, type: Repositories }));
  const pipelines = ends.own(createInformer({ ...inNamespace, type: Pipelines }));
  const jobs = ends.own(createInformer({ ...inNamespace, type: Jobs, labelSelector: pipelineLabel }));
  const trigger = ends.own(
    createController({
      name: 'pipeline-trigger',
      clock,
      log,
      reconcile: (key) => triggerPipelines(key, { client, log, onPruned }),
    }),
  );
  // One key: slots are shared, so all pipelines are looked at together.
  const all = { name: 'all' };
  const run = ends.own(
    createController({ name: 'pipeline-run', clock, log, concurrency: 1, reconcile: () => runPipelines(deps, plans) }),
  );
  trigger.watch(repositories, (object) => [{ namespace: towpathNamespace, name: object.metadata.name }]);
  run.watch(pipelines, () => [all]);
  run.watch(jobs, () => [all]);
  return {
    async start() {
      await writeShim(shimDir, options.docker);
      for (const informer of [repositories, pipelines, jobs]) informer.start();
      trigger.start();
      run.start();
    },
    async idle() {
      await trigger.idle();
      await run.idle();
    },
    dispose: () => ends.dispose(),
  };
}

/** `docker` for scripts: this program under another name. */
async function writeShim(folder: string, docker: PipelinesOptions['docker']): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'docker');
  await writeFile(file, `#!/bin/sh\nexec ${quote(docker.node)} ${quote(docker.program)} docker "$@"\n`);
  await chmod(file, 0o755);
}
