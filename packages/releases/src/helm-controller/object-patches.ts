/** Patches and images as kustomize applies them to a set of objects, and the selectors that choose among them. */

import {
  applyJsonPatch,
  jsonMergePatch,
  matchesRequirements,
  mergeSchemaFor,
  parseApiVersion,
  parseLabelSelector,
  strategicMergePatch,
  type AnyObject,
} from '@towpath/api';
import { getIn, isRecord, parseAllYaml, TowpathError, type UnknownRecord } from '@towpath/kit';
import { RE2JS } from 're2js';

/** Which objects are meant; members that are absent or '' mean all. All but the selectors are regular expressions. */
export interface ObjectSelector {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

export interface ObjectPatchText {
  /** YAML: a list of JSON patch operations, or strategic merge patches. */
  readonly patch: string;
  /** Left out, a strategic merge patch names its object itself. */
  readonly target?: ObjectSelector | undefined;
}

export interface ImageReplacement {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
}

/** Throws `PATCH_INVALID` for a pattern that is none. Source: kustomize api/types, SelectorRegex. */
export function selectsObject(selector: ObjectSelector, object: AnyObject): boolean {
  const { group, version } = parseApiVersion(object.apiVersion);
  const { name, namespace = '', labels, annotations } = object.metadata;
  return (
    matches(selector.group, group) &&
    matches(selector.version, version) &&
    matches(selector.kind, object.kind) &&
    matches(selector.name, name) &&
    matches(selector.namespace, namespace) &&
    hasLabels(selector.labelSelector, labels) &&
    hasLabels(selector.annotationSelector, annotations)
  );
}

/** Whole matches in linear time, as Go's: a pattern of a HelmRelease cannot hold up the program. */
function matches(pattern: string | undefined, value: string): boolean {
  if (pattern === undefined || pattern === '') return true;
  try {
    return RE2JS.matches(pattern, value);
  } catch (error) {
    throw invalid(`the pattern "${pattern}" of a selector is no regular expression`, error);
  }
}

function hasLabels(selector: string | undefined, labels: Record<string, string> | undefined): boolean {
  if (selector === undefined || selector === '') return true;
  return matchesRequirements(parseLabelSelector(selector), labels);
}

/** The objects with every patch applied in order; a `$patch: delete` takes its object out. Throws `PATCH_INVALID`. */
export function applyObjectPatches(
  objects: readonly AnyObject[],
  patches: readonly ObjectPatchText[],
): readonly AnyObject[] {
  return patches.reduce((current, patch) => applyOne(current, patch), objects);
}

function applyOne(objects: readonly AnyObject[], { patch, target }: ObjectPatchText): readonly AnyObject[] {
  let documents: unknown[];
  try {
    documents = parseAllYaml(patch, { file: 'patch' }).filter((document) => document !== null);
  } catch (error) {
    throw invalid(`a patch is no YAML: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  return documents.reduce<readonly AnyObject[]>((current, document) => {
    if (Array.isArray(document)) return applyOperations(current, document, target);
    if (!isRecord(document)) throw invalid('a patch is neither an object nor a list of operations');
    return target === undefined ? mergeNamed(current, document) : mergeSelected(current, document, target);
  }, objects);
}

function applyOperations(
  objects: readonly AnyObject[],
  operations: readonly unknown[],
  target: ObjectSelector | undefined,
): AnyObject[] {
  if (target === undefined) throw invalid('must specify a target for JSON patch');
  return objects.map((object) =>
    selectsObject(target, object) ? (applyJsonPatch(object, operations) as AnyObject) : object,
  );
}

function mergeSelected(objects: readonly AnyObject[], patch: UnknownRecord, target: ObjectSelector): AnyObject[] {
  return objects.flatMap((object) => (selectsObject(target, object) ? merged(object, patch) : [object]));
}

function mergeNamed(objects: readonly AnyObject[], patch: UnknownRecord): AnyObject[] {
  const { apiVersion, kind } = patch;
  const name = getIn(patch, ['metadata', 'name']);
  const namespace = getIn(patch, ['metadata', 'namespace']);
  const isMeant = (object: AnyObject): boolean =>
    object.apiVersion === apiVersion &&
    object.kind === kind &&
    object.metadata.name === name &&
    (namespace === undefined || (object.metadata.namespace ?? 'default') === namespace);
  if (!objects.some(isMeant)) {
    const { group, version } = parseApiVersion(String(apiVersion));
    const place = namespace === undefined ? '[noNs]' : String(namespace);
    const id = `${[String(kind), version, ...(group === '' ? ['[noGrp]'] : [group])].join('.')}/${String(name)}.${place}`;
    throw invalid(`no resource matches strategic merge patch "${id}": no matches for Id ${id}`);
  }
  return objects.flatMap((object) => (isMeant(object) ? merged(object, patch) : [object]));
}

/** The object's own identity stays. */
function merged(object: AnyObject, patch: UnknownRecord): AnyObject[] {
  if (patch['$patch'] === 'delete') return [];
  const schema = mergeSchemaFor(object);
  const { apiVersion: _version, kind: _kind, metadata, ...members } = patch;
  const { name: _name, namespace: _namespace, ...given } = isRecord(metadata) ? metadata : {};
  const change = isRecord(metadata) ? { ...members, metadata: given } : members;
  const next = schema === undefined ? jsonMergePatch(object, change) : strategicMergePatch(object, change, schema);
  return [next as AnyObject];
}

const containerLists = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/** The objects with the images of their containers replaced. Source: kustomize api/filters/imagetag. */
export function replaceImages(
  objects: readonly AnyObject[],
  images: readonly ImageReplacement[],
): readonly AnyObject[] {
  if (images.length === 0) return objects;
  return objects.map((object) => (object.kind === 'CustomResourceDefinition' ? object : visit(object, images)));
}

function visit<Value>(value: Value, images: readonly ImageReplacement[]): Value {
  if (Array.isArray(value)) return value.map((item: unknown) => visit(item, images)) as Value;
  if (!isRecord(value)) return value;
  const next: UnknownRecord = {};
  for (const [key, member] of Object.entries(value)) {
    const isList = containerLists.has(key) && Array.isArray(member);
    next[key] = isList ? member.map((item: unknown) => withImage(item, images)) : visit(member, images);
  }
  return next as Value;
}

function withImage(container: unknown, images: readonly ImageReplacement[]): unknown {
  if (!isRecord(container) || typeof container['image'] !== 'string') return container;
  return { ...container, image: images.reduce(replaceImage, container['image']) };
}

function replaceImage(image: string, { name, newName, newTag, digest }: ImageReplacement): string {
  const parts = splitImage(image);
  if (parts.name !== name) return image;
  const base = newName === undefined || newName === '' ? parts.name : newName;
  const tag = newTag ?? '';
  if (tag !== '' && (digest ?? '') !== '') return `${base}:${tag}@${digest}`;
  if ((digest ?? '') !== '') return `${base}@${digest}`;
  if (tag !== '') return `${base}:${tag}`;
  return `${base}${parts.tag === '' ? '' : `:${parts.tag}`}${parts.digest === '' ? '' : `@${parts.digest}`}`;
}

function splitImage(image: string): { name: string; tag: string; digest: string } {
  const [before = '', digest = ''] = image.split('@');
  const colon = before.lastIndexOf(':');
  if (colon < 0 || before.slice(colon).includes('/')) return { name: before, tag: '', digest };
  return { name: before.slice(0, colon), tag: before.slice(colon + 1), digest };
}

function invalid(message: string, cause?: unknown): TowpathError {
  return new TowpathError('PATCH_INVALID', message, cause === undefined ? {} : { cause });
}
