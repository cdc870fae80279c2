/** What a kustomization changes in all its resources: namespace, names, labels, annotations, replicas, images. */

import { isRecord, TowpathError, type UnknownRecord } from '@towpath/kit';
import {
  annotationFields,
  commonLabelFields,
  imageFields,
  isClusterScoped,
  isSelected,
  namespaceFields,
  replicaFields,
  templateLabelFields,
  updateField,
  type FieldSpec,
} from './field-specs.ts';
import { anyIds, currentId, idText, metadataOf, originalId, rememberId, sameId, type Resource } from './resource.ts';
import { wholeMatcher } from './select.ts';

function fieldsOf({ object }: Resource, specs: readonly FieldSpec[]): readonly FieldSpec[] {
  const id = currentId({ object } as Resource);
  return specs.filter((spec) => isSelected(id, spec));
}

function record({ object }: Resource): UnknownRecord {
  return object as unknown as UnknownRecord;
}

/** Throws `KUSTOMIZE_INVALID` when two resources become one. */
export function setNamespace(resources: readonly Resource[], namespace: string): void {
  for (const resource of resources) {
    rememberId(resource);
    const { object } = resource;
    if (!isClusterScoped(currentId(resource))) metadataOf(object)['namespace'] = namespace;
    for (const spec of fieldsOf(resource, namespaceFields)) {
      if (spec.path === 'metadata/name' && object.apiVersion !== 'v1') continue;
      updateField(
        record(resource),
        spec,
        () => namespace,
        () => '',
      );
    }
    const subjects = object.kind.endsWith('RoleBinding') && Array.isArray(object['subjects']) ? object['subjects'] : [];
    for (const subject of subjects) {
      if (isRecord(subject) && subject['name'] === 'default') subject['namespace'] = namespace;
    }
    const id = currentId(resource);
    if (resources.filter((other) => sameId(currentId(other), id)).length > 1) {
      throw new TowpathError('KUSTOMIZE_INVALID', `namespace transformation produces ID conflict: ${idText(id)}`);
    }
  }
}

/** Kinds whose name is not theirs to choose. */
const keepsName: ReadonlySet<string> = new Set(['CustomResourceDefinition', 'APIService', 'Namespace']);

export function addNameParts(resources: readonly Resource[], prefix: string, suffix: string): void {
  for (const resource of resources) {
    if (keepsName.has(originalId(resource).kind)) continue;
    const metadata = metadataOf(resource.object);
    if (prefix !== '') {
      resource.prefixes.push(prefix);
      rememberId(resource);
      metadata['name'] = `${prefix}${String(metadata['name'])}`;
    }
    if (suffix !== '') {
      resource.suffixes.push(suffix);
      rememberId(resource);
      metadata['name'] = `${String(metadata['name'])}${suffix}`;
    }
  }
}

export interface LabelEntry {
  readonly pairs: Readonly<Record<string, string>>;
  readonly includeSelectors: boolean;
  readonly includeTemplates: boolean;
  readonly fields: readonly FieldSpec[];
}

const metadataLabels: FieldSpec = { group: '', version: '', kind: '', path: 'metadata/labels', create: true };

export function addLabels(resources: readonly Resource[], entry: LabelEntry): void {
  const { includeSelectors, includeTemplates, fields, pairs } = entry;
  const ours = includeSelectors ? commonLabelFields : includeTemplates ? templateLabelFields : [metadataLabels];
  setPairs(resources, [...fields, ...ours], pairs);
}

export function addAnnotations(resources: readonly Resource[], pairs: Readonly<Record<string, string>>): void {
  setPairs(resources, annotationFields, pairs);
}

function setPairs(
  resources: readonly Resource[],
  specs: readonly FieldSpec[],
  pairs: Readonly<Record<string, string>>,
): void {
  for (const resource of resources) {
    for (const spec of fieldsOf(resource, specs)) {
      const set = (value: unknown): unknown => ({ ...(isRecord(value) ? value : {}), ...pairs });
      updateField(record(resource), spec, set, () => ({}));
    }
  }
}

/** Throws `KUSTOMIZE_INVALID` when nothing has that name. */
export function setReplicas(resources: readonly Resource[], replica: { name: string; count: number }): void {
  let isFound = false;
  for (const spec of replicaFields) {
    for (const resource of resources) {
      if (!anyIds(resource).some((id) => id.name === replica.name && isSelected(id, spec))) continue;
      isFound = true;
      if (isSelected(currentId(resource), spec))
        updateField(
          record(resource),
          spec,
          () => replica.count,
          () => 0,
        );
    }
  }
  if (isFound) return;
  const kinds = replicaFields.map(({ kind }) => kind).join(', ');
  throw new TowpathError('KUSTOMIZE_INVALID', `replicas: none of ${kinds} is named ${replica.name}`);
}

export interface ImageEntry {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly tagSuffix?: string;
  readonly digest?: string;
}

/** In containers anywhere in an object, and in the known fields of pods. */
export function setImages(resources: readonly Resource[], entry: ImageEntry): void {
  const matches = imageMatcher(entry.name);
  const set = (value: unknown): unknown =>
    typeof value === 'string' && matches(value) ? changedImage(value, entry) : value;
  for (const resource of resources) {
    if (resource.object.kind === 'CustomResourceDefinition') continue;
    visitContainers(resource.object, set);
    for (const spec of fieldsOf(resource, imageFields)) updateField(record(resource), spec, set);
  }
}

function imageMatcher(name: string): (image: string) => boolean {
  // The name is a pattern in kustomize, too: `.*` changes every image.
  return wholeMatcher(`${name}(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?`);
}

function visitContainers(node: unknown, set: (value: unknown) => unknown): void {
  if (Array.isArray(node)) for (const item of node) visitContainers(item, set);
  if (!isRecord(node)) return;
  for (const [name, value] of Object.entries(node)) {
    visitContainers(value, set);
    if ((name !== 'containers' && name !== 'initContainers') || !Array.isArray(value)) continue;
    for (const container of value) {
      if (isRecord(container) && container['image'] !== undefined) container['image'] = set(container['image']);
    }
  }
}

function changedImage(image: string, entry: ImageEntry): string {
  const parts = splitImage(image);
  const name = entry.newName !== undefined && entry.newName !== '' ? entry.newName : parts.name;
  const { newTag = '', digest: newDigest = '', tagSuffix = '' } = entry;
  let { tag, digest } = parts;
  if (newTag !== '' || newDigest !== '') [tag, digest] = [newTag, newDigest];
  else if (tagSuffix !== '') [tag, digest] = [`${tag}${tagSuffix}`, ''];
  return `${name}${tag === '' ? '' : `:${tag}`}${digest === '' ? '' : `@${digest}`}`;
}

function splitImage(image: string): { name: string; tag: string; digest: string } {
  const at = image.indexOf('@');
  const digest = at < 0 ? '' : image.slice(at + 1);
  const rest = at < 0 ? image : image.slice(0, at);
  const slash = rest.indexOf('/');
  const colon = rest.indexOf(':', Math.max(slash, 0));
  if (colon < 0) return { name: rest, tag: '', digest };
  return { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}
