/** Where a manifest names its images, as paths into the document: containers of workloads, values of HelmReleases. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';
import { parseImageRef } from './image-ref.ts';

type DocumentPath = readonly (string | number)[];

/** One image of a manifest. */
export interface ImagePlace {
  /** The container's name as policies use it; `chart-image` for the image at the top of a release's values. */
  readonly container: string;
  /** Registry included, without tag. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** The scalar that holds the tag, alone or at its end. */
  readonly path: DocumentPath;
  /** What the scalar is: a tag alone, or a reference that ends in one. */
  readonly holds: 'tag' | 'reference';
}

const topContainer = 'chart-image';

const podSpecs: Readonly<Record<string, DocumentPath>> = {
  Deployment: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  Pod: ['spec'],
};

/** Every image of the object that can be edited; an image pinned by digest cannot. */
export function imagePlaces(object: AnyObject): ImagePlace[] {
  if (object.kind === 'HelmRelease') return releasePlaces(object);
  const base = podSpecs[object.kind];
  if (base === undefined) return [];
  return ['containers', 'initContainers'].flatMap((member) => {
    const list = getIn(object, [...base, member]);
    if (!Array.isArray(list)) return [];
    return list.flatMap((container: unknown, index) => {
      const name = getIn(container, ['name']);
      const image = getIn(container, ['image']);
      if (typeof name !== 'string' || typeof image !== 'string') return [];
      return referencePlace(name, image, [...base, member, index, 'image']);
    });
  });
}

function referencePlace(container: string, image: string, path: DocumentPath, registry?: string): ImagePlace[] {
  const { repository, tag, digest } = parseImageRef(image);
  if (digest !== undefined || repository === '') return [];
  return [{ container, repository: withRegistry(registry, repository), tag, path, holds: 'reference' }];
}

function withRegistry(registry: string | undefined, repository: string): string {
  return registry === undefined || registry === '' ? repository : `${registry.replace(/\/$/, '')}/${repository}`;
}

/** The top of the values, each member one level below, and what annotations map. */
function releasePlaces(object: AnyObject): ImagePlace[] {
  // helm.fluxcd.io/v1, and the flux.weave.works/v1beta1 form that came before it, keep values at the same place.
  const base = ['spec', 'values'];
  const values = getIn(object, base);
  if (!isRecord(values)) return [];
  const mapped = mappedPlaces(object, base);
  const taken = new Set(mapped.map(({ container }) => container));
  const found = [
    ...placesIn(values, base, topContainer),
    ...Object.entries(values).flatMap(([name, value]) => {
      // `image` as a mapping belongs to the level above it.
      return isRecord(value) && name !== 'image' ? placesIn(value, [...base, name], name) : [];
    }),
  ];
  return [...mapped, ...found.filter(({ container }) => !taken.has(container))];
}

/**
 * The forms Flux recognises: `image: repo:tag`, `image` with `tag`, `registry` with `image`, and `image` as a mapping.
 * Source: fluxcd/flux pkg/cluster/kubernetes/resource/helmrelease.go, interpretAsContainer.
 */
function placesIn(values: Record<string, unknown>, path: DocumentPath, container: string): ImagePlace[] {
  const { image, tag, registry } = values;
  const host = typeof registry === 'string' ? registry : undefined;
  if (typeof image === 'string') {
    if (tag === undefined) return referencePlace(container, image, [...path, 'image'], host);
    return tagPlace(container, withRegistry(host, image), tag, [...path, 'tag']);
  }
  if (!isRecord(image)) return [];
  const { repository, tag: imageTag, registry: imageRegistry } = image;
  if (typeof repository !== 'string') return [];
  const imageHost = typeof imageRegistry === 'string' ? imageRegistry : host;
  if (imageTag === undefined) return referencePlace(container, repository, [...path, 'image', 'repository'], imageHost);
  return tagPlace(container, withRegistry(imageHost, repository), imageTag, [...path, 'image', 'tag']);
}

/** A tag that YAML reads as a number is still the text that is written. */
function tagPlace(container: string, repository: string, tag: unknown, path: DocumentPath): ImagePlace[] {
  if (typeof tag !== 'string' && typeof tag !== 'number') return [];
  return [{ container, repository, tag: String(tag), path, holds: 'tag' }];
}

/** `repository.fluxcd.io/<alias>: path`, with `tag.fluxcd.io/<alias>` and `registry.fluxcd.io/<alias>`. */
function mappedPlaces(object: AnyObject, base: DocumentPath): ImagePlace[] {
  const annotations = object.metadata.annotations ?? {};
  const prefix = 'repository.fluxcd.io/';
  return Object.entries(annotations).flatMap(([name, dotted]) => {
    if (!name.startsWith(prefix)) return [];
    const alias = name.slice(prefix.length);
    const read = (path: string | undefined): { path: DocumentPath; value: unknown } | undefined => {
      if (path === undefined) return undefined;
      const full = [...base, ...path.split('.')];
      return { path: full, value: getIn(object, full) };
    };
    const repository = read(dotted);
    const tag = read(annotations[`tag.fluxcd.io/${alias}`]);
    const registry = read(annotations[`registry.fluxcd.io/${alias}`])?.value;
    if (typeof repository?.value !== 'string') return [];
    const host = typeof registry === 'string' ? registry : undefined;
    if (tag === undefined) return referencePlace(alias, repository.value, repository.path, host);
    return tagPlace(alias, withRegistry(host, repository.value), tag.value, tag.path);
  });
}
