/** What Flux changes in the objects of a chart: patches and images, common metadata, and whose they are. */

import { type AnyObject } from '@towpath/api';
import { toYaml } from '@towpath/charts';
import { parseManifest } from '../actions/objects.ts';
import type { Rendered } from '../actions/rendered.ts';
import type { ReleaseHook } from '../storage/release.ts';
import { helmGroup, type HelmRelease } from './helm-release.ts';
import { applyObjectPatches, replaceImages } from './object-patches.ts';
import { namespaceOf } from './settings.ts';

/**
 * The chart's output with the post-renderers of the spec, its common metadata and the labels that name the HelmRelease.
 * Hooks are changed with the rest, unless the strategy is `nohooks`. Throws `PATCH_INVALID`.
 */
export function postRender(rendered: Rendered, object: HelmRelease): Rendered {
  const strategy = object.spec.postRenderStrategy ?? 'combined';
  const documents = documentsOf(rendered.manifest);
  const hooks = rendered.hooks.flatMap((hook) => parseManifest(hook.manifest).map((parsed) => ({ hook, parsed })));
  const change = (objects: readonly AnyObject[]): readonly AnyObject[] => changed(objects, object);
  if (strategy === 'nohooks') return { ...rendered, manifest: manifestOf(change(documents.map(marked)), documents) };
  if (strategy === 'separate') {
    const changedHooks = change(hooks.map(({ parsed }, index) => withMark(parsed, index)));
    return {
      ...rendered,
      manifest: manifestOf(change(documents.map(marked)), documents),
      hooks: hooksOf(changedHooks, hooks),
    };
  }
  const all = change([
    ...documents.map(marked),
    ...hooks.map(({ parsed }, index) => withMark(parsed, documents.length + index)),
  ]);
  const isHook = (item: AnyObject): boolean => markOf(item) >= documents.length;
  return {
    ...rendered,
    manifest: manifestOf(
      all.filter((item) => !isHook(item)),
      documents,
    ),
    hooks: hooksOf(
      all.filter(isHook).map((item) => withMark(item, markOf(item) - documents.length)),
      hooks,
    ),
  };
}

interface SourceDocument {
  readonly source: string;
  readonly object: AnyObject;
}

function documentsOf(manifest: string): SourceDocument[] {
  return manifest.split(/^---(?:[ \t].*)?$/m).flatMap((text) => {
    const source = /^# Source: (.+)$/m.exec(text)?.[1] ?? '';
    return parseManifest(text).map((object) => ({ source, object }));
  });
}

/** Where an object came from goes with it while it is changed, as Helm's own annotation does. */
const markAnnotation = 'postrenderer.towpath.dev/place';

function marked({ object }: SourceDocument, index: number): AnyObject {
  return withMark(object, index);
}

function withMark(object: AnyObject, index: number): AnyObject {
  const annotations = { ...object.metadata.annotations, [markAnnotation]: String(index) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function markOf({ metadata }: AnyObject): number {
  return Number(metadata.annotations?.[markAnnotation] ?? 0);
}

function unmarked(object: AnyObject): AnyObject {
  const { [markAnnotation]: _place, ...annotations } = object.metadata.annotations ?? {};
  const { annotations: _all, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) } };
}

function changed(objects: readonly AnyObject[], { metadata, spec }: HelmRelease): readonly AnyObject[] {
  let current = objects;
  for (const { kustomize } of spec.postRenderers ?? []) {
    if (kustomize === undefined) continue;
    current = replaceImages(applyObjectPatches(current, kustomize.patches ?? []), kustomize.images ?? []);
  }
  const labels = {
    ...spec.commonMetadata?.labels,
    [`${helmGroup}/name`]: metadata.name,
    [`${helmGroup}/namespace`]: namespaceOf({ metadata }),
  };
  return current.map((object) => withMetadata(object, labels, spec.commonMetadata?.annotations ?? {}));
}

function withMetadata(
  object: AnyObject,
  labels: Record<string, string>,
  annotations: Record<string, string>,
): AnyObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...labels },
      annotations: { ...metadata.annotations, ...annotations },
    },
  };
}

function manifestOf(objects: readonly AnyObject[], documents: readonly SourceDocument[]): string {
  return objects
    .map((object) => {
      const source = documents[markOf(object)]?.source ?? '';
      const comment = source === '' ? '' : `# Source: ${source}\n`;
      return `---\n${comment}${toYaml(unmarked(object))}\n\n`;
    })
    .join('');
}

function hooksOf(objects: readonly AnyObject[], before: readonly { readonly hook: ReleaseHook }[]): ReleaseHook[] {
  return objects.flatMap((object) => {
    const hook = before[markOf(object)]?.hook;
    return hook === undefined
      ? []
      : [{ ...hook, name: object.metadata.name, manifest: `${toYaml(unmarked(object))}\n` }];
  });
}
