/**
 * `kustomize build` of a folder: bytes in, objects out. Pure: no disk, network, clock or environment.
 * Source: kustomize v5.8 (api/internal/target), whose output it repeats for the fields it has.
 */

import type { AnyObject } from '@towpath/api';
import { isRecord, parseAllYaml, TowpathError, type UnknownRecord } from '@towpath/kit';
import type { FieldSpec } from './field-specs.ts';
import { childPath, readFileAt, type FileSet } from './files.ts';
import { contentHash, generate } from './generators.ts';
import {
  kustomizationFileNames,
  parseKustomization,
  type KustomizationFile,
  type PatchItem,
} from './kustomization-file.ts';
import { fixNameReferences } from './name-references.ts';
import { applyPatch, flattenLists } from './patches.ts';
import { applyReplacement, type Replacement } from './replacements.ts';
import { anyIds, currentId, idText, makeResource, metadataOf, rememberId, sameId, type Resource } from './resource.ts';
import { sortLegacy } from './sort.ts';
import { addAnnotations, addLabels, addNameParts, setImages, setNamespace, setReplicas } from './transformers.ts';

export interface BuildOptions {
  readonly files: FileSet;
  /** The folder to build, relative to the root of the files; '' is the root. */
  readonly path: string;
  /** Replaces the kustomization file of that folder: what Flux generates. */
  readonly kustomization?: { readonly file: KustomizationFile; readonly name: string };
}

/** How deep kustomizations may refer to one another. */
const maxDepth = 64;

/** The objects in the order of kustomize's output. Throws `KUSTOMIZE_INVALID` or `KUSTOMIZE_UNSUPPORTED`. */
export function buildKustomization(options: BuildOptions): AnyObject[] {
  const { files, path, kustomization } = options;
  const loaded = kustomization ?? loadKustomization(files, path);
  const layer = { files, path, file: loaded.file, name: loaded.name, parents: [path] };
  const resources = accumulate(layer, []);
  for (const resource of resources) {
    if (!resource.needsHash) continue;
    rememberId(resource);
    metadataOf(resource.object)['name'] = `${currentId(resource).name}-${contentHash(resource.object)}`;
  }
  fixNameReferences(resources);
  const kept = resources.filter(
    ({ object }) => object.metadata.annotations?.['config.kubernetes.io/local-config'] !== 'true',
  );
  const { sortOptions } = loaded.file;
  const sorted = sortOptions?.order === 'fifo' ? kept : sortLegacy(kept, sortOptions?.legacySortOptions);
  return sorted.map(({ object }) => withoutEmptyAnnotations(object));
}

/** kustomize keeps its notes in annotations and clears them away, and with them an empty map. */
function withoutEmptyAnnotations(object: AnyObject): AnyObject {
  const metadata = metadataOf(object);
  const { annotations } = metadata;
  const isEmpty = annotations === null || (isRecord(annotations) && Object.keys(annotations).length === 0);
  if (isEmpty) delete metadata['annotations'];
  return object;
}

/** The one kustomization file of a folder. Throws `KUSTOMIZE_INVALID` when there is none, or more. */
function loadKustomization(files: FileSet, path: string): { file: KustomizationFile; name: string } {
  const names = kustomizationFileNames.map((name) => childPath(path, name)).filter((name) => files.has(name));
  const [name] = names;
  const where = path === '' ? '.' : path;
  if (name === undefined) {
    throw new TowpathError('KUSTOMIZE_INVALID', `${where}: no kustomization file found`, {
      next: 'add a kustomization.yaml to the folder, or name a folder that has one',
    });
  }
  if (names.length > 1)
    throw new TowpathError('KUSTOMIZE_INVALID', `found multiple kustomization files under: ${where}`);
  return { file: parseKustomization(new TextDecoder().decode(files.get(name)), name), name };
}

interface Layer {
  readonly files: FileSet;
  readonly path: string;
  readonly file: KustomizationFile;
  /** Of the kustomization file, for errors. */
  readonly name: string;
  readonly parents: readonly string[];
}

/** A component works on its parent's resources, which come in; the list is changed and returned. */
function accumulate(layer: Layer, resources: Resource[]): Resource[] {
  for (const path of layer.file.resources ?? []) addAll(resources, loadResource(layer, path), layer);
  runGenerators(layer, resources);
  for (const path of layer.file.components ?? []) {
    const child = enter(layer, path);
    if (child.file.kind !== 'Component') {
      throw new TowpathError('KUSTOMIZE_INVALID', `${layer.name}: ${path} is in components, but is not a Component`);
    }
    accumulate(child, resources);
  }
  runTransformers(layer, resources);
  return resources;
}

