/** Patches of a kustomization: strategic merge and JSON patches, inline or in files. */

import { applyJsonPatch, parseApiVersion, type AnyObject } from '@towpath/api';
import { getIn, isRecord, messageOf, parseAllYaml, TowpathError, type UnknownRecord } from '@towpath/kit';
import { mergePatch } from './merge.ts';
import {
  anyIds,
  currentId,
  idText,
  metadataOf,
  rememberId,
  sameId,
  type Resource,
  type ResourceId,
} from './resource.ts';
import { selectResources, type Selector } from './select.ts';

export interface PatchEntry {
  /** YAML or JSON text. */
  readonly text: string;
  /** The file, or the kustomization that has it inline. */
  readonly file: string;
  readonly target?: Selector;
  readonly allowNameChange?: boolean;
  readonly allowKindChange?: boolean;
}

/** Changes the resources in place; what a patch deletes leaves the list. Throws `KUSTOMIZE_INVALID`. */
export function applyPatch(resources: Resource[], entry: PatchEntry): void {
  const documents = parseAllYaml(entry.text, { file: entry.file, onlyTrueAndFalse: true });
  const first = documents[0];
  if (Array.isArray(first)) {
    applyOperations(resources, first, entry);
    return;
  }
  const patches = documents.flatMap(flattenLists).map((document) => patchOf(document, entry));
  if (patches.length === 0) throw invalid(entry, 'the patch is empty');
  if (entry.target === undefined) {
    for (const patch of patches) mergeInto(resources, [only(resources, patch, entry)], { patch, entry });
    return;
  }
  const [patch, ...others] = patches;
  if (patch === undefined || others.length > 0) {
    throw invalid(entry, 'several strategic merge patches in one entry must not have a target');
  }
  mergeInto(resources, selectResources(resources, entry.target), { patch, entry });
}

/** The items of a `List`, or the document itself. */
export function flattenLists(document: unknown): unknown[] {
  const items = isRecord(document) && String(document['kind']).endsWith('List') ? document['items'] : undefined;
  return Array.isArray(items) ? items.flatMap((item: unknown) => flattenLists(item)) : [document];
}

function invalid({ file }: PatchEntry, message: string): TowpathError {
  return new TowpathError('KUSTOMIZE_INVALID', `${file}: ${message}`);
}

function patchOf(document: unknown, entry: PatchEntry): UnknownRecord {
  if (isRecord(document) && typeof document['kind'] === 'string' && isRecord(document['metadata'])) return document;
  throw invalid(entry, 'unable to parse SM or JSON patch: it is neither an object with kind and metadata nor a list');
}

function only(resources: readonly Resource[], patch: UnknownRecord, entry: PatchEntry): Resource {
  const text = (path: string[]): string => String(getIn(patch, path) ?? '');
  const type = parseApiVersion(text(['apiVersion']));
  const id: ResourceId = {
    ...type,
    kind: text(['kind']),
    name: text(['metadata', 'name']),
    namespace: text(['metadata', 'namespace']),
  };
  const found = resources.filter((resource) => anyIds(resource).some((other) => sameId(other, id)));
  const [resource] = found;
  if (resource !== undefined && found.length === 1) return resource;
  const many = found.length > 1 ? 'several resources match' : 'no resource matches';
  throw invalid(entry, `${many} strategic merge patch "${idText(id)}"`);
}

interface Merge {
  readonly patch: UnknownRecord;
  readonly entry: PatchEntry;
}

function mergeInto(resources: Resource[], targets: readonly Resource[], { patch, entry }: Merge): void {
  for (const resource of targets) {
    const { name, namespace } = currentId(resource);
    const { kind } = resource.object;
    if (entry.allowNameChange === true || entry.allowKindChange === true) rememberId(resource);
    const { apiVersion: _ignored, ...members } = patch;
    let merged: AnyObject | undefined;
    try {
      merged = mergePatch(resource.object, members);
    } catch (error) {
      throw invalid(entry, `${idText(currentId(resource))}: ${messageOf(error)}`);
    }
    if (merged === undefined) {
      resources.splice(resources.indexOf(resource), 1);
      continue;
    }
    resource.object = merged;
    if (entry.allowKindChange !== true) merged.kind = kind;
    const metadata = metadataOf(merged);
    if (entry.allowNameChange !== true) metadata['name'] = name;
    if (namespace === '') delete metadata['namespace'];
    else metadata['namespace'] = namespace;
  }
}

function applyOperations(resources: readonly Resource[], operations: readonly unknown[], entry: PatchEntry): void {
  if (entry.target === undefined) throw invalid(entry, 'a JSON patch needs a target');
  for (const resource of selectResources(resources, entry.target)) {
    rememberId(resource);
    try {
      for (const operation of operations) {
        resource.object = applyJsonPatch(resource.object, [likeGo(operation, resource.object)]) as AnyObject;
      }
    } catch (error) {
      throw invalid(entry, `${idText(currentId(resource))}: ${messageOf(error)}`);
    }
  }
}

/** `replace` of a member that a map does not have adds it, as the library of kustomize does. */
function likeGo(operation: unknown, object: AnyObject): unknown {
  if (!isRecord(operation) || operation['op'] !== 'replace') return operation;
  const steps = String(operation['path']).split('/').slice(1);
  const names = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const parent = getIn(object, names.slice(0, -1));
  const isNew = isRecord(parent) && !Object.hasOwn(parent, names.at(-1) ?? '');
  return isNew ? { ...operation, op: 'add' } : operation;
}
