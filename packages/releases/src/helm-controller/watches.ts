/** Which HelmReleases a change of an object concerns, and what it makes of work under way. */

import { ConfigMaps, keyOf, keyText, Secrets, type AnyObject, type Key, type KubeObject } from '@towpath/api';
import { findCondition, isConditionTrue } from '@towpath/api';
import { Disposer, jsonEqual, type Clock, type Logger } from '@towpath/kit';
import { createInformer, type Client, type Controller, type Informer, type InformerEvent } from '@towpath/runtime';
import { chartKeyOf } from './chart-template.ts';
import { Superseded, type ControllerMemory } from './deps.ts';
import type { ControllerFlags } from './flags.ts';
import { HelmReleasesV2, type HelmRelease } from './helm-release.ts';
import { namespaceOf } from './settings.ts';
import { artifactOf, artifactText, sourceTypes, type SourceKind } from './source.ts';

export interface WatchOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly controller: Controller;
  readonly memory: ControllerMemory;
  readonly flags: ControllerFlags;
  /** Where the controller runs. */
  readonly namespace: string;
}

const requestedAt = 'reconcile.fluxcd.io/requestedAt';
/** ConfigMaps and Secrets with it are watched. */
const watchLabel = 'reconcile.fluxcd.io/watch=Enabled';

export class Watches {
  readonly #options: WatchOptions;
  readonly #releases: Informer<HelmRelease>;
  readonly #sources: readonly (readonly [SourceKind, Informer<AnyObject>])[];
  readonly #configs: readonly (readonly [string, Informer<KubeObject>])[];
  readonly #disposer = new Disposer();

  constructor(options: WatchOptions) {
    this.#options = options;
    const { client, clock, log, flags, namespace } = options;
    const place = { ...(!flags.watchAllNamespaces && { namespace }) };
    const common = { client, clock, log, ...place };
    const selector = { labelSelector: flags.watchLabelSelector };
    this.#releases = this.#disposer.own(createInformer({ ...common, ...selector, type: HelmReleasesV2 }));
    this.#sources = (Object.keys(sourceTypes) as SourceKind[]).map((kind) => [
      kind,
      this.#disposer.own(createInformer({ ...common, type: sourceTypes[kind] })),
    ]);
    this.#configs = [
      ['ConfigMap', this.#disposer.own(createInformer({ ...common, labelSelector: watchLabel, type: ConfigMaps }))],
      ['Secret', this.#disposer.own(createInformer({ ...common, labelSelector: watchLabel, type: Secrets }))],
    ];
  }

  start(): void {
    this.#releases.onChange((event) => this.#releaseChanged(event));
    for (const [kind, informer] of this.#sources) informer.onChange((event) => this.#sourceChanged(kind, event));
    for (const [kind, informer] of this.#configs) informer.onChange((event) => this.#configChanged(kind, event));
    this.#releases.start();
    for (const [, informer] of this.#sources) informer.start();
    for (const [, informer] of this.#configs) informer.start();
  }

  dispose(): Promise<void> {
    return this.#disposer.dispose();
  }

  /** Our own status writes do not wake the object itself, but they may what depends on it. */
  #releaseChanged({ type, object, previous }: InformerEvent<HelmRelease>): void {
    const { controller, memory } = this.#options;
    const key = keyOf(object);
    const isSame =
      type === 'update' &&
      previous?.metadata.generation === object.metadata.generation &&
      previous?.metadata.deletionTimestamp === object.metadata.deletionTimestamp &&
      previous?.metadata.annotations?.[requestedAt] === object.metadata.annotations?.[requestedAt];
    if (!isSame) {
      const running = memory.running.get(keyText(key));
      const isOlder = running !== undefined && running.generation !== object.metadata.generation;
      if (isOlder) running.abort.abort(new Superseded('HelmRelease', key));
      controller.enqueue(key);
    }
    if (!isReady(object)) return;
    for (const other of this.#releases.list()) if (awaits(other, key)) controller.enqueue(keyOf(other));
  }

  #sourceChanged(kind: SourceKind, { type, object, previous }: InformerEvent<AnyObject>): void {
    if (type === 'delete') return;
    const artifact = artifactOf(object);
    if (artifact === undefined && type === 'add') return;
    const isMoved = previous === undefined || !jsonEqual(artifactOf(previous), artifact);
    const { controller, memory } = this.#options;
    for (const release of this.#releases.list()) {
      if (!refersTo(release, kind, keyOf(object))) continue;
      if (!isMoved && !isWaitingForSource(release)) continue;
      const key = keyOf(release);
      const name = keyText(key);
      if (artifact !== undefined && memory.found.get(name) === artifactText(artifact)) continue;
      memory.running.get(name)?.abort.abort(new Superseded(kind, keyOf(object)));
      controller.enqueue(key);
    }
  }

  #configChanged(kind: string, { object }: InformerEvent<KubeObject>): void {
    const { namespace, name } = object.metadata;
    for (const release of this.#releases.list()) {
      if (namespaceOf(release) !== namespace) continue;
      const isUsed = release.spec.valuesFrom?.some((source) => source.kind === kind && source.name === name);
      if (isUsed === true) this.#options.controller.enqueue(keyOf(release));
    }
  }
}

function isReady({ metadata, status }: HelmRelease): boolean {
  return metadata.generation === status?.observedGeneration && isConditionTrue(status?.conditions, 'Ready');
}

/** It waits for a dependency, and `key` is one of them. */
function awaits(release: HelmRelease, key: Key): boolean {
  if (findCondition(release.status?.conditions, 'Ready')?.reason !== 'DependencyNotReady') return false;
  return (release.spec.dependsOn ?? []).some(
    ({ namespace, name }) => name === key.name && (namespace || namespaceOf(release)) === key.namespace,
  );
}

function isWaitingForSource({ status }: HelmRelease): boolean {
  const reason = findCondition(status?.conditions, 'Ready')?.reason;
  return reason === undefined || reason === 'SourceNotReady' || reason === 'ArtifactFailed';
}

function refersTo(release: HelmRelease, kind: SourceKind, key: Key): boolean {
  const { chartRef } = release.spec;
  if (chartRef === undefined) {
    return kind === 'HelmChart' && jsonEqual(chartKeyOf(release), key);
  }
  return (
    chartRef.kind === kind &&
    chartRef.name === key.name &&
    (chartRef.namespace || namespaceOf(release)) === key.namespace
  );
}
