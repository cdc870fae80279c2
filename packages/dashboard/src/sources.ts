/** What the page is made of: local views of the cluster, kept by informers. */

import {
  Canaries,
  Events,
  HelmReleases,
  Images,
  Pipelines,
  Pods,
  Repositories,
  Syncs,
  type AnyObject,
  type Event,
  type ImageRecord,
  type KubeObject,
  type Pipeline,
  type Pod,
  type Repository,
  type ResourceType,
  type Sync,
} from '@towpath/api';
import { Disposer, type Clock, type Logger } from '@towpath/kit';
import { createInformer, type Client } from '@towpath/runtime';

/** Everything at one moment. */
export interface Sources {
  readonly repositories: readonly Repository[];
  readonly pipelines: readonly Pipeline[];
  readonly images: readonly ImageRecord[];
  readonly syncs: readonly Sync[];
  readonly releases: readonly AnyObject[];
  readonly canaries: readonly AnyObject[];
  readonly pods: readonly Pod[];
  readonly events: readonly Event[];
}

export interface LiveSources {
  read(): Sources;
  /** Resolves when every kind has been listed; kinds that are not served count as empty. */
  synced(): Promise<void>;
  dispose(): Promise<void>;
}

export interface SourcesDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** Starts the informers. */
export function startSources({ client, clock, log, onChange }: SourcesDeps): LiveSources {
  const ends = new Disposer();
  const waits: Promise<void>[] = [];
  const live = <Object extends KubeObject>(type: ResourceType<Object>): (() => Object[]) => {
    const informer = ends.own(createInformer<Object>({ client, type, clock, log }));
    informer.onChange(onChange);
    informer.start();
    waits.push(informer.synced());
    return () => informer.list();
  };
  const repositories = live(Repositories);
  const pipelines = live(Pipelines);
  const images = live(Images);
  const syncs = live(Syncs);
  const releases = live(HelmReleases);
  const canaries = live(Canaries);
  const pods = live(Pods);
  const events = live(Events);
  return {
    read: () => ({
      repositories: repositories(),
      pipelines: pipelines(),
      images: images(),
      syncs: syncs(),
      releases: releases(),
      canaries: canaries(),
      pods: pods(),
      events: events(),
    }),
    async synced() {
      await Promise.all(waits);
    },
    dispose: () => ends.dispose(),
  };
}
