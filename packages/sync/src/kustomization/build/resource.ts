/** A resource on its way through a build: its object, and the names it had before. */

import { parseApiVersion, type AnyObject } from '@towpath/api';
import type { UnknownRecord } from '@towpath/kit';
import { isClusterScoped } from './field-specs.ts';

/** What names a resource at one moment of the build. */
export interface ResourceId {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  /** '' where the object has none. */
  readonly namespace: string;
}

export interface Resource {
  object: AnyObject;
  /** The names before each change, oldest first. */
  readonly previous: ResourceId[];
  readonly prefixes: string[];
  readonly suffixes: string[];
  /** A generated ConfigMap or Secret whose name gets its content's hash. */
  needsHash: boolean;
  readonly behavior: 'create' | 'replace' | 'merge';
  /** The file it came from, for errors. */
  readonly source: string;
}

/** A new resource; the object is its own from here on. */
export function makeResource(object: AnyObject, source: string): Resource {
  const [prefixes, suffixes, previous]: [string[], string[], ResourceId[]] = [[], [], []];
  return { object, previous, prefixes, suffixes, needsHash: false, behavior: 'create', source };
}

export function currentId({ object }: Resource): ResourceId {
  const { name = '', namespace = '' } = metadataOf(object);
  return { ...parseApiVersion(object.apiVersion), kind: object.kind, name: String(name), namespace: String(namespace) };
}

export function originalId(resource: Resource): ResourceId {
  return resource.previous[0] ?? currentId(resource);
}

/** Every id the resource has or had. */
export function anyIds(resource: Resource): ResourceId[] {
  return [...resource.previous, currentId(resource)];
}

export function rememberId(resource: Resource): void {
  const id = currentId(resource);
  resource.previous.push({ ...id, namespace: effectiveNamespace(id) });
}

/** An absent namespace is `default`; cluster-scoped kinds have one of their own. */
export function effectiveNamespace(id: ResourceId): string {
  if (isClusterScoped(id)) return '_non_namespaceable_';
  return id.namespace === '' || id.namespace === 'default' ? 'default' : id.namespace;
}

export function sameNamespace(left: ResourceId, right: ResourceId): boolean {
  return effectiveNamespace(left) === effectiveNamespace(right);
}

export function sameId(left: ResourceId, right: ResourceId): boolean {
  const isSame = left.group === right.group && left.version === right.version && left.kind === right.kind;
  return isSame && left.name === right.name && sameNamespace(left, right);
}

/** `Kind.version.group/name.namespace`, as kustomize writes ids. */
export function idText({ group, version, kind, name, namespace }: ResourceId): string {
  const type = [kind, version === '' ? '[noVer]' : version, group === '' ? '[noGrp]' : group].join('.');
  return `${type}/${name === '' ? '[noName]' : name}.${namespace === '' ? '[noNs]' : namespace}`;
}

/** The metadata of an object as a plain record that may be written. */
export function metadataOf(object: AnyObject): UnknownRecord {
  return object.metadata as unknown as UnknownRecord;
}
