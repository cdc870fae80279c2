/** From pushes to pipelines: Repository and Image objects, the pipeline controller. */

import { towpathNamespace } from '@towpath/api';
import { Disposer, type Clock, type Disposable, type Logger } from '@towpath/kit';
import { createPipelines, pipelineCrds, publishImage, publishRepository } from '@towpath/pipeline';
import type { RunningCluster } from './cluster.ts';
import type { DataDir } from './data-dir.ts';
import { startRepository, type SourceEvents, type Sources } from './sources.ts';
import { ensureCrds, ensureNamespace } from './system-objects.ts';

export interface DeliveryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly cluster: RunningCluster;
  readonly sources: Sources;
  readonly data: DataDir;
  /** The file of the program itself: jobs call it as `docker`. */
  readonly program: string;
}

/** Resolves when pushes can be told to it. */
export async function startDelivery(options: DeliveryOptions): Promise<SourceEvents & Disposable> {
  const { clock, log, cluster, sources, data } = options;
  const { client } = cluster;
  await ensureNamespace(client, towpathNamespace);
  await ensureCrds(client, clock, pipelineCrds);
  const ends = new Disposer();
  const pipelines = ends.own(
    createPipelines({
      client,
      clock,
      log,
      folder: await data.folder('pipeline'),
      openRepository: (path) => sources.git.repository(path),
      hostUrl: (url) => cluster.nodes.hostUrl(url),
      registryUrl: sources.url,
      docker: { node: process.execPath, program: options.program, dataDir: data.path },
    }),
  );
  await pipelines.start();
  return {
    onPush: (event) => publishRepository({ client, clock }, event, { readOnly: event.repository === startRepository }),
    onTag: (event) => publishImage({ client, clock }, event),
    dispose: () => ends.dispose(),
  };
}