/** A file, or a folder with a kustomization. */
function loadResource(layer: Layer, path: string): Resource[] {
  refuseRemote(layer, path);
  const full = childPath(layer.path, path);
  const bytes = layer.files.get(full);
  if (bytes === undefined) {
    const child = enter(layer, path);
    if (child.file.kind === 'Component') {
      throw new TowpathError('KUSTOMIZE_INVALID', `${layer.name}: ${path} is a Component; list it in components`);
    }
    return accumulate(child, []);
  }
  return readResources(new TextDecoder().decode(bytes), full);
}

/** The objects of one file. Throws `KUSTOMIZE_INVALID` for what is no object. */
export function readResources(text: string, file: string): Resource[] {
  return parseAllYaml(text, { file, onlyTrueAndFalse: true })
    .flatMap(flattenLists)
    .map((document) => {
      const metadata = isRecord(document) ? document['metadata'] : undefined;
      const isObject =
        isRecord(document) && typeof document['kind'] === 'string' && document['apiVersion'] !== undefined;
      const hasName = isRecord(metadata) && (metadata['name'] !== undefined || metadata['generateName'] !== undefined);
      if (!isObject || !hasName) {
        const missing = isObject ? 'metadata.name' : 'apiVersion and kind';
        throw new TowpathError('KUSTOMIZE_INVALID', `${file}: missing ${missing} in an object of this file`, {
          next: 'complete the object, or leave the file out of resources',
        });
      }
      return makeResource(document as unknown as AnyObject, file);
    });
}

/** Git and HTTP bases would make what is applied depend on the network. */
function refuseRemote({ name }: Layer, path: string): void {
  const isRemote =
    /^[a-z+]+:\/\//i.test(path) || /^git@|\?ref=|^github\.com[/:]/i.test(path) || path.includes('.git//');
  if (!isRemote) return;
  throw new TowpathError('KUSTOMIZE_UNSUPPORTED', `${name}: remote base ${path} is not supported`, {
    next: 'copy the base into the repository, or make it a GitRepository of its own',
  });
}

function enter(layer: Layer, path: string): Layer {
  refuseRemote(layer, path);
  const folder = childPath(layer.path, path);
  if (layer.parents.includes(folder) || layer.parents.length > maxDepth) {
    throw new TowpathError(
      'KUSTOMIZE_INVALID',
      `${layer.name}: cycle detected: ${[...layer.parents, folder].join(' → ')}`,
    );
  }
  if (![...layer.files.keys()].some((file) => folder === '' || file.startsWith(`${folder}/`))) {
    throw new TowpathError('KUSTOMIZE_INVALID', `${layer.name}: ${path} is neither a file nor a folder`, {
      next: 'correct the path, or add the file',
    });
  }
  const { file, name } = loadKustomization(layer.files, folder);
  return { files: layer.files, path: folder, file, name, parents: [...layer.parents, folder] };
}

function addAll(resources: Resource[], added: readonly Resource[], { name }: Layer): void {
  for (const resource of added) {
    const id = currentId(resource);
    if (resources.some((other) => anyIds(other).some((one) => sameId(one, id)))) {
      throw new TowpathError(
        'KUSTOMIZE_INVALID',
        `${name}: may not add resource with an already registered id: ${idText(id)}`,
        { next: 'declare the object once' },
      );
    }
    resources.push(resource);
  }
}

function runGenerators(layer: Layer, resources: Resource[]): void {
  const { file, name, files, path } = layer;
  const read = (source: string): Uint8Array => readFileAt(files, { folder: path, path: source, from: name });
  const all = [
    ...(file.configMapGenerator ?? []).map((args) => ({ kind: 'ConfigMap' as const, args })),
    ...(file.secretGenerator ?? []).map((args) => ({ kind: 'Secret' as const, args })),
  ];
  for (const { kind, args } of all) {
    absorb(resources, generate({ kind, args, defaults: file.generatorOptions, file: name, read }), layer);
  }
}

