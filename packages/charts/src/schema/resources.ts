/** The resources of a schema document: parts with an `$id` of their own, and the anchors in them. */

import { quote } from '../go/strconv.ts';
import { draftOf, idKeyword, schemaPlaces } from './drafts.ts';
import { childPointer, joinUrl, locationOf, splitReference } from './pointers.ts';
import { SchemaError, type DraftVersion } from './types.ts';

type SchemaMap = ReadonlyMap<string, unknown>;

/** A part of a document that references are resolved in. */
export interface Resource {
  readonly pointer: string;
  readonly id: string;
  readonly draft: DraftVersion;
  /** Pointers by name. */
  readonly anchors: Map<string, string>;
  readonly dynamicAnchors: Set<string>;
}

/** A document and what was found in it. */
export class SchemaDocument {
  readonly url: string;
  readonly content: unknown;
  private readonly resources = new Map<string, Resource>();
  private readonly byId = new Map<string, Resource>();
  private readonly collected = new Set<string>();

  constructor(url: string, content: unknown, draft: DraftVersion) {
    this.url = url;
    this.content = content;
    this.collect(content, url, '', draft);
  }

  /** The resource that a pointer stands in. */
  resourceAt(pointer: string): Resource {
    for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const found = this.resources.get(at);
      if (found !== undefined) return found;
    }
    return this.root;
  }

  private get root(): Resource {
    const root = this.resources.get('');
    if (root === undefined) throw new SchemaError(`no schema at ${quote(this.url)}`);
    return root;
  }

  /** Whether the schemas below a pointer were looked at: a reference can point anywhere. */
  has(pointer: string): boolean {
    return this.collected.has(pointer);
  }

  /** Looks at a place that only a reference makes a schema. */
  add(pointer: string, content: unknown): void {
    const { id, draft } = this.resourceAt(pointer);
    this.collect(content, id, pointer, draft);
  }

  /** The pointer that a resolved reference means; undefined when it leaves the document. Throws `SchemaError`. */
  resolve(url: string, fragment: string): string | undefined {
    const resource = url === this.url ? this.root : this.byId.get(url);
    if (resource === undefined) return undefined;
    if (fragment === '' || fragment.startsWith('/')) return resource.pointer + fragment;
    const pointer = resource.anchors.get(fragment);
    if (pointer !== undefined) return pointer;
    throw new SchemaError(
      `anchor in ${quote(locationOf(resource.id, fragment))} not found in schema ${quote(this.url)}`,
    );
  }

  private collect(schema: unknown, base: string, pointer: string, fallback: DraftVersion): void {
    if (this.collected.has(pointer)) return;
    this.collected.add(pointer);
    if (!(schema instanceof Map)) {
      if (pointer === '') this.start(pointer, base, fallback);
      return;
    }
    const map = schema as SchemaMap;
    const named = this.draftNamed(map, pointer) ?? fallback;
    const isResource = idOf(map, named) !== '';
    const draft = isResource || pointer === '' ? named : fallback;
    const id = idOf(map, draft);
    const url = id === '' ? base : this.idUrl(base, id, pointer);
    if (id !== '' || pointer === '') this.start(pointer, url, draft);
    const resource = this.byId.get(url);
    if (resource === undefined) return;
    this.collectAnchors(map, pointer, resource);
    for (const place of schemaPlaces(draft)) {
      for (const [at, child] of childrenAt(map, place.split('/'), pointer))
        this.collect(child, url, at, resource.draft);
    }
  }

  private idUrl(base: string, id: string, pointer: string): string {
    try {
      return joinUrl(base, id).url;
    } catch {
      throw new SchemaError(`error in parsing id at ${quote(locationOf(this.url, pointer))}`);
    }
  }

  private draftNamed(schema: SchemaMap, pointer: string): DraftVersion | undefined {
    const url = schema.get('$schema');
    if (typeof url !== 'string') return undefined;
    const draft = draftOf(url);
    if (draft !== undefined) return draft;
    const name = url.split('#')[0] ?? '';
    if (pointer === '' && name === this.url) throw new SchemaError(`draft ${quote(name)} is not supported`);
    throw new SchemaError(`$schema ${quote(url)} is none of the drafts 4, 6, 7, 2019-09 and 2020-12`);
  }

  private start(pointer: string, id: string, draft: DraftVersion): void {
    const known = this.byId.get(id);
    if (known === undefined) {
      const resource: Resource = { pointer, id, draft, anchors: new Map(), dynamicAnchors: new Set() };
      this.resources.set(pointer, resource);
      this.byId.set(id, resource);
    } else if (known.pointer !== pointer) {
      throw new SchemaError(
        `duplicate id ${quote(id)} in ${quote(this.url)} at ${quote(pointer)} and ${quote(known.pointer)}`,
      );
    }
  }

  private collectAnchors(schema: SchemaMap, pointer: string, resource: Resource): void {
    const add = (anchor: unknown): void => {
      if (typeof anchor !== 'string') return;
      const known = resource.anchors.get(anchor);
      if (known !== undefined && known !== pointer) {
        throw new SchemaError(
          `duplicate anchor ${quote(anchor)} in ${quote(this.url)} at ${quote(known)} and ${quote(pointer)}`,
        );
      }
      resource.anchors.set(anchor, pointer);
    };
    if (resource.draft < 2019) {
      const id = schema.get(idKeyword(resource.draft));
      if (schema.has('$ref') || typeof id !== 'string') return;
      const { fragment } = splitReference(id);
      if (fragment !== '' && !fragment.startsWith('/')) add(fragment);
      return;
    }
    add(schema.get('$anchor'));
    const dynamicAnchor = schema.get('$dynamicAnchor');
    if (resource.draft < 2020 || typeof dynamicAnchor !== 'string') return;
    add(dynamicAnchor);
    resource.dynamicAnchors.add(dynamicAnchor);
  }
}

/** Without its fragment; '' when there is none. Beside `$ref`, old drafts ignore everything. */
function idOf(schema: SchemaMap, draft: DraftVersion): string {
  if (draft < 2019 && schema.has('$ref')) return '';
  const id = schema.get(idKeyword(draft));
  return typeof id === 'string' ? (id.split('#')[0] ?? '') : '';
}

function childrenAt(value: unknown, place: readonly string[], pointer: string): [pointer: string, value: unknown][] {
  const [step, ...rest] = place;
  if (step === undefined) return [[pointer, value]];
  if (step === '[]') {
    if (!Array.isArray(value)) return [];
    return value.flatMap((item: unknown, index) => childrenAt(item, rest, childPointer(pointer, String(index))));
  }
  if (!(value instanceof Map)) return [];
  const map = value as SchemaMap;
  if (step !== '*') return map.has(step) ? childrenAt(map.get(step), rest, childPointer(pointer, step)) : [];
  return [...map].flatMap(([key, item]) => childrenAt(item, rest, childPointer(pointer, key)));
}
