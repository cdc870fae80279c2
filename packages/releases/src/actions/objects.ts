/** From manifest text to objects that the API can be asked about. */

import { parseApiVersion, type AnyObject, type Key, type ResourceType } from '@towpath/api';
import { fromYaml } from '@towpath/charts';
import { isRecord, messageOf } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';

/** An object of a release and the resource it belongs to. Cluster-scoped objects have no namespace. */
export interface ReleaseObject {
  readonly object: AnyObject;
  readonly type: ResourceType;
}

export interface BuildOptions {
  readonly client: Client;
  /** Given to namespaced objects that name none. */
  readonly namespace: string;
  /** Leaves out kinds the API does not serve, instead of refusing; for what is to be deleted. */
  readonly skipUnknownKinds?: boolean;
}

/** The objects of a manifest, lists taken apart. Throws `KIND_UNKNOWN` or `MANIFEST_INVALID`, naming all of them. */
export async function buildObjects(manifest: string, options: BuildOptions): Promise<ReleaseObject[]> {
  const built: ReleaseObject[] = [];
  const unknown: string[] = [];
  for (const object of parseManifest(manifest)) {
    const type = await options.client.resourceFor(object);
    if (type === undefined) {
      if (options.skipUnknownKinds !== true) unknown.push(unknownKind(object));
      continue;
    }
    built.push({ object: placed(object, type, options.namespace), type });
  }
  if (unknown.length === 0) return built;
  throw releaseError('KIND_UNKNOWN', unknown.length === 1 ? String(unknown[0]) : `[${unknown.join(', ')}]`, {
    next: 'install the CRDs these kinds come from',
  });
}

/** The sentence kubectl and Helm print for it. */
function unknownKind(object: AnyObject): string {
  const { group, version } = parseApiVersion(object.apiVersion);
  const known = group === '' ? version : `${group}/${version}`;
  const namespace = object.metadata.namespace ?? '';
  return (
    `resource mapping not found for name: "${object.metadata.name}" namespace: "${namespace}" from "": ` +
    `no matches for kind "${object.kind}" in version "${known}"\nensure CRDs are installed first`
  );
}

function placed(object: AnyObject, type: ResourceType, namespace: string): AnyObject {
  if (type.namespaced) {
    return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace } };
  }
  const { namespace: _none, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** The documents of a manifest as objects; `List` kinds give their items. Throws `MANIFEST_INVALID`. */
export function parseManifest(manifest: string): AnyObject[] {
  return manifest.split(documentStart).flatMap((document) => flatten(parseDocument(document)));
}

const documentStart = /^---(?:[ \t].*)?$/m;

function parseDocument(text: string): unknown {
  const file = /^# Source: (\S+)/m.exec(text)?.[1] ?? 'manifest';
  try {
    return fromYaml(text, { file });
  } catch (error) {
    throw releaseError('MANIFEST_INVALID', messageOf(error), {
      next: 'correct the template that renders it',
      cause: error,
    });
  }
}

function flatten(document: unknown): AnyObject[] {
  if (!isRecord(document)) return [];
  const { apiVersion, kind, metadata, items } = document;
  if (typeof apiVersion !== 'string' || apiVersion === '' || typeof kind !== 'string' || kind === '') {
    const missing = typeof kind === 'string' && kind !== '' ? 'apiVersion' : 'kind';
    throw releaseError('MANIFEST_INVALID', `a rendered document has no ${missing}: ${sketch(document)}`, {
      next: 'correct the template that renders it',
    });
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    const itemKind = kind === 'List' ? undefined : kind.slice(0, -'List'.length);
    return items.flatMap((item) => flatten(isRecord(item) ? withListType(item, apiVersion, itemKind) : item));
  }
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') {
    throw releaseError('MANIFEST_INVALID', `a rendered ${kind} has no metadata.name`, {
      next: 'correct the template that renders it',
    });
  }
  return [document as AnyObject];
}

function withListType(item: Record<string, unknown>, apiVersion: string, kind: string | undefined): unknown {
  return kind === undefined ? item : { apiVersion, kind, ...item };
}

function sketch(document: Record<string, unknown>): string {
  const text = JSON.stringify(document);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** Equal for objects that are the same thing, whatever version of the group their manifests name. */
export function identityOf({ object, type }: ReleaseObject): string {
  return `${type.group}/${type.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

export function keyOfObject({ object }: ReleaseObject): Key {
  const { name, namespace } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}

/** `Deployment "frontend" in namespace "shop"`, as Helm names objects in errors. */
export function describeObject({ object }: ReleaseObject): string {
  return `${object.kind} "${object.metadata.name}" in namespace "${object.metadata.namespace ?? ''}"`;
}