function absorb(resources: Resource[], made: Resource, layer: Layer): void {
  const id = currentId(made);
  const index = resources.findIndex((other) => anyIds(other).some((one) => sameId(one, id)));
  const old = resources[index];
  const fail = (what: string): TowpathError =>
    new TowpathError('KUSTOMIZE_INVALID', `${layer.name}: id ${idText(id)} ${what}`);
  if (made.behavior === 'create') {
    if (old !== undefined) throw fail('exists; behavior must be merge or replace');
    resources.push(made);
    return;
  }
  if (old === undefined) throw fail('does not exist; cannot merge or replace');
  const before = old.object;
  const { name, namespace } = before.metadata;
  const merged = (field: 'labels' | 'annotations'): object => {
    const both = { ...recordOf(before.metadata[field]), ...recordOf(made.object.metadata[field]) };
    return Object.keys(both).length > 0 ? { [field]: both } : {};
  };
  const metadata = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...merged('labels'),
    ...merged('annotations'),
  };
  const object: AnyObject = { ...made.object, metadata };
  if (made.behavior === 'merge') {
    for (const field of ['data', 'binaryData']) {
      const both = { ...recordOf(before[field]), ...recordOf(made.object[field]) };
      if (Object.keys(both).length > 0) object[field] = both;
    }
  }
  resources[index] = { ...old, object, needsHash: old.needsHash && made.needsHash };
}

/** In the fixed order of kustomize, whatever the order in the file. */
function runTransformers(layer: Layer, resources: Resource[]): void {
  const { file, name } = layer;
  for (const patch of file.patchesStrategicMerge ?? []) applyPatch(resources, patchText(layer, patch));
  for (const item of file.patches ?? []) applyPatch(resources, patchEntry(layer, item, 'patches'));
  if (file.namespace !== undefined) setNamespace(resources, file.namespace);
  addNameParts(resources, file.namePrefix ?? '', file.nameSuffix ?? '');
  for (const { pairs = {}, includeSelectors = false, includeTemplates = false, fields = [] } of file.labels ?? []) {
    addLabels(resources, { pairs, includeSelectors, includeTemplates, fields: fields.map(completeSpec) });
  }
  if (file.commonLabels !== undefined) {
    addLabels(resources, { pairs: file.commonLabels, includeSelectors: true, includeTemplates: true, fields: [] });
  }
  if (file.commonAnnotations !== undefined) addAnnotations(resources, file.commonAnnotations);
  for (const item of file.patchesJson6902 ?? []) applyPatch(resources, patchEntry(layer, item, 'patchesJson6902'));
  for (const replica of file.replicas ?? []) setReplicas(resources, replica);
  for (const image of file.images ?? []) setImages(resources, image);
  for (const replacement of replacementsOf(layer)) applyReplacement(resources, replacement, name);
}

function completeSpec({
  group = '',
  version = '',
  kind = '',
  path = '',
  create = false,
}: Partial<FieldSpec>): FieldSpec {
  return { group, version, kind, path, create };
}

/** An entry of patchesStrategicMerge is a file, or the patch itself. */
function patchText(layer: Layer, patch: string): { text: string; file: string } {
  const full = childPath(layer.path, patch);
  const bytes = patch.includes('\n') ? undefined : layer.files.get(full);
  if (bytes !== undefined) return { text: new TextDecoder().decode(bytes), file: full };
  if (patch.includes(':')) return { text: patch, file: layer.name };
  return { text: textAt(layer, patch), file: full };
}

function textAt({ files, path, name }: Layer, source: string): string {
  return new TextDecoder().decode(readFileAt(files, { folder: path, path: source, from: name }));
}

function patchEntry(layer: Layer, item: PatchItem, field: string): Parameters<typeof applyPatch>[1] {
  const { patch = '', path = '', target, options } = item;
  if ((patch === '') === (path === '')) {
    throw new TowpathError('KUSTOMIZE_INVALID', `${layer.name}: an entry of ${field} needs one of patch and path`);
  }
  return {
    ...(path === ''
      ? { text: patch, file: layer.name }
      : { text: textAt(layer, path), file: childPath(layer.path, path) }),
    ...(target !== undefined && { target }),
    ...options,
  };
}

function replacementsOf(layer: Layer): Replacement[] {
  return (layer.file.replacements ?? []).flatMap((item) => {
    if (item.path === undefined) return [item];
    const documents = parseAllYaml(textAt(layer, item.path), { file: childPath(layer.path, item.path) });
    return documents.flat().filter((one): one is UnknownRecord & Replacement => isRecord(one));
  });
}

function recordOf(value: unknown): UnknownRecord {
  return isRecord(value) ? value : {};
}
